"""A table in which the b-value of every volume can be typed."""

from __future__ import annotations

from collections.abc import Sequence

from psygnal import Signal
from qtpy.QtCore import QModelIndex, QRegularExpression, QSize, Qt
from qtpy.QtGui import (
    QBrush,
    QColor,
    QGuiApplication,
    QImage,
    QKeyEvent,
    QKeySequence,
    QPixmap,
    QRegularExpressionValidator,
)
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_dwi.errors import BadInputError
from napari_dwi.gui.b_value_checks import Previews, parse_b_value, parse_b_values
from napari_dwi.scan import format_b_value

_COLUMNS = ("volume", "middle slice", "mean signal", "b (s/mm²)")
_PICTURE, _MEAN, _B_VALUE = 1, 2, 3
# Light on a dark theme as on a light one: the text on it is always black.
_MISSING = QColor("#ffb74d")
_ROW_MARGIN = 4


class BValueTable(QTableWidget):
    """One row for each volume: number, picture, mean signal, b-value (s/mm2).

    Parameters
    ----------
    previews : Previews
        How the volumes look.
    values : sequence of float or None
        The b-values to begin with; ``None`` where they are not known.
    """

    edited = Signal()

    def __init__(self, previews: Previews, values: Sequence[float | None]) -> None:
        super().__init__(len(values), len(_COLUMNS))
        self.setHorizontalHeaderLabels(_COLUMNS)
        self.verticalHeader().hide()
        # A click selects, so that a list can be pasted; typing or a double click edits.
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.AnyKeyPressed | triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setItemDelegateForColumn(_B_VALUE, _BValueDelegate(self))
        height, width = previews.pictures.shape[1:]
        self.setIconSize(QSize(width, height))
        self.verticalHeader().setDefaultSectionSize(height + _ROW_MARGIN)
        for row, picture in enumerate(previews.pictures):
            self._put(row, 0, str(row + 1))
            image = QImage(picture.tobytes(), width, height, width, QImage.Format.Format_Grayscale8)
            shown = QTableWidgetItem()
            shown.setData(Qt.ItemDataRole.DecorationRole, QPixmap.fromImage(image))
            shown.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            self.setItem(row, _PICTURE, shown)
            self._put(row, _MEAN, f"{previews.means[row]:.4g}")
            self.setItem(row, _B_VALUE, QTableWidgetItem())
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_B_VALUE, QHeaderView.ResizeMode.Stretch)
        self.set_values(values)
        self.setCurrentCell(0, _B_VALUE)
        self.itemChanged.connect(self._on_item)

    def values(self) -> list[float | None]:
        """The b-value of every volume, s/mm2; ``None`` where there is none yet."""
        return [parse_b_value(self.item(row, _B_VALUE).text()) for row in range(self.rowCount())]

    def set_values(self, values: Sequence[float | None], first: int = 0) -> None:
        """Put values in, from a row on."""
        self.blockSignals(True)
        for row, value in enumerate(values, start=first):
            self.item(row, _B_VALUE).setText("" if value is None else format_b_value(value))
            self._mark(row)
        self.blockSignals(False)
        self.edited.emit()

    def paste(self, text: str) -> None:
        """Put in a list of b-values: for all volumes, or from the current row on.

        Raises
        ------
        BadInputError
            If it is no list of b-values, or longer than there are volumes left.
        """
        values = parse_b_values(text)
        first = 0 if len(values) == self.rowCount() else max(0, self.currentRow())
        room = self.rowCount() - first
        if len(values) > room:
            raise BadInputError(
                "the list is longer than the volumes it is for",
                expected=f"at most {room} b-values from volume {first + 1} on",
                found=len(values),
            )
        self.set_values(values, first)

    def fill_down(self) -> None:
        """Repeat the current value: in the rows selected, else in the empty ones that follow."""
        rows = sorted({index.row() for index in self.selectedIndexes()}) or [max(0, self.currentRow())]
        values = self.values()
        first = rows[0]
        if len(rows) == 1:
            rows = [first]
            while rows[-1] + 1 < len(values) and values[rows[-1] + 1] is None:
                rows.append(rows[-1] + 1)
        for row in rows:
            self.set_values([values[first]], row)

    def multiply(self, factor: float) -> None:
        """Multiply every value that is given."""
        self.set_values([None if value is None else factor * value for value in self.values()])

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take a list from the clipboard."""
        if event is not None and event.matches(QKeySequence.StandardKey.Paste):
            self.paste_clipboard()
        else:
            super().keyPressEvent(event)

    def paste_clipboard(self) -> str:
        """Put in what is in the clipboard; what is wrong with it, if anything."""
        try:
            self.paste(QGuiApplication.clipboard().text())
        except BadInputError as err:
            return str(err)
        return ""

    def _put(self, row: int, column: int, text: str) -> None:
        item = QTableWidgetItem(text)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setItem(row, column, item)

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == _B_VALUE:
            self.blockSignals(True)
            self._mark(item.row())
            self.blockSignals(False)
            self.edited.emit()

    def _mark(self, row: int) -> None:
        item = self.item(row, _B_VALUE)
        missing = parse_b_value(item.text()) is None
        item.setBackground(QBrush(_MISSING) if missing else QBrush())
        item.setToolTip("Type the b-value of this volume, s/mm²" if missing else "b-value, s/mm²")


class _BValueDelegate(QStyledItemDelegate):
    """Takes digits and one decimal point, nothing else."""

    def createEditor(  # noqa: N802 - Qt's name
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget | None:
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            number = QRegularExpression(r"\d{0,6}(\.\d{0,4})?")
            editor.setValidator(QRegularExpressionValidator(number, editor))
            # While typing, not only when the cell is left.
            editor.textEdited.connect(lambda _: self.commitData.emit(editor))
        return editor
