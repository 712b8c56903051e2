"""The signal decay of every region: mean against b-value, on a logarithmic axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_dwi.measure.regions import RegionStatistics

_HEIGHT_PIXELS = 190
_PENS = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine, Qt.PenStyle.DashDotLine)
_SYMBOLS = ("o", "t", "s", "d")


class DecayPlot(pg.PlotWidget):
    """Decay curves in the colours of the regions; each image has its own line and symbol."""

    def __init__(self) -> None:
        super().__init__()
        self.setBackground(None)
        self.setFixedHeight(_HEIGHT_PIXELS)
        self.setLogMode(y=True)
        self.setLabel("bottom", "b (s/mm²)")
        self.setLabel("left", "mean signal")
        self.setToolTip("Mean signal of each region; a mono-exponential decay is a straight line")
        self.addLegend(labelTextSize="7pt", offset=(-5, 5))
        self.getPlotItem().setMenuEnabled(False)

    def show_rows(self, rows: Iterable[RegionStatistics], colours: Mapping[str, str]) -> None:
        """Draw the curves of series; single volumes and means that are not positive are left out.

        Parameters
        ----------
        rows : iterable of RegionStatistics
            As measured.
        colours : mapping of str to str
            The colour of each region.
        """
        curves: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for row in rows:
            if row.b_value is not None and row.mean > 0:
                curves[row.image, row.region].append((row.b_value, row.mean))
        images = list(dict.fromkeys(image for image, _ in curves))
        self.clear()
        for (image, region), points in curves.items():
            style = images.index(image) % len(_PENS)
            b_values, means = _mean_per_b_value(points)
            self.plot(
                b_values,
                means,
                pen=pg.mkPen(colours[region], width=2, style=_PENS[style]),
                symbol=_SYMBOLS[style],
                symbolSize=6,
                symbolBrush=colours[region],
                symbolPen=None,
                name=f"{region} · {image}",
            )


def _mean_per_b_value(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Rising b-values and the mean over the repeats and directions of each."""
    b_values, signals = np.array(points).T
    distinct, group = np.unique(b_values, return_inverse=True)
    return distinct, np.bincount(group, signals) / np.bincount(group)
