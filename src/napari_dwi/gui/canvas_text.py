"""What is written on the canvas: patient directions, b-value, slice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari.components.overlays import TextOverlay

from napari_dwi.scan import View

if TYPE_CHECKING:
    import napari

_SPOTS = {"left": "middle_left", "right": "middle_right", "top": "top_center", "bottom": "bottom_center"}
_DISPLAY_AXES = ("z", "y", "x")


class OrientationLetters:
    """R, L, A, P, S, I at the edges of every pane, right after every roll of the axes."""

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
        viewer.dims.events.order.connect(self._update)
        viewer.dims.events.ndisplay.connect(self._update)
        viewer.scene.camera.events.orientation.connect(self._update)

    def show(self, view: View | None) -> None:
        """Write the letters of a view, or none."""
        self._view = view
        self._update()

    @property
    def letters(self) -> dict[str, str]:
        """What stands at the ``"left"``, ``"right"``, ``"top"`` and ``"bottom"`` of the screen."""
        if self._view is None or self._viewer.dims.ndisplay != 2:
            return dict.fromkeys(_SPOTS, "")
        row, column = self._viewer.dims.displayed[-2:]
        vertical, horizontal = self._viewer.scene.camera.orientation2d
        # The last three axes of the viewer are those of the view; a b axis may stand before them.
        first = self._viewer.dims.ndim - len(_DISPLAY_AXES)
        if min(row, column) < first:
            return dict.fromkeys(_SPOTS, "")
        top, bottom = self._view.letters[row - first]
        left, right = self._view.letters[column - first]
        if str(vertical) == "up":
            top, bottom = bottom, top
        if str(horizontal) == "left":
            left, right = right, left
        return {"left": left, "right": right, "top": top, "bottom": bottom}

    def _update(self) -> None:
        for side, letter in self.letters.items():
            self._overlays[side].text = letter
            self._overlays[side].visible = bool(letter)


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
