"""Which voxel the user pointed at: a click that moves nothing and draws nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_dwi.scan import View

if TYPE_CHECKING:
    import napari

_N_AXES = 3


class VoxelProbe:
    """Tells the voxel (x, y, z), in stored order, of every plain click on the canvas.

    Parameters
    ----------
    viewer : Viewer
        The last three axes of its layers are (z, y, x) of the view.
    """

    clicked = Signal(tuple)

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.view: View | None = None
        viewer.mouse_drag_callbacks.append(self._on_press)

    def close(self) -> None:
        """Listen no longer."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: napari.Viewer, event: Any) -> Generator[None, None, None]:
        active = viewer.layers.selection.active
        if event.button != 1 or viewer.dims.ndisplay != 2 or not getattr(active, "mouse_pan", True):
            return
        voxel = self._voxel_at(event.position)
        yield
        # A hand that trembles stays in its voxel; one that leaves it moves the image.
        while event.type == "mouse_move":
            if self._voxel_at(event.position) != voxel:
                return
            yield
        if voxel is not None:
            self.clicked.emit(voxel)

    def _voxel_at(self, position: tuple[float, ...]) -> tuple[int, int, int] | None:
        if self.view is None or len(position) < _N_AXES:
            return None
        index = [
            round(place / spacing)
            for place, spacing in zip(position[-_N_AXES:], self.view.spacing_mm, strict=True)
        ]
        if any(not 0 <= i < n for i, n in zip(index, self.view.shape, strict=True)):
            return None
        return self.view.voxel((index[0], index[1], index[2]))
