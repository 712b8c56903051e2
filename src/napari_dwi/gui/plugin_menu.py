"""Our icons in the Plugins menu and in the title bars of our docks.

The manifest cannot name icons of our own, so they are put in place once the first dock is shown.
"""

from __future__ import annotations

from qtpy.QtWidgets import QBoxLayout, QDockWidget, QLabel, QMainWindow, QWidget

from napari_dwi.gui.icons import icon

_MENU_TITLE = "DWI"
_ICON_OF = {
    "Scan": "scan",
    "Regions": "regions",
    "Denoise": "denoise",
    "Fit": "fit",
    "Super-resolve": "super-resolve",
    "Train": "train",
}
_TITLE_PIXELS = 16


def add_menu_icons(window: QMainWindow) -> None:
    """Put icons beside our entries of the Plugins menu; doing it again does no harm."""
    for top in window.menuBar().actions():
        plugins = top.menu()
        if plugins is None or top.text().replace("&", "") != "Plugins":
            continue
        for entry in plugins.actions():
            ours = entry.menu()
            if ours is None or entry.text().replace("&", "") != _MENU_TITLE:
                continue
            entry.setIcon(icon("napari-dwi"))
            for action in ours.actions():
                if name := _ICON_OF.get(action.text().replace("&", "")):
                    action.setIcon(icon(name))
                    action.setIconVisibleInMenu(True)


def add_title_icon(widget: QWidget, icon_name: str) -> None:
    """Put an icon into the title bar of the dock around a widget."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    bar = None if parent is None else parent.titleBarWidget()
    layout = None if bar is None else bar.layout()
    if not isinstance(layout, QBoxLayout) or bar.findChild(QLabel, icon_name) is not None:
        return
    picture = QLabel(bar)
    picture.setObjectName(icon_name)
    picture.setPixmap(icon(icon_name).pixmap(_TITLE_PIXELS, _TITLE_PIXELS))
    layout.insertWidget(layout.count() - 1, picture)
