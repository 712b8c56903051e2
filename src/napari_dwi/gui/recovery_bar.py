"""The bar that offers what an earlier session left unsaved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import ref

from qtpy.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_dwi.gui.jobs import Job
from napari_dwi.gui.messages import ask, tell, tell_error
from napari_dwi.gui.session_files import recover
from napari_dwi.methods.recovery import (
    KEPT_DAYS,
    Abandoned,
    abandoned_sessions,
    remove_old_sessions,
    take_over,
)

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom


class RecoveryBar(QFrame):
    """Offers abandoned sessions one after the other, the latest first.

    Parameters
    ----------
    room : ReadingRoom
        Where a session would be opened.
    sessions : tuple of Abandoned
        The sessions.
    """

    def __init__(self, room: ReadingRoom, sessions: tuple[Abandoned, ...]) -> None:
        super().__init__()
        self._room = room
        self._sessions = list(sessions)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.label = QLabel()
        self.label.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addWidget(self.label)
        buttons = QHBoxLayout()
        actions: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("Recover", "Open the scan with these results and regions", self._recover),
            ("Later", "Keep it and ask again when napari is started anew", self._next),
            ("Discard", "Remove it for good", self._discard),
        )
        for text, help_text, action in actions:
            button = QPushButton(text)
            button.setToolTip(help_text)
            button.clicked.connect(action)
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self._describe()

    def _describe(self) -> None:
        self.setVisible(bool(self._sessions))
        if self._sessions:
            self.label.setText(described(self._sessions[0]))

    def _recover(self) -> None:
        if recover(self._room, self._sessions[0], self):
            self._next()

    def _discard(self) -> None:
        if ask(self, "The results and regions of that session will be removed for good.", "Discard"):
            self._room.keeping.in_background(partial(_remove, self._sessions[0].folder))
            self._next()

    def _next(self) -> None:
        del self._sessions[0]
        self._describe()


def offer_recovery(room: ReadingRoom, dock: QWidget) -> None:
    """Look for abandoned sessions in the background and offer them at the top of a dock."""
    alive = ref(dock)

    def show(found: tuple[int, tuple[Abandoned, ...]]) -> None:
        removed, sessions = found
        if removed:
            tell(f"{removed} unsaved sessions older than {KEPT_DAYS} days have been removed")
        widget = alive()
        place = None if widget is None else widget.layout()
        if sessions and isinstance(place, QBoxLayout):
            place.insertWidget(1, RecoveryBar(room, sessions))

    def look(_: object) -> tuple[int, tuple[Abandoned, ...]]:
        return remove_old_sessions(), abandoned_sessions()

    room.keeping.quick.submit(Job("looking for unsaved work", look, show, tell_error))


def described(abandoned: Abandoned) -> str:
    """Which scan, which results, and when."""
    session = abandoned.session
    scan = "a scan" if session.scan is None else session.scan.series.name
    parts = [result.title for result in session.results]
    if session.regions is not None:
        parts.append("regions")
    when = abandoned.when.astimezone().strftime("%d %b %Y, %H:%M")
    return f"Unsaved work on {scan} from {when}: {', '.join(parts)}."


def _remove(folder: Path) -> None:
    if (kept := take_over(folder)) is not None:
        kept.discard()
