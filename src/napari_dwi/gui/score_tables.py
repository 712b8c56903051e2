"""Scores of pairs as tables: one line for each pair, and one for each region of a slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QTableWidgetItem

from napari_dwi.gui.line_table import LineTable

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.score_report import PairSummary
    from napari_dwi.superres.pairs.scoring import ContrastScore

_MOST_ROWS, _ROW_PIXELS = 7, 22
_LOW = "of the low-resolution scan"
_MADE = "of what was made of it"
_HIGH = "of the high-resolution scan"
_AGAINST = "against the high-resolution scan, in tissue"
_SUMMARY = (
    ("pair", "Name of the pair in the store"),
    ("slices", "Slices that were scored"),
    (
        "MSE ratio",
        f"Mean squared error {_AGAINST}: {_MADE} over that of the zero-filled scan; below 1 it helps. The "
        "high-resolution scan is noisy too, so it does not come down to 0",
    ),
    ("PSNR low", f"PSNR (dB) {_AGAINST}, {_LOW}, zero-filled"),
    ("made", f"PSNR (dB) {_AGAINST}, {_MADE}"),
    ("SSIM low", f"Structural similarity {_AGAINST}, {_LOW}, zero-filled"),
    ("made", f"Structural similarity {_AGAINST}, {_MADE}"),
)
_CONTRAST = (
    ("subject", "Whose scans these are"),
    ("plane", "How the slices lie"),
    ("slice", "Counted from 0"),
    ("region", "Name of the region"),
    ("CNR low", f"(mean of the region - mean of the background) / SD of the background, {_LOW}"),
    ("made", f"CNR {_MADE}, over the same square millimetres"),
    ("high", f"CNR {_HIGH}, over the same square millimetres"),
)


class ScoreTable(LineTable):
    """Lines of text under columns with tooltips; ``picked`` tells the first word of the one selected."""

    picked = Signal(str)

    def __init__(self, columns: Sequence[tuple[str, str]]) -> None:
        super().__init__(*zip(*columns, strict=True), row_pixels=_ROW_PIXELS)
        self.itemSelectionChanged.connect(self._on_selection)

    def texts(self) -> list[list[str]]:
        """What is written, line by line."""
        return [
            [self.item(row, column).text() for column in range(self.columnCount())]
            for row in range(self.rowCount())
        ]

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        """Show these lines in place of others, and select the first."""
        self.blockSignals(True)
        with self.refilling():
            self.setRowCount(len(rows))
            for row, texts in enumerate(rows):
                for column, text in enumerate(texts):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text)
                    self.setItem(row, column, item)
        self.clearSelection()
        self.blockSignals(False)
        around = self.horizontalHeader().sizeHint().height() + self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(around + min(_MOST_ROWS, max(1, len(rows))) * _ROW_PIXELS + 4)
        if rows:
            self.selectRow(0)

    def _on_selection(self) -> None:
        if self.selectedItems():
            self.picked.emit(self.item(self.currentRow(), 0).text())


class SummaryTable(ScoreTable):
    """One line for each pair; ``picked`` tells its name."""

    def __init__(self) -> None:
        super().__init__(_SUMMARY)

    def show_rows(self, rows: Sequence[PairSummary]) -> None:
        """Show these pairs."""
        self.fill(
            [
                (
                    one.pair,
                    str(one.slices),
                    f"{one.mse_ratio:.3f}",
                    f"{one.psnr_low:.2f}",
                    f"{one.psnr_made:.2f}",
                    f"{one.ssim_low:.3f}",
                    f"{one.ssim_made:.3f}",
                )
                for one in rows
            ]
        )


class ContrastTable(ScoreTable):
    """One line for each region of a slice: the paper's table 3."""

    def __init__(self) -> None:
        super().__init__(_CONTRAST)

    def show_rows(self, rows: Sequence[ContrastScore]) -> None:
        """Show these regions."""
        self.fill(
            [
                (
                    one.subject,
                    one.plane,
                    str(one.slice),
                    one.region,
                    *(f"{cnr:.2f}" for cnr in (one.cnr_low, one.cnr_made, one.cnr_high)),
                )
                for one in rows
            ]
        )
