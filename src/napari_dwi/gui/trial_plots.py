"""The trials of a search: their values one after the other, and what their parameters have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtCore import Qt

from napari_dwi.gui.log_axis import LogAxis
from napari_dwi.gui.trial_axes import TrialAxis, axis_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.search.trials import TrialRecord

_HISTORY_PIXELS = 170
_COORDINATES_PIXELS = 270
_FINISHED, _BEST_SO_FAR, _UNFINISHED, _SELECTED = "#56b4e9", "#ffd21f", "#888888", "#ffffff"
_AXIS, _TEXT = "#999999", "#dddddd"
# Even steps of lightness, and bright on a dark window where the loss is low.
_COLOURS = "viridis"
# Room below the axes for their names, and above, in lengths of an axis.
_BELOW, _ABOVE = 0.75, 0.1
_CLICK_PIXELS = 6


class TrialHistory(pg.PlotWidget):
    """The value of every trial by its number, and the best so far."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__(axisItems={"left": LogAxis("left")})
        self.setBackground(None)
        self.setFixedHeight(_HISTORY_PIXELS)
        self.setLogMode(y=True)
        self.setLabel("bottom", "trial")
        self.setLabel("left", "loss")
        self.setToolTip(
            "Validation loss of each trial; grey: those that were cut short because others were better by "
            "then, with the last loss they had. Line: the best so far. Click a point to pick the trial"
        )
        self.getPlotItem().setMenuEnabled(False)
        self._best = self.plot(pen=pg.mkPen(_BEST_SO_FAR, width=1), stepMode="right")
        self._points = pg.ScatterPlotItem(size=7, pen=None)
        self._points.sigClicked.connect(self._on_clicked)
        self.addItem(self._points)
        self._trials: tuple[TrialRecord, ...] = ()
        self._selected: int | None = None

    def show_trials(self, trials: Sequence[TrialRecord]) -> None:
        """Show these in place of those before; trials without a positive value have no point."""
        self._trials = tuple(trials)
        self._draw()

    def select(self, number: int | None) -> None:
        """Mark one trial by its number."""
        self._selected = number
        self._draw()

    def _draw(self) -> None:
        shown = [trial for trial in self._trials if trial.value is not None and trial.value > 0]
        self._points.setData(
            [
                {
                    "pos": (trial.number, np.log10(trial.value)),
                    "brush": _FINISHED if _is_finished(trial) else _UNFINISHED,
                    "pen": pg.mkPen(_SELECTED, width=2) if trial.number == self._selected else None,
                    "data": trial.number,
                }
                for trial in shown
                if trial.value is not None
            ]
        )
        finished = [trial for trial in shown if _is_finished(trial)]
        values = np.array([trial.value for trial in finished], dtype=float)
        numbers = np.array([trial.number for trial in finished], dtype=float)
        self._best.setData(numbers, np.minimum.accumulate(values) if values.size else values)

    def _on_clicked(self, _plot: object, points: Sequence[pg.SpotItem]) -> None:
        if len(points):
            self.picked.emit(int(points[0].data()))


class ParallelCoordinates(pg.PlotWidget):
    """One axis for each parameter, and one line for each trial that crosses them at its values."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setBackground(None)
        self.setFixedHeight(_COORDINATES_PIXELS)
        self.setToolTip(
            "One line for each trial, from parameter to parameter to its validation loss on the right; the "
            "brighter, the lower the loss. Grey: cut short. Click a line to pick the trial"
        )
        self.getPlotItem().setMenuEnabled(False)
        self.setMouseEnabled(x=False, y=False)
        self.hideButtons()
        for side in ("left", "bottom"):
            self.hideAxis(side)
        self._map = pg.colormap.get(_COLOURS)
        self._lines: dict[int, tuple[pg.PlotDataItem, pg.QtGui.QPen]] = {}
        self._selected: int | None = None

    def show_trials(self, trials: Sequence[TrialRecord]) -> None:
        """Show these in place of those before; parameters in the order in which trials name them."""
        self.clear()
        self._lines.clear()
        with_value = [trial for trial in trials if trial.value is not None and np.isfinite(trial.value)]
        if not with_value:
            return
        names = list(dict.fromkeys(name for trial in with_value for name in trial.parameters))
        axes = [
            axis_of(name.replace("_", " "), [trial.parameters.get(name) for trial in with_value])
            for name in names
        ]
        axes.append(axis_of("loss", [trial.value for trial in with_value], few=1))
        for n, axis in enumerate(axes):
            self._draw_axis(n, axis)
        places = np.array([axis.places for axis in axes])
        # Those with the lowest loss above the others.
        order = sorted(range(len(with_value)), key=lambda n: -_worth(with_value[n]))
        for n in order:
            self._draw_line(with_value[n], places[:, n])
        self.setXRange(-0.4, len(axes) - 0.6, padding=0)
        self.setYRange(-_BELOW, 1 + _ABOVE, padding=0)
        self.select(self._selected)

    def select(self, number: int | None) -> None:
        """Mark one trial by its number."""
        self._selected = number
        for trial, (line, pen) in self._lines.items():
            line.setPen(pg.mkPen(_SELECTED, width=3) if trial == number else pen)
            line.setZValue(1 if trial == number else 0)

    def _draw_axis(self, n: int, axis: TrialAxis) -> None:
        self.plot([n, n], [0, 1], pen=pg.mkPen(_AXIS, width=1))
        for place, text in axis.marks:
            mark = pg.TextItem(text, color=_TEXT, anchor=(0, 0.5))
            mark.setFont(_small_font())
            mark.setPos(n, place)
            mark.setZValue(2)
            self.addItem(mark, ignoreBounds=True)
        name = pg.TextItem(axis.name, color=_TEXT, anchor=(1, 0.5), angle=90)
        name.setFont(_small_font())
        name.setPos(n, -0.08)
        self.addItem(name, ignoreBounds=True)

    def _draw_line(self, trial: TrialRecord, places: NDArray[np.float64]) -> None:
        if _is_finished(trial):
            pen = pg.mkPen(self._map.map(1 - places[-1], mode="qcolor"), width=2)
        else:
            pen = pg.mkPen(_UNFINISHED, width=1, style=Qt.PenStyle.DotLine)
        line = self.plot(np.arange(len(places)), places, pen=pen, connect="finite")
        line.setCurveClickable(True, _CLICK_PIXELS)
        line.sigClicked.connect(lambda *_: self.picked.emit(trial.number))
        self._lines[trial.number] = line, pen


def _is_finished(trial: TrialRecord) -> bool:
    return trial.state == "complete"


def _worth(trial: TrialRecord) -> float:
    """What is drawn first has the most."""
    return np.inf if trial.value is None or not _is_finished(trial) else trial.value


def _small_font() -> pg.QtGui.QFont:
    font = pg.QtGui.QFont()
    font.setPointSize(7)
    return font
