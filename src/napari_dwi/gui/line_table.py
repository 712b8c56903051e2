"""A table to read: lines of text under columns with tooltips, each column as wide as its words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget

_FONT = "font-size: 8pt"


class LineTable(QTableWidget):
    """What all tables share that show numbers.

    Parameters
    ----------
    columns, tooltips : sequence of str
        Heading of every column, and what it means, with the unit.
    long_column : int, optional
        A column of long names, which Qt cuts (the tooltip has them whole), so that the rest stays in sight.
    long_pixels : int
        How wide that column is.
    row_pixels : int, optional
        How high lines are; by default as Qt has it.
    picks_lines : bool
        Whether one line can be picked, by mouse or arrows; Tab leaves the table.
    """

    def __init__(
        self,
        columns: Sequence[str],
        tooltips: Sequence[str],
        *,
        long_column: int | None = None,
        long_pixels: int = 0,
        row_pixels: int | None = None,
        picks_lines: bool = True,
    ) -> None:
        super().__init__(0, len(columns))
        self._long_column = long_column
        self.setHorizontalHeaderLabels(columns)
        self.set_tooltips(tooltips)
        self.verticalHeader().hide()
        if row_pixels is not None:
            self.verticalHeader().setDefaultSectionSize(row_pixels)
        self.setStyleSheet(_FONT)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        if picks_lines:
            self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
            self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
            self.setTabKeyNavigation(False)
        self._fit_columns()
        if long_column is not None:
            self.setColumnWidth(long_column, long_pixels)

    def set_tooltips(self, tooltips: Sequence[str]) -> None:
        """Say what the first columns mean."""
        for column, text in enumerate(tooltips):
            self.horizontalHeaderItem(column).setToolTip(text)

    @contextlib.contextmanager
    def refilling(self) -> Iterator[None]:
        """Measure columns once, after the block; Qt would measure all of them again for every cell."""
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        try:
            yield
        finally:
            self._fit_columns()

    def _fit_columns(self) -> None:
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        if self._long_column is not None:
            header.setSectionResizeMode(self._long_column, QHeaderView.ResizeMode.Interactive)
