"""What is written on the canvas: patient directions, b-value, slice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from napari.components.overlays import TextOverlay

from napari_dwi.scan import View

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

_SPOTS = {"left": "middle_left", "right": "middle_right", "top": "top_center", "bottom": "bottom_center"}
_DISPLAY_AXES = ("z", "y", "x")
_WARNING = "ORIENTATION UNKNOWN"
# In 3-D, edges between two directions carry both letters from this share of a direction on.
_LEAST_SHARE = 0.4


class OrientationLetters:
    """R, L, A, P, S, I at the edges of every pane, right after every roll of the axes and turn in 3-D."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._view: View | None = None
        self._overlays = {
            side: TextOverlay(
                text="", visible=False, position=spot, gridded=True, font_size=13, color="yellow"
            )
            for side, spot in _SPOTS.items()
        }
        for side, overlay in self._overlays.items():
            overlay.box = False
            viewer.canvas.overlays[f"napari-dwi {side}"] = overlay
        self.warning = TextOverlay(
            text=_WARNING, visible=False, position="top_right", gridded=True, font_size=12, color="red"
        )
        viewer.canvas.overlays["napari-dwi orientation"] = self.warning
        viewer.dims.events.order.connect(self._update)
        viewer.dims.events.ndisplay.connect(self._update)
        viewer.canvas.grid.events.enabled.connect(self._update)
        viewer.scene.camera.events.orientation.connect(self._update)
        viewer.scene.camera.events.angles.connect(self._update)

    def show(self, view: View | None) -> None:
        """Write the letters of a view, or none."""
        self._view = view
        self._update()

    @property
    def letters(self) -> dict[str, str]:
        """What stands at the ``"left"``, ``"right"``, ``"top"`` and ``"bottom"`` of the screen."""
        # The last three axes of the viewer are those of the view; a b axis may stand before them.
        dims = self._viewer.dims
        shown = [axis - (dims.ndim - len(_DISPLAY_AXES)) for axis in dims.displayed]
        if self._view is None or min(shown) < 0:
            return dict.fromkeys(_SPOTS, "")
        right, up = self._screen_directions(len(shown))
        ends = [self._view.letters[axis] for axis in shown]
        return {
            "left": _letters_towards(-right, ends),
            "right": _letters_towards(right, ends),
            "top": _letters_towards(up, ends),
            "bottom": _letters_towards(-up, ends),
        }

    def _screen_directions(self, n_shown: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """To the right and up on the screen, along the displayed axes."""
        camera = self._viewer.scene.camera
        if n_shown == 2:
            vertical, horizontal = camera.orientation2d
            return (
                np.array([0.0, -1.0 if horizontal == "left" else 1.0]),
                np.array([1.0 if vertical == "up" else -1.0, 0.0]),
            )
        up = np.array(camera.up_direction, dtype=np.float64)
        right = np.cross(camera.view_direction, up)
        return (right if camera.handedness == "right" else -right), up

    def _update(self) -> None:
        for side, letter in self.letters.items():
            # In panes the names of images lie along the top, and long ones reach the middle.
            below_the_name = side == "top" and self._viewer.canvas.grid.enabled
            self._overlays[side].text = f"\n{letter}" if letter and below_the_name else letter
            self._overlays[side].visible = bool(letter)
        self.warning.visible = self._view is not None and not self._view.grid.orientation_known


def _letters_towards(direction: NDArray[np.float64], ends: list[tuple[str, str]]) -> str:
    """The letters a direction points to, the nearest one first; one of them if they are unknown."""
    nearest = np.argsort(-np.abs(direction), kind="stable")
    letters = [
        ends[axis][int(direction[axis] > 0)] for axis in nearest if abs(direction[axis]) > _LEAST_SHARE
    ]
    return "".join(dict.fromkeys(letters))


class PositionText:
    """The b-value and the slice, in the corner."""

    def __init__(self, viewer: napari.Viewer, b_value_at: Callable[[int], str | None]) -> None:
        self._viewer = viewer
        self._b_value_at = b_value_at
        overlay = viewer.canvas.overlays.text
        overlay.position = "bottom_left"
        overlay.font_size = 12
        viewer.dims.events.current_step.connect(self.update)
        viewer.dims.events.order.connect(self.update)
        viewer.dims.events.ndisplay.connect(self.update)

    @property
    def text(self) -> str:
        """What is written: ``"b = 400 s/mm²"`` above ``"slice 6/12"``."""
        dims = self._viewer.dims
        lines = []
        if dims.ndim == 4 and (b_value := self._b_value_at(int(dims.current_step[0]))) is not None:
            lines.append(f"b = {b_value} s/mm²")
        sliced = [axis for axis in dims.not_displayed if axis >= dims.ndim - len(_DISPLAY_AXES)]
        lines += [f"slice {dims.current_step[axis] + 1}/{dims.nsteps[axis]}" for axis in sliced]
        return "\n".join(lines)

    def update(self) -> None:
        """Write it anew."""
        self._viewer.canvas.overlays.text.text = self.text
        self._viewer.canvas.overlays.text.visible = bool(self.text)
