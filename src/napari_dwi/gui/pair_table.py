"""The pairs of a store, one line each, with what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QTableWidgetItem

from napari_dwi.gui.line_table import LineTable
from napari_dwi.superres.pairs.grid_check import MOST_SHIFT

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.pair import PairFacts

_COLUMNS = ("pair", "subject", "plane", "factor", "slices", "shift", "noise %")
_TOOLTIPS = (
    "Name of the pair in the store",
    "Whose scans these are; all pairs of a subject are learnt from together or not at all",
    "How the slices lie",
    "Fine voxels for one of low resolution, along both axes of the slice",
    "Slices learnt from, of all slices",
    "By how much the high-resolution scan was found displaced against the other one when the pair was "
    f"added, in fine voxels, along the worse axis; ⚠ above {MOST_SHIFT:g}",
    "Noise of the low-resolution scan, in % of its brightest tissue",
)
_NAME_PIXELS = 90
_MOST_ROWS, _ROW_PIXELS = 5, 24
_WARNING = "#ff6f3c"


class PairTable(LineTable):
    """One line for each pair; ``picked`` tells the name of the one that is selected."""

    picked = Signal(str)

    def __init__(self) -> None:
        super().__init__(_COLUMNS, _TOOLTIPS, long_column=0, long_pixels=_NAME_PIXELS, row_pixels=_ROW_PIXELS)
        self.itemSelectionChanged.connect(self._on_selection)

    @property
    def name(self) -> str | None:
        """The pair selected."""
        row = self.currentRow()
        return self.item(row, 0).text() if row >= 0 and self.selectedItems() else None

    def show_pairs(self, pairs: Sequence[PairFacts], pick: str | None = None) -> None:
        """Show these, and select one by its name, else the one selected before, else the first."""
        names = [facts.name for facts in pairs]
        wanted = next((name for name in (pick, self.name) if name in names), names[0] if names else None)
        self.blockSignals(True)
        with self.refilling():
            self.setRowCount(len(pairs))
            for row, facts in enumerate(pairs):
                self._fill(row, facts)
        self.clearSelection()
        self.blockSignals(False)
        around = self.horizontalHeader().sizeHint().height() + self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(around + min(_MOST_ROWS, max(1, len(pairs))) * _ROW_PIXELS + 4)
        if wanted is not None:
            self.selectRow(names.index(wanted))

    def refresh(self, facts: PairFacts) -> None:
        """Show a pair as it is now."""
        for row in range(self.rowCount()):
            if self.item(row, 0).text() == facts.name:
                self._fill(row, facts)

    def _fill(self, row: int, facts: PairFacts) -> None:
        doubtful = is_displaced(facts)
        for column, text in enumerate(_cells(facts, doubtful=doubtful)):
            item = QTableWidgetItem(text)
            item.setToolTip(_shift_help(facts) if _COLUMNS[column] == "shift" else text)
            if doubtful and _COLUMNS[column] == "shift":
                item.setForeground(QColor(_WARNING))
            self.setItem(row, column, item)

    def _on_selection(self) -> None:
        if (name := self.name) is not None:
            self.picked.emit(name)


def is_displaced(facts: PairFacts) -> bool:
    """Whether the two scans were found further apart than can be left as it is."""
    return _largest(facts) > MOST_SHIFT


def _largest(facts: PairFacts) -> float:
    return max(map(abs, facts.shift))


def _cells(facts: PairFacts, *, doubtful: bool) -> tuple[str, ...]:
    used, count = len(facts.used), facts.n_slices
    return (
        facts.name,
        facts.subject,
        facts.plane,
        f"×{facts.factor}",
        str(count) if used == count else f"{used} of {count}",
        f"{'⚠ ' if doubtful else ''}{_largest(facts):.2f}",
        f"{100 * facts.noise:.1f}",
    )


def _shift_help(facts: PairFacts) -> str:
    found = ", ".join(f"{part:+.2f}" for part in facts.shift)
    if any(facts.corrected):
        taken = ", ".join(f"{part:+.2f}" for part in facts.corrected)
        return f"found displaced by {found} fine voxels (rows, columns), of which {taken} were taken back"
    return f"found displaced by {found} fine voxels (rows, columns), left as it was"
