"""The measured decay of a voxel or a region, and the curve of every fit through it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_dwi.fit._readout import Readout
from napari_dwi.physics.signal_models import SignalParameter
from napari_dwi.text import brief

_HEIGHT_PIXELS = 220
_ROW_PIXELS = 24
# Apart for colour-blind eyes (Okabe and Ito), bright on a dark window.
_COLOURS = ("#56b4e9", "#ff6f3c", "#00d08a", "#ffd21f", "#e79bcb", "#f0e442")
_MEASURED = "#dddddd"


class FitPlot(QWidget):
    """A decay on a logarithmic axis with error bars, fitted curves, and their numbers below."""

    def __init__(self) -> None:
        super().__init__()
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.plot = pg.PlotWidget()
        self.plot.setBackground(None)
        self.plot.setFixedHeight(_HEIGHT_PIXELS)
        self.plot.setLogMode(y=True)
        self.plot.setLabel("bottom", "b (s/mm²)")
        self.plot.setLabel("left", "signal")
        self.plot.setToolTip(
            "Points: measured signal (bars: SD over the region). Lines: the fits, in the colours of the table"
        )
        self.plot.getPlotItem().setMenuEnabled(False)
        self.numbers = QTableWidget(0, 0)
        self.numbers.verticalHeader().hide()
        self.numbers.verticalHeader().setDefaultSectionSize(_ROW_PIXELS)
        self.numbers.setStyleSheet("font-size: 8pt")
        self.numbers.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.numbers.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.numbers.setToolTip(
            "One voxel: estimate ± SD of the estimate. A region: mean ± SD over its voxels"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.title, self.plot, self.numbers):
            layout.addWidget(widget)

    def show_decay(
        self,
        title: str,
        b_values: NDArray[np.float64],
        mean: NDArray[np.float64],
        spread: NDArray[np.float64],
    ) -> None:
        """Draw measured signals; earlier ones and their fits go.

        Parameters
        ----------
        title : str
            Which voxel or region.
        b_values, mean, spread : ndarray, shape (n,)
            b-values (s/mm2), signals and their SD; what is not positive has no place on a logarithmic
            axis.
        """
        self.title.setText(title)
        self.plot.clear()
        self.numbers.clear()
        self.numbers.setRowCount(0)
        self.numbers.setColumnCount(0)
        seen = np.isfinite(mean) & (mean > 0)
        low = np.maximum(mean - np.nan_to_num(spread), mean * 1e-3)
        for b, bottom, top in zip(
            b_values[seen], low[seen], (mean + np.nan_to_num(spread))[seen], strict=True
        ):
            self.plot.plot([b, b], [bottom, top], pen=pg.mkPen(_MEASURED, width=1))
        self.plot.plot(
            b_values[seen],
            mean[seen],
            pen=None,
            symbol="o",
            symbolSize=7,
            symbolBrush=_MEASURED,
            symbolPen=None,
        )

    def show_fits(self, b_values: NDArray[np.float64], fits: Sequence[tuple[str, Readout]]) -> None:
        """Draw the curves of fits, each with a name, at ``b_values`` (s/mm2), and list their numbers."""
        for n, (_name, fit) in enumerate(fits):
            colour = _COLOURS[n % len(_COLOURS)]
            seen = fit.curve > 0
            self.plot.plot(b_values[seen], fit.curve[seen], pen=pg.mkPen(colour, width=2))
        parameters = list(dict.fromkeys(p for _, fit in fits for p in fit.model.parameters))
        headers = ["fit", *(_header(parameter) for parameter in parameters), "n", "note"]
        self.numbers.setColumnCount(len(headers))
        self.numbers.setHorizontalHeaderLabels(headers)
        self.numbers.setRowCount(len(fits))
        for row, (name, fit) in enumerate(fits):
            cells = [name, *(_cell(parameter, fit) for parameter in parameters), str(fit.n), fit.status]
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == 0:
                    item.setForeground(pg.mkColor(_COLOURS[row % len(_COLOURS)]))
                self.numbers.setItem(row, column, item)
        rows = self.numbers.verticalHeader().length()
        scroll = self.numbers.horizontalScrollBar().sizeHint().height()
        self.numbers.setFixedHeight(self.numbers.horizontalHeader().height() + rows + scroll + 4)

    @property
    def text(self) -> str:
        """The numbers as tab-separated text."""
        columns = range(self.numbers.columnCount())
        lines = ["\t".join(self.numbers.horizontalHeaderItem(column).text() for column in columns)]
        rows = range(self.numbers.rowCount())
        lines += ["\t".join(self.numbers.item(row, column).text() for column in columns) for row in rows]
        return "\n".join(lines)


def _header(parameter: SignalParameter) -> str:
    return f"{parameter.symbol} ({parameter.screen_unit})" if parameter.screen_unit else parameter.symbol


def _cell(parameter: SignalParameter, fit: Readout) -> str:
    if parameter not in fit.model.parameters:
        return ""
    place = fit.model.parameters.index(parameter)
    value = fit.mean[place] * parameter.screen_factor
    bar = (fit.spread if fit.n > 1 else fit.uncertainty)[place] * parameter.screen_factor
    return brief(value) if np.isnan(bar) else f"{brief(value)} ± {brief(bar)}"
