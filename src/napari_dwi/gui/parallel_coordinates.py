"""What the trials of a search have in common: an axis for each parameter, a line for each trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QFont, QPen
from qtpy.QtWidgets import QFrame, QScrollArea

from napari_dwi.gui.trial_axes import TrialAxis, axis_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.search.trials import TrialRecord

_HEIGHT_PIXELS = 270
# Room for the words at an axis.
_AXIS_PIXELS = 66
_UNFINISHED, _SELECTED, _AXIS, _TEXT = "#888888", "#ffffff", "#999999", "#dddddd"
# Even steps of lightness, and bright on a dark window where the error is low.
_COLOURS = "viridis"
# Room below the axes for their names, and above, in lengths of an axis.
_BELOW, _ABOVE, _NAMES_AT = 0.34, 0.08, -0.27
_CLICK_PIXELS = 6
_FONT_POINTS = 7
_ERROR = "error"


class ParallelCoordinates(QScrollArea):
    """Lines of trials through the axes of their parameters to their error, scrolled sideways where need be.

    Parameters that are the same in all trials have no axis. ``picked`` tells the number of the trial whose
    line is clicked.
    """

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.plot = pg.PlotWidget()
        self.plot.setBackground(None)
        self.plot.setFixedHeight(_HEIGHT_PIXELS)
        self.plot.setToolTip(
            "One line for each trial, from parameter to parameter to its error on the right; the brighter, "
            "the lower the error. Grey: given up or not over. Click a line to pick the trial"
        )
        self.plot.getPlotItem().setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        for side in ("left", "bottom"):
            self.plot.hideAxis(side)
        self.setWidget(self.plot)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_HEIGHT_PIXELS + self.horizontalScrollBar().sizeHint().height())
        self._map = pg.colormap.get(_COLOURS)
        self._lines: dict[int, tuple[pg.PlotDataItem, QPen]] = {}
        self._selected: int | None = None

    def show_trials(self, trials: Sequence[TrialRecord]) -> None:
        """Show these in place of those before; parameters in the order in which trials name them."""
        self.plot.clear()
        self._lines.clear()
        judged = [trial for trial in trials if trial.value is not None and np.isfinite(trial.value)]
        if not judged:
            return
        axes = _axes_of(judged)
        for n, axis in enumerate(axes):
            self._draw_axis(n, axis)
        places = np.array([axis.places for axis in axes])
        # Those with the lowest error above the others.
        for n in sorted(range(len(judged)), key=lambda n: (_is_finished(judged[n]), -places[-1, n])):
            self._draw_line(judged[n], places[:, n])
        self.plot.setMinimumWidth(_AXIS_PIXELS * len(axes))
        self.plot.setXRange(-0.2, len(axes) - 0.2, padding=0)
        self.plot.setYRange(-_BELOW, 1 + _ABOVE, padding=0)
        self.select(self._selected)

    def select(self, number: int | None) -> None:
        """Mark one trial by its number."""
        self._selected = number
        for trial, (line, pen) in self._lines.items():
            line.setPen(pg.mkPen(_SELECTED, width=3) if trial == number else pen)
            line.setZValue(1 if trial == number else 0)

    def _draw_axis(self, n: int, axis: TrialAxis) -> None:
        self.plot.plot([n, n], [0, 1], pen=pg.mkPen(_AXIS, width=1))
        for place, text in axis.marks:
            self._write(text, n, place, anchor=(0, 0.5))
        self._write(axis.name, n, _NAMES_AT, anchor=(0, 0.5))

    def _write(self, text: str, x: float, y: float, anchor: tuple[float, float]) -> None:
        word = pg.TextItem(text, color=_TEXT, anchor=anchor)
        font = QFont()
        font.setPointSize(_FONT_POINTS)
        word.setFont(font)
        word.setPos(x, y)
        word.setZValue(2)
        self.plot.addItem(word, ignoreBounds=True)

    def _draw_line(self, trial: TrialRecord, places: NDArray[np.float64]) -> None:
        if _is_finished(trial):
            pen = pg.mkPen(self._map.map(1 - places[-1], mode="qcolor"), width=2)
        else:
            pen = pg.mkPen(_UNFINISHED, width=1, style=Qt.PenStyle.DotLine)
        line = self.plot.plot(np.arange(len(places)), places, pen=pen)
        line.setCurveClickable(True, _CLICK_PIXELS)
        line.sigClicked.connect(lambda *_: self.picked.emit(trial.number))
        self._lines[trial.number] = line, pen


def _axes_of(trials: Sequence[TrialRecord]) -> list[TrialAxis]:
    names = dict.fromkeys(name for trial in trials for name in trial.parameters)
    columns = {name: [trial.parameters.get(name) for trial in trials] for name in names}
    varied = {name: values for name, values in columns.items() if len(set(values)) > 1}
    axes = [axis_of(name.replace("_", " "), values) for name, values in varied.items()]
    return [*axes, axis_of(_ERROR, [trial.value for trial in trials], few=1)]


def _is_finished(trial: TrialRecord) -> bool:
    return trial.state == "complete"
