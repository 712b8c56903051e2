"""Drawing ellipses and rectangles straight into the voxels of a region.

A voxel belongs to a shape if its centre lies inside: no rounding of outlines, no shape layer to
convert, the same undo as the brush.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.gui.region_layers import RegionLayers

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

Tool = Literal["navigate", "ellipse", "rectangle", "polygon", "brush", "erase"]

_NAPARI_MODES = {"polygon": "polygon", "brush": "paint", "erase": "erase"}


def inside_shape(
    tool: Tool, shape: tuple[int, int], corner: tuple[float, float], opposite: tuple[float, float]
) -> NDArray[np.bool_]:
    """Pixels whose centres lie in the ellipse or rectangle spanned by two corners.

    Parameters
    ----------
    tool : str
        ``"ellipse"`` or ``"rectangle"``.
    shape : (int, int)
        Rows and columns of the plane.
    corner, opposite : (float, float)
        Row and column of two opposite corners; pixel centres lie at whole numbers.

    Returns
    -------
    ndarray of bool, shape ``shape``
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    middle = [(a + b) / 2 for a, b in zip(corner, opposite, strict=True)]
    radius = [abs(a - b) / 2 for a, b in zip(corner, opposite, strict=True)]
    dy, dx = rows - middle[0], columns - middle[1]
    if tool == "rectangle":
        return np.asarray((np.abs(dy) <= radius[0]) & (np.abs(dx) <= radius[1]))
    if min(radius) == 0:
        return np.zeros(shape, dtype=bool)
    return np.asarray((dy / radius[0]) ** 2 + (dx / radius[1]) ** 2 <= 1)


class DrawingTool:
    """The tool in hand, for the labels of a scan."""

    def __init__(self, regions: RegionLayers) -> None:
        self._regions = regions
        self.tool: Tool = "navigate"
        regions.layer.mouse_drag_callbacks.append(self._on_drag)

    def take(self, tool: Tool) -> None:
        """Take a tool in hand; without a region one is made."""
        self.tool = tool
        layer = self._regions.layer
        if tool != "navigate" and self._regions.active is None:
            self._regions.add()
        layer.mode = _NAPARI_MODES.get(tool, "pan_zoom")
        layer.mouse_pan = tool == "navigate"

    def _on_drag(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        if self.tool not in ("ellipse", "rectangle") or event.button != 1:
            return
        displayed = [axis - (len(event.position) - layer.ndim) for axis in event.dims_displayed]
        if len(displayed) != 2 or min(displayed) < 0:
            return
        start = layer.world_to_data(event.position)
        plane: list[slice | int] = [round(float(position)) for position in start]
        for axis in displayed:
            plane[axis] = slice(None)
        index = tuple(plane)
        if any(not 0 <= i < n for i, n in zip(plane, layer.data.shape, strict=True) if isinstance(i, int)):
            return
        before = self._regions.labels[index].copy()
        # Rolled axes may come in the other order than the array's.
        axes = sorted(displayed)
        inside = np.zeros(before.shape, dtype=bool)
        code = int(layer.selected_label)
        moved = False
        yield
        while event.type in ("mouse_move", "mouse_release"):
            # napari passes on one move in 5 ms: the last ones may be known only by the release.
            over = event.type == "mouse_release"
            if moved or not over:
                now = layer.world_to_data(event.position)
                corners = [(float(point[axes[0]]), float(point[axes[1]])) for point in (start, now)]
                inside = inside_shape(self.tool, before.shape, corners[0], corners[1])
            if over:
                break
            moved = True
            self._regions.preview(np.where(inside, np.uint8(code), before), index)
            yield
        # The preview is no part of history: put back what was there, then draw it for good.
        self._regions.preview(before, index)
        voxels = list(np.nonzero(inside))
        for axis, position in enumerate(plane):
            if isinstance(position, int):
                voxels.insert(axis, np.full(voxels[0].shape, position))
        self._regions.fill(tuple(voxels), code)
