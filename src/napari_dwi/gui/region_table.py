"""The table of the Regions dock: one line for each region in each image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qtpy.QtWidgets import QTableWidgetItem

from napari_dwi.gui.line_table import LineTable
from napari_dwi.measure.regions import RegionStatistics
from napari_dwi.scan import format_b_value

_COLUMNS = ("region", "image", "b", "n", "mean", "SD", "CV %", "CNR")
_TOOLTIPS = (
    "",
    "",
    "b-value in s/mm²",
    "voxels with a value",
    "mean, in scanner units",
    "standard deviation over the voxels (n - 1)",
    "coefficient of variation, SD / mean",
    "(mean - mean of the background) / SD of the background",
)
_B_COLUMN = _COLUMNS.index("b")
_IMAGE_COLUMN = _COLUMNS.index("image")
_IMAGE_PIXELS = 95
# Beyond this the mean is next to nothing, as in a residual, and the ratio says nothing.
_LARGEST_CV = 10


class RegionTable(LineTable):
    """Statistics as readers want them, in scanner units and percent."""

    def __init__(self) -> None:
        super().__init__(
            _COLUMNS, _TOOLTIPS, long_column=_IMAGE_COLUMN, long_pixels=_IMAGE_PIXELS, picks_lines=False
        )
        self.setMinimumHeight(180)

    def show_rows(self, rows: Sequence[RegionStatistics], *, with_b_values: bool) -> None:
        """Show statistics, region by region; the b-values where rows differ in them."""
        self.setColumnHidden(_B_COLUMN, not with_b_values)
        with self.refilling():
            self.setRowCount(len(rows))
            for place, row in enumerate(sorted(rows, key=lambda row: row.region)):
                for column, text in enumerate(_cells(row)):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text)
                    self.setItem(place, column, item)


def _cells(row: RegionStatistics) -> tuple[str, ...]:
    return (
        row.region,
        row.image,
        "" if row.b_value is None else format_b_value(row.b_value),
        f"{row.n}" if not row.n_missing else f"{row.n} (+{row.n_missing} NaN)",
        _number(row.mean),
        _number(row.std),
        _number(100 * row.cv) if abs(row.cv) < _LARGEST_CV else "",
        _number(row.cnr),
    )


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.4g}"
