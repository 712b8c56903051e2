"""A grid of small pictures, one for each slice, of which any can be left out with a click."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from psygnal import Signal
from qtpy.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
)
from qtpy.QtGui import QColor, QImage, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

PICTURE = QSize(164, 82)
_MARGIN, _TEXT_PIXELS = 4, 14
_CELL = QSize(PICTURE.width() + 2 * _MARGIN, PICTURE.height() + _TEXT_PIXELS + 2 * _MARGIN)
_FRAME, _CROSS, _TEXT, _LATER = "#ffd21f", "#ff6f3c", "#dddddd", "#444444"
_DIMMED = QColor(0, 0, 0, 150)
_Index = QModelIndex | QPersistentModelIndex
_NONE = QModelIndex()


class SliceGrid(QListView):
    """Pictures of slices; those left out are dimmed and crossed.

    A click, or Space on the slice the arrow keys have moved to, emits ``toggled`` with its index, a
    double click ``opened``, Ctrl+Z ``undone``. Pictures are asked for by ``wanted``, a tuple of indices,
    when they come into view for the first time; `show_pictures` puts them in place.
    """

    toggled = Signal(int)
    opened = Signal(int)
    undone = Signal()
    wanted = Signal(tuple)

    def __init__(self) -> None:
        super().__init__()
        self._slices = _Slices()
        self.setModel(self._slices)
        self.setItemDelegate(_Painter(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(2 * _CELL.height() + 8)
        self._asked: set[int] = set()
        self._missing: list[int] = []
        self._is_second_click = False
        # All that one repaint misses is asked for together.
        self._ask = QTimer()
        self._ask.setSingleShot(True)
        self._ask.timeout.connect(self._on_ask)
        self.clicked.connect(self._on_clicked)

    def show_slices(self, count: int, left_out: Collection[int]) -> None:
        """Show so many slices; pictures of those before are forgotten."""
        self._asked.clear()
        self._missing.clear()
        self._slices.restart(count, left_out)
        if count:
            self.setCurrentIndex(self._slices.index(0))

    def show_pictures(self, pictures: Mapping[int, QImage]) -> None:
        """Put pictures in their places."""
        self._slices.have({row: QPixmap.fromImage(picture) for row, picture in pictures.items()})

    def leave_out(self, slices: Collection[int]) -> None:
        """Mark these, and only these, as left out."""
        self._slices.leave_out(slices)

    def picture(self, row: int) -> QPixmap | None:
        """The picture of a slice; if it is not there yet, it is asked for."""
        if (found := self._slices.pictures.get(row)) is None and row not in self._asked:
            self._asked.add(row)
            self._missing.append(row)
            self._ask.start(0)
        return found

    def is_left_out(self, row: int) -> bool:
        """Whether a slice is marked."""
        return row in self._slices.left_out

    def event(self, event: QEvent | None) -> bool:
        """Keep the keys for undoing from the window, which would undo a stroke."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and _is_undo(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Toggle with Space; arrows are Qt's."""
        if event is not None and event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self.toggled.emit(self.currentIndex().row())
        elif event is not None and _is_undo(event):
            self.undone.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Open; Qt tells of a click before and of another after it."""
        if event is None or event.button() != Qt.MouseButton.LeftButton:
            return
        index = self.indexAt(event.pos())
        self._is_second_click = index.isValid()
        super().mouseDoubleClickEvent(event)
        if index.isValid():
            self.opened.emit(index.row())

    def _on_clicked(self, index: QModelIndex) -> None:
        if self._is_second_click:
            self._is_second_click = False
        else:
            self.toggled.emit(index.row())

    def _on_ask(self) -> None:
        rows, self._missing = tuple(self._missing), []
        if rows:
            self.wanted.emit(rows)


def _is_undo(event: QKeyEvent) -> bool:
    return event.matches(QKeySequence.StandardKey.Undo)


class _Slices(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.pictures: dict[int, QPixmap] = {}
        self.left_out: frozenset[int] = frozenset()
        self._count = 0

    def rowCount(self, parent: _Index = _NONE) -> int:  # noqa: N802 - Qt's name
        return 0 if parent.isValid() else self._count

    def data(self, index: _Index, role: int = 0) -> str | None:
        if role == Qt.ItemDataRole.ToolTipRole:
            state = "left out of training" if index.row() in self.left_out else "used"
            return (
                f"Slice {index.row()} (from 0), {state}. Left: low resolution, zero-filled; right: high. "
                "Click or Space: leave out or use again; double click: show the pair in the viewer"
            )
        return str(index.row()) if role == Qt.ItemDataRole.DisplayRole else None

    def restart(self, count: int, left_out: Collection[int]) -> None:
        self.beginResetModel()
        self._count, self.left_out = count, frozenset(left_out)
        self.pictures.clear()
        self.endResetModel()

    def have(self, pictures: Mapping[int, QPixmap]) -> None:
        self.pictures.update({row: one for row, one in pictures.items() if row < self._count})
        self._all_changed()

    def leave_out(self, slices: Collection[int]) -> None:
        self.left_out = frozenset(slices)
        self._all_changed()

    def _all_changed(self) -> None:
        if self._count:
            self.dataChanged.emit(self.index(0), self.index(self._count - 1))


class _Painter(QStyledItemDelegate):
    def __init__(self, grid: SliceGrid) -> None:
        super().__init__(grid)
        self._grid = grid

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:  # noqa: N802 - Qt's name
        return _CELL

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: _Index) -> None:
        if painter is None:
            return
        row = index.row()
        place = option.rect.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        frame = QRect(place.topLeft(), PICTURE)
        painter.save()
        if (picture := self._grid.picture(row)) is not None:
            inside = picture.rect()
            inside.moveCenter(frame.center())
            painter.drawPixmap(inside.topLeft(), picture)
        else:
            painter.fillRect(frame, QColor(_LATER))
        if left_out := self._grid.is_left_out(row):
            painter.fillRect(frame, _DIMMED)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(_CROSS), 2))
            painter.drawLine(frame.topLeft(), frame.bottomRight())
            painter.drawLine(frame.bottomLeft(), frame.topRight())
        below = QRect(place.left(), frame.bottom() + 1, place.width(), _TEXT_PIXELS)
        painter.setPen(QColor(_CROSS if left_out else _TEXT))
        words = f"slice {row}" + (" · left out" if left_out else "")
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, words)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor(_FRAME), 2))
            painter.drawRect(frame.adjusted(-2, -2, 1, 1))
        painter.restore()
