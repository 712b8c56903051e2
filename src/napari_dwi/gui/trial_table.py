"""The trials of a search, one line each, in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTableWidgetItem

from napari_dwi.gui.line_table import LineTable
from napari_dwi.gui.trial_axes import word_of
from napari_dwi.text import duration

if TYPE_CHECKING:
    from napari_dwi.superres.search.trials import TrialRecord

_COLUMNS = ("trial", "state", "error", "epochs", "time")
_TOOLTIPS = (
    "Number of the trial, in the order in which they were begun",
    "running; interrupted: goes on with the search; complete; pruned: given up, as others were better by "
    "then; failed",
    "Mean squared error of the validation slices, in units of the brightest tissue squared: of the network "
    "that was kept, or the lowest so far",
    "Epochs that are finished",
    "Time it has computed",
)
_VALUE = Qt.ItemDataRole.UserRole
_ROWS, _ROW_PIXELS = 7, 22


class TrialTable(LineTable):
    """One line for each trial, sorted by the column clicked; ``picked`` tells which one is selected."""

    picked = Signal(int)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, _TOOLTIPS, row_pixels=_ROW_PIXELS)
        self._names: tuple[str, ...] = ()
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + _ROWS * _ROW_PIXELS + 20)
        # The best first.
        self.sortByColumn(_COLUMNS.index("error"), Qt.SortOrder.AscendingOrder)
        self.itemSelectionChanged.connect(self._on_selection)

    @property
    def number(self) -> int | None:
        """The trial selected."""
        rows = self.selectionModel().selectedRows()
        return int(self.item(rows[0].row(), 0).data(_VALUE)) if rows else None

    def show_trials(self, trials: Sequence[TrialRecord]) -> None:
        """Show these in place of those before; the one selected stays so."""
        chosen = self.number
        self._names = tuple(dict.fromkeys(name for trial in trials for name in trial.parameters))
        self.blockSignals(True)
        # A table that sorts while it is filled mixes its lines up.
        self.setSortingEnabled(False)
        with self.refilling():
            self.setColumnCount(len(_COLUMNS) + len(self._names))
            self.setHorizontalHeaderLabels([*_COLUMNS, *(name.replace("_", " ") for name in self._names)])
            self.set_tooltips(_TOOLTIPS)
            self.setRowCount(len(trials))
            for row, trial in enumerate(trials):
                for column, (value, text) in enumerate(self._cells(trial)):
                    item = _Item(text)
                    item.setData(_VALUE, value)
                    item.setToolTip(trial.error or text)
                    self.setItem(row, column, item)
            self.setSortingEnabled(True)
        self.clearSelection()
        self.blockSignals(False)
        self.select(chosen)

    def select(self, number: int | None) -> None:
        """Select a trial by its number."""
        for row in range(self.rowCount()):
            if self.item(row, 0).data(_VALUE) == number and number != self.number:
                self.selectRow(row)

    def _cells(self, trial: TrialRecord) -> list[tuple[object, str]]:
        value = math.inf if trial.value is None else trial.value
        cells: list[tuple[object, str]] = [
            (trial.number, str(trial.number)),
            (trial.state, trial.state),
            (value, "" if trial.value is None else f"{trial.value:.3g}"),
            (len(trial.values), str(len(trial.values))),
            (trial.seconds, duration(trial.seconds)),
        ]
        for name in self._names:
            said = trial.parameters.get(name)
            cells.append((said, word_of(said)))
        return cells

    def _on_selection(self) -> None:
        if (number := self.number) is not None:
            self.picked.emit(number)


class _Item(QTableWidgetItem):
    """Sorted by its value: numbers before words, and nothing at the end."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return _order(self.data(_VALUE)) < _order(other.data(_VALUE))


def _order(value: object) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))
