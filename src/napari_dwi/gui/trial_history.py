"""The trials of a search one after the other: their errors, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from psygnal import Signal

from napari_dwi.gui.plot_axes import LogAxis, WholeAxis

if TYPE_CHECKING:
    from napari_dwi.superres.search.trials import TrialRecord

_HEIGHT_PIXELS = 170
_FINISHED, _BEST_SO_FAR, _UNFINISHED, _SELECTED = "#56b4e9", "#ffd21f", "#888888", "#ffffff"


class TrialHistory(pg.PlotWidget):
    """The value of every trial by its number, and the best so far."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__(axisItems={"left": LogAxis("left"), "bottom": WholeAxis("bottom")})
        self.setBackground(None)
        self.setFixedHeight(_HEIGHT_PIXELS)
        self.setLogMode(y=True)
        self.setLabel("bottom", "trial")
        self.setLabel("left", "error")
        self.setToolTip(
            "Mean squared error of the validation slices, in units of the brightest tissue squared, of each "
            "trial; grey: trials that were given up or are not over. Line: the best so far. Click a point to "
            "pick the trial"
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
                    "brush": _FINISHED if trial.state == "complete" else _UNFINISHED,
                    "pen": pg.mkPen(_SELECTED, width=2) if trial.number == self._selected else None,
                    "data": trial.number,
                }
                for trial in shown
                if trial.value is not None
            ]
        )
        finished = [trial for trial in shown if trial.state == "complete"]
        values = np.array([trial.value for trial in finished], dtype=float)
        numbers = np.array([trial.number for trial in finished], dtype=float)
        self._best.setData(numbers, np.minimum.accumulate(values) if values.size else values)

    def _on_clicked(self, _plot: object, points: Sequence[pg.SpotItem]) -> None:
        if len(points):
            self.picked.emit(int(points[0].data()))
