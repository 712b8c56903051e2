"""How training goes: the losses of every epoch on a logarithmic axis, with the best one marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt

from napari_dwi.gui.plot_axes import LogAxis, WholeAxis
from napari_dwi.superres.training.stopping import EarlyStopping
from napari_dwi.text import brief

if TYPE_CHECKING:
    from napari_dwi.superres.training.history import EpochRecord

_HEIGHT_PIXELS = 200
# Apart for colour-blind eyes (Okabe and Ito), bright on a dark window.
_TRAINING, _VALIDATION, _BEST = "#56b4e9", "#ff6f3c", "#dddddd"
_BEHIND = (38, 41, 48, 190)


class LossPlot(pg.PlotWidget):
    """Training and validation loss against the epoch."""

    def __init__(self) -> None:
        super().__init__(axisItems={"left": LogAxis("left"), "bottom": WholeAxis("bottom")})
        self.setBackground(None)
        self.setFixedHeight(_HEIGHT_PIXELS)
        self.setLogMode(y=True)
        self.setLabel("bottom", "epoch")
        self.setLabel("left", "loss")
        self.setToolTip(
            "Loss after each epoch, of images in units of the brightest tissue. Training: mean over the "
            "steps of the epoch. Validation: slices that training never sees; the network of its lowest "
            "point is kept"
        )
        self.addLegend(labelTextSize="8pt", offset=(-5, 1), colCount=2, brush=_BEHIND)
        self.getPlotItem().setMenuEnabled(False)
        self._curves = {
            name: self.plot(
                pen=pg.mkPen(colour, width=2),
                symbol="o",
                symbolSize=4,
                symbolBrush=colour,
                symbolPen=None,
                name=name,
            )
            for name, colour in (("training", _TRAINING), ("validation", _VALIDATION))
        }
        self._best = pg.InfiniteLine(
            angle=90,
            pen=pg.mkPen(_BEST, style=Qt.PenStyle.DashLine),
            label="",
            labelOpts={"position": 0.06, "color": _BEST, "fill": _BEHIND, "anchors": [(0, 1), (1, 1)]},
        )
        self.addItem(self._best, ignoreBounds=True)
        self.show_history(())

    def show_history(self, history: Sequence[EpochRecord]) -> None:
        """Draw these epochs in place of those before; what is not positive has no place on the axis."""
        epochs = np.array([record.epoch for record in history], dtype=float)
        losses = {
            "training": np.array([record.training_loss for record in history], dtype=float),
            "validation": np.array([record.validation_loss for record in history], dtype=float),
        }
        for name, curve in self._curves.items():
            seen = losses[name] > 0
            curve.setData(epochs[seen], losses[name][seen])
        best = EarlyStopping(losses=[record.validation_loss for record in history]).best_epoch
        self._best.setVisible(best > 0)
        if best:
            self._best.setPos(best)
            self._best.label.setFormat(f"best: epoch {best}, {brief(history[best - 1].validation_loss)}")
