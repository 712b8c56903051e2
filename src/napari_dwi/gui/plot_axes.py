"""Axes for what is counted, and for what varies by factors."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg

from napari_dwi.text import brief

# Marks within a decade: the widest apart that are enough are taken.
_STEPS = (
    np.array([1.0]),
    np.array([1.0, 3.0]),
    np.array([1.0, 2.0, 5.0]),
    *(np.arange(round(1 / step), round(10 / step)) * step for step in (1, 0.5, 0.2, 0.1, 0.05, 0.02)),
)
_ENOUGH = 3


class WholeAxis(pg.AxisItem):
    """Marks whole numbers alone, as epochs and trials are."""

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:  # noqa: N802
        """Distances between marks, with the place of one."""
        wanted = super().tickSpacing(low, high, size)
        return [(spacing, offset) for spacing, offset in wanted if spacing >= 1] or [(1, 0)]


class LogAxis(pg.AxisItem):
    """Marks plain numbers, also within a single decade; for a plot in logarithmic mode."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)

    def tickValues(self, low: float, high: float, _size: float) -> list[tuple[float, list[float]]]:  # noqa: N802
        """Where the marks are, as powers of ten."""
        low, high = min(low, high), max(low, high)
        decades = 10.0 ** np.arange(np.floor(low), np.ceil(high) + 1)
        marks: list[float] = []
        for steps in _STEPS:
            places = np.log10((decades[:, None] * steps).ravel())
            marks = [float(place) for place in places if low <= place <= high]
            if len(marks) >= _ENOUGH:
                break
        return [(1.0, marks)]

    def tickStrings(self, values: list[float], _scale: float, _spacing: float) -> list[str]:  # noqa: N802
        """The numbers themselves."""
        return [brief(10.0**value) for value in values]
