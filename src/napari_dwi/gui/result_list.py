"""The results of a scan, and which of their images are on show."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.methods.method import OutputImage

_MOST_ROWS = 9
_ROW_PIXELS = 19
_ITEM = Qt.ItemDataRole.UserRole


class ResultList(QTreeWidget):
    """A tick for every image of every result; a result goes with its last image.

    Parameters
    ----------
    room : ReadingRoom
        Whose results.
    """

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__()
        self._room = room
        self.setHeaderHidden(True)
        self.setColumnCount(1)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setStyleSheet("font-size: 8pt")
        self.setToolTip("Tick what is to be on show; a result is gone when nothing of it is")
        self.itemChanged.connect(self._on_tick)
        room.images_changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        folded = {
            self.topLevelItem(row).data(0, _ITEM)
            for row in range(self.topLevelItemCount())
            if not self.topLevelItem(row).isExpanded()
        }
        results = self._room.keeping.results
        on_show = [shown.output for shown in self._room.shown]
        rows = 0
        with QSignalBlocker(self):
            self.clear()
            for result, title in results:
                top = QTreeWidgetItem(self, [title])
                top.setData(0, _ITEM, result)
                rows += 1
                for output in result.output.images:
                    item = QTreeWidgetItem(top, [_words(output)])
                    item.setToolTip(0, output.description)
                    item.setData(0, _ITEM, output)
                    item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                    seen = any(output is one for one in on_show)
                    item.setCheckState(0, Qt.CheckState.Checked if seen else Qt.CheckState.Unchecked)
                    rows += 1
                top.setExpanded(result not in folded)
        self.setVisible(bool(results))
        self.setFixedHeight(_ROW_PIXELS * min(_MOST_ROWS, rows) + 8)

    def _on_tick(self, item: QTreeWidgetItem) -> None:
        output = item.data(0, _ITEM)
        if not isinstance(output, OutputImage):
            return
        result = item.parent().data(0, _ITEM)
        if item.checkState(0) == Qt.CheckState.Checked:
            self._room.show_outputs(result, [output])
        else:
            self._room.hide(output)


def _words(output: OutputImage) -> str:
    unit = output.display.unit if output.display is not None else ""
    return f"{output.symbol} ({unit})" if unit else output.symbol
