"""The series table: what a folder holds, at a glance, and what of it to load."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QStyle, QTableWidget, QTableWidgetItem

from napari_dwi.gui.loading import is_series, is_volume
from napari_dwi.gui.series_rows import (
    b_value_help,
    b_value_text,
    name_text,
    share_of,
    size_text,
    warning_help,
    why_unusable,
)
from napari_dwi.scan import Grid, SeriesInfo

COLUMNS = ("", "series", "size", "b (s/mm²)", "overlap", "")
_TICK, _NAME, _SIZE, _B_VALUES, _OVERLAP, _WARNINGS = range(len(COLUMNS))
_LINK = QColor("#5aa9e6")
_UNKNOWN = QColor("#ffb74d")
# Below this an image is not ticked of itself: it shows another part of the patient.
_WORTH_TICKING = 0.5
_HEIGHT_PIXELS = 170
_NARROW_PIXELS = 28
_AXES_HELP = "Three letters: where its stored axes point (? if the file does not say: left and right unknown)"
# Of more images nobody wants all.
_MOST_TICKED = 4
_VIEW_HELP = "How much of the chosen diffusion series it covers"


class SeriesTable(QTableWidget):
    """The series of a folder; one diffusion series and any number of volumes can be ticked."""

    chosen_changed = Signal()
    b_values_clicked = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.infos: tuple[SeriesInfo, ...] = ()
        self._on_show: Grid | None = None
        self.setHorizontalHeaderLabels(COLUMNS)
        self.horizontalHeaderItem(_OVERLAP).setToolTip(_VIEW_HELP)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        for narrow in (_TICK, _WARNINGS):
            header.setSectionResizeMode(narrow, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(narrow, _NARROW_PIXELS)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setMinimumHeight(_HEIGHT_PIXELS)
        self.itemChanged.connect(self._on_tick)
        self.cellClicked.connect(self._on_click)

    @property
    def series(self) -> SeriesInfo | None:
        """The diffusion series that is ticked."""
        return next((info for info in self._ticked() if is_series(info)), None)

    @property
    def others(self) -> tuple[SeriesInfo, ...]:
        """The anatomy and maps that are ticked."""
        return tuple(info for info in self._ticked() if is_volume(info))

    def offer(self, infos: tuple[SeriesInfo, ...], chosen: Path) -> None:
        """Show other series; what was chosen, or can only be meant, is ticked.

        Parameters
        ----------
        infos : tuple of SeriesInfo
            The series found.
        chosen : Path
            What the user opened.
        """
        self.infos = infos
        self.blockSignals(True)
        self.setRowCount(len(infos))
        candidates = [info for info in infos if is_series(info)]
        wanted = next((info for info in candidates if info.path == chosen), None)
        by_itself = next((info for info in infos if is_volume(info) and info.path == chosen), None)
        known = [info for info in candidates if info.b_values is not None] or candidates
        if wanted is None and by_itself is None and len(known) == 1:
            wanted = known[0]
        for row, info in enumerate(infos):
            self._fill_row(row, info, ticked=info in (wanted, by_itself))
        self.blockSignals(False)
        self._update_overlap()
        if wanted is not None and wanted.path != chosen:
            self._tick_anatomy(wanted)
        self.chosen_changed.emit()

    def meet(self, on_show: Grid | None) -> None:
        """Know the grid of the scan on show, over which anatomy must lie if no series is ticked."""
        self._on_show = on_show
        self._update_overlap()

    def _ticked(self) -> list[SeriesInfo]:
        return [
            info
            for row, info in enumerate(self.infos)
            if self.item(row, _TICK).checkState() == Qt.CheckState.Checked
        ]

    def _fill_row(self, row: int, info: SeriesInfo, *, ticked: bool) -> None:
        tick = QTableWidgetItem()
        tick.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.setItem(row, _TICK, tick)
        texts = {
            _NAME: name_text(info),
            _SIZE: size_text(info),
            _B_VALUES: b_value_text(info),
        }
        for column in range(_NAME, len(COLUMNS)):
            item = QTableWidgetItem(texts.get(column, ""))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            item.setToolTip(item.text())
            self.setItem(row, column, item)
        what = _ROLE_HELP.get(info.role, info.role)
        self.item(row, _NAME).setToolTip(f"{info.description}\n{info.path.name}\n{what}\n{_AXES_HELP}")
        b_values = self.item(row, _B_VALUES)
        b_values.setToolTip(b_value_help(info))
        if info.role == "DWI" and is_series(info):
            b_values.setForeground(QBrush(_LINK if info.b_values is not None else _UNKNOWN))
        if info.warnings:
            warning = self.item(row, _WARNINGS)
            warning.setIcon(self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning))
            warning.setToolTip(warning_help(info))

    def _tick_anatomy(self, series: SeriesInfo) -> None:
        """Tick the anatomy that shows what the series shows, unless there is too much of it."""
        worth = [
            row
            for row, info in enumerate(self.infos)
            if info.role == "anatomy" and _is_worth(share_of(info, series.grid))
        ]
        self.blockSignals(True)
        for row in worth if len(worth) <= _MOST_TICKED else ():
            self.item(row, _TICK).setCheckState(Qt.CheckState.Checked)
        self.blockSignals(False)

    def _update_overlap(self) -> None:
        series = self.series
        target = self._on_show if series is None else series.grid
        self.blockSignals(True)
        for row, info in enumerate(self.infos):
            share = share_of(info, target) if is_volume(info) else None
            item = self.item(row, _OVERLAP)
            item.setText("" if share is None else f"{100 * share:.0f} %")
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(_VIEW_HELP if share is not None else "Not known before it is loaded")
            self._allow_tick(row, why_unusable(info, share))
        self.blockSignals(False)

    def _allow_tick(self, row: int, why_not: str) -> None:
        tick = self.item(row, _TICK)
        usable = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled
        tick.setFlags(Qt.ItemFlag.NoItemFlags if why_not else usable)
        tick.setToolTip(f"Cannot be loaded: {why_not}" if why_not else "Load it")
        if why_not:
            tick.setCheckState(Qt.CheckState.Unchecked)

    def _on_tick(self, item: QTableWidgetItem) -> None:
        if item.column() != _TICK:
            return
        if item.checkState() == Qt.CheckState.Checked and is_series(self.infos[item.row()]):
            # One series at a time, as with round buttons.
            self.blockSignals(True)
            for row, info in enumerate(self.infos):
                if row != item.row() and is_series(info):
                    self.item(row, _TICK).setCheckState(Qt.CheckState.Unchecked)
            self.blockSignals(False)
        self._update_overlap()
        self.chosen_changed.emit()

    def _on_click(self, row: int, column: int) -> None:
        if column == _B_VALUES and is_series(self.infos[row]):
            self.b_values_clicked.emit(self.infos[row])


def _is_worth(share: float | None) -> bool:
    return share is None or share >= _WORTH_TICKING


_ROLE_HELP = {
    "DWI": "A diffusion-weighted series",
    "anatomy": "Anatomy: brought onto the grid of the diffusion series",
    "map": "A parameter map: shown beside the scan, never fitted",
    "scanner map": "A map computed by the scanner: shown beside the scan with its own values, never fitted",
    "computed b": "Extrapolated by the scanner to a b-value never measured: to look at, never fitted",
    "regions": "Regions of interest: load them in the Regions dock",
    "localiser": "For planning only",
    "unusable": "Cannot be read; the reason stands in the last column",
}
