"""Our own icons, from the top-level ``icons`` folder."""

from __future__ import annotations

from importlib.resources import files

from qtpy.QtCore import QByteArray
from qtpy.QtGui import QIcon, QPixmap

_RESOURCES = "napari_dwi_resources"


def icon(name: str) -> QIcon:
    """The icon of that name (``"scan"``)."""
    svg = files(_RESOURCES).joinpath("icons").joinpath(f"{name}.svg").read_bytes()
    pixmap = QPixmap()
    pixmap.loadFromData(QByteArray(svg), "SVG")
    return QIcon(pixmap)
