"""Errors that need not be the end: a question with one button for each thing that can be allowed."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_dwi.errors import DwiError
from napari_dwi.scan.allowances import LABELS, Allowance, allowances_of


def ask_allowance(
    parent: QWidget | None,
    error: DwiError,
    on_allowed: Callable[[Allowance], None],
    on_cancelled: Callable[[], None],
) -> None:
    """Ask what to do about a doubtful file, without holding up anything else.

    Parameters
    ----------
    parent : QWidget or None
        The window asked in.
    error : DwiError
        Names in ``offers`` what could be allowed.
    on_allowed : callable
        Receives what the user chose.
    on_cancelled : callable
        Called if the user wants none of it.
    """
    box = QMessageBox(QMessageBox.Icon.Question, "napari-dwi", _capital(error.what), parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(_facts(error))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    offers = {
        box.addButton(LABELS[offer], QMessageBox.ButtonRole.AcceptRole): offer
        for offer in allowances_of(error.offers)
    }
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)

    def answered() -> None:
        offer = next((offer for button, offer in offers.items() if button is box.clickedButton()), None)
        if offer is None:
            on_cancelled()
        else:
            on_allowed(offer)

    box.finished.connect(answered)
    box.open()


def _facts(error: DwiError) -> str:
    facts = [("File", error.file), ("Expected", error.expected), ("Found", error.found), ("", error.remedy)]
    return "\n".join(f"{name}: {fact}" if name else str(fact) for name, fact in facts if fact is not None)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
