"""A contrast window for every b-value: b = 800 is not shown with the window of b = 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.gui.layers import symmetric_window, window

if TYPE_CHECKING:
    import napari
    from napari.layers import Image
    from numpy.typing import NDArray

Window = Callable[["NDArray[np.float32]"], tuple[float, float]]


class VolumeWindows:
    """Remembers the contrast limits of a 4-D layer for each of its volumes.

    Moving to another b-value brings back the window last used there; what the user sets stays with
    the volume it was set on.
    """

    def __init__(self, viewer: napari.Viewer, layer: Image, *, is_residual: bool = False) -> None:
        self.layer = layer
        self._viewer = viewer
        self._find: Window = symmetric_window if is_residual else window
        self._known: dict[int, tuple[float, float]] = {}
        self._volume: int | None = None
        viewer.dims.events.current_step.connect(self._on_step)
        self._on_step()

    def close(self) -> None:
        """Stop following the viewer."""
        self._viewer.dims.events.current_step.disconnect(self._on_step)

    def _on_step(self) -> None:
        volume = int(self._viewer.dims.current_step[0]) if self._viewer.dims.ndim == 4 else 0
        if volume == self._volume or volume >= self.layer.data.shape[0]:
            return
        if self._volume is not None:
            low, high = self.layer.contrast_limits
            self._known[self._volume] = (float(low), float(high))
        self._volume = volume
        limits = self._known.get(volume) or self._find(self.layer.data[volume])
        low, high = self.layer.contrast_limits_range
        self.layer.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
        self.layer.contrast_limits = limits
