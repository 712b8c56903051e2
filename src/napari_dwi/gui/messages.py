"""How the docks speak to the user."""

from __future__ import annotations

import logging

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_dwi.errors import DwiError

_log = logging.getLogger(__name__)


def tell(text: str) -> None:
    """Show a passing message."""
    show_info(text)


def tell_error(error: DwiError) -> None:
    """Show an error that the user can act on."""
    if error.__cause__ is not None:
        _log.debug("%s", type(error).__name__, exc_info=error)
    show_error(str(error))


def ask(parent: QWidget | None, question: str, yes: str) -> bool:
    """Ask before something is lost; ``yes`` is what the button says."""
    box = QMessageBox(QMessageBox.Icon.Question, "napari-dwi", question, parent=parent)
    button = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    return box.clickedButton() is button
