"""Closing napari while a job runs: one question, and no thread left behind."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakMethod

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QWidget

from napari_dwi.gui.jobs import JobQueue
from napari_dwi.gui.messages import ask


def main_window_of(widget: QWidget) -> QMainWindow | None:
    """The napari window a dock lives in, also while the dock floats."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


class CloseGuard(QObject):
    """Stops the jobs of a window that closes, after asking where the user can still say no."""

    def __init__(self, window: QMainWindow, queue: JobQueue, on_close: Callable[[], None]) -> None:
        super().__init__(window)
        self._queue = queue
        # Python cannot see what Qt's parents hold: a strong reference would keep the viewer for good.
        self._on_close = WeakMethod(on_close)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Look at the window's Close events before the window does."""
        if not isinstance(watched, QMainWindow) or event is None or event.type() != QEvent.Type.Close:
            return False
        # A close by menu or by program has been decided already; napari must not be held up then.
        if event.spontaneous() and not self._queue.is_idle:
            question = "A job is still running. Its result will be lost if you close napari now."
            if ask(watched, question, "Stop it and close"):
                self._close_room()
                # Closing anew, as napari would ask a second time about its own worker.
                QTimer.singleShot(0, lambda: QWidget.close(watched))
            event.ignore()
            return True
        self._close_room()
        return False

    def _close_room(self) -> None:
        if (on_close := self._on_close()) is not None:
            on_close()
