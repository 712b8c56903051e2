"""What every dock has: a heading with its icon, a room, a place for its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from napari_dwi.gui.closing import main_window_of
from napari_dwi.gui.icons import icon
from napari_dwi.gui.plugin_menu import add_menu_icons, add_title_icon
from napari_dwi.gui.room import ReadingRoom

if TYPE_CHECKING:
    import napari

_ICON_PIXELS = 24
_WIDTH_PIXELS = 400


class Dock(QWidget):
    """Base of the docks: heading above, scrolling content below.

    Parameters
    ----------
    viewer : Viewer
        The viewer the dock belongs to.
    title : str
        Heading.
    icon_name : str
        One of the files in ``icons``.
    """

    def __init__(self, viewer: napari.Viewer, title: str, icon_name: str) -> None:
        super().__init__()
        self.room = ReadingRoom.of(viewer)
        self._icon_name = icon_name
        self.setWindowIcon(icon(icon_name))
        picture = QLabel()
        picture.setPixmap(icon(icon_name).pixmap(_ICON_PIXELS, _ICON_PIXELS))
        heading = QLabel(title)
        heading.setStyleSheet("font-size: 13pt; font-weight: bold")
        top = QHBoxLayout()
        top.addWidget(picture)
        top.addWidget(heading, 1)
        inner = QWidget()
        self.content = QVBoxLayout(inner)
        self.content.setContentsMargins(0, 0, 4, 0)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        self.outer = QVBoxLayout(self)
        self.outer.addLayout(top)
        self.outer.addWidget(scroll, 1)
        self.setMinimumWidth(_WIDTH_PIXELS)

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802 - Qt's name
        """Meet the window once the dock is in it."""
        super().showEvent(event)
        self.room.guard(self)
        if (window := main_window_of(self)) is not None:
            add_menu_icons(window)
            add_title_icon(self, self._icon_name)
