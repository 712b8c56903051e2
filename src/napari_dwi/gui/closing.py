"""Closing napari while a job runs or something is not saved: nothing is lost without being asked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_dwi.gui.messages import ask
from napari_dwi.gui.session_files import ask_save_session

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """The napari window a dock lives in, also while the dock floats."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


class CloseGuard(QObject):
    """Ends the room of a window that closes, after asking where the user can still say no.

    Parameters
    ----------
    window : QMainWindow
        The window.
    room : ReadingRoom
        Its room.
    """

    def __init__(self, window: QMainWindow, room: ReadingRoom) -> None:
        super().__init__(window)
        # Python cannot see what Qt's parents hold: a strong reference would keep the viewer for good.
        self._room = ref(room)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Look at the window's Close events before the window does."""
        if not isinstance(watched, QMainWindow) or event is None or event.type() != QEvent.Type.Close:
            return False
        if (room := self._room()) is None:
            return False
        # A close by menu or by program has been decided already; napari must not be held up then, and
        # what is not saved is offered at the next start.
        if event.spontaneous() and not (room.queue.is_idle and not room.keeping.unsaved):
            event.ignore()
            self._ask(watched, room)
            return True
        room.close()
        return False

    def _ask(self, window: QMainWindow, room: ReadingRoom) -> None:
        if not room.queue.is_idle:
            kept = dict.fromkeys(job.kept for job in room.queue.jobs if not job.is_over)
            question = f"A job is still running. If you close napari now, {'; '.join(kept)}."
            if not ask(window, question, "Stop it and close"):
                return
            room.queue.stop_all()
        if not (unsaved := room.keeping.unsaved):
            _close(window, room)
            return
        answer = _ask_unsaved(window, unsaved)
        if answer == QMessageBox.StandardButton.Discard:
            _close(window, room, discard=True)
        elif answer == QMessageBox.StandardButton.Save:
            ask_save_session(room, window, lambda: _close(window, room))


def _ask_unsaved(window: QMainWindow, unsaved: str) -> QMessageBox.StandardButton:
    buttons = QMessageBox.StandardButton
    box = QMessageBox(QMessageBox.Icon.Question, "napari-dwi", f"Not saved yet: {unsaved}.", parent=window)
    box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
    box.button(buttons.Save).setText("Save…")
    box.button(buttons.Discard).setText("Discard")
    box.setDefaultButton(buttons.Save)
    return buttons(box.exec())


def _close(window: QMainWindow, room: ReadingRoom, *, discard: bool = False) -> None:
    room.close(discard=discard)
    # Closing anew, as napari would ask a second time about its own worker.
    QTimer.singleShot(0, lambda: QWidget.close(window))
