"""The buttons that save and open sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_dwi.gui.session_files import ask_open_session, ask_save_session

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom

# napari itself has Ctrl+Alt+S for screenshots and Ctrl+Alt+O for stacks of files.
_SAVE_KEYS, _OPEN_KEYS = "Ctrl+Alt+W", "Ctrl+Alt+E"


class SessionButtons(QWidget):
    """Two buttons, for any dock.

    Parameters
    ----------
    room : ReadingRoom
        Whose session is meant.
    """

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__()
        self._room = room
        self.save_button = QPushButton("Save session…")
        self.save_button.setToolTip(
            "Scan, results, regions, parameters and display in one folder; the scan by its path "
            f"({_SAVE_KEYS})"
        )
        self.save_button.setShortcut(_SAVE_KEYS)
        self.save_button.clicked.connect(lambda: ask_save_session(room, self))
        self.open_button = QPushButton("Open session…")
        self.open_button.setToolTip(f"Go on where a saved session ended ({_OPEN_KEYS})")
        self.open_button.setShortcut(_OPEN_KEYS)
        self.open_button.clicked.connect(lambda: ask_open_session(room, self))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.save_button)
        layout.addWidget(self.open_button)
        room.images_changed.connect(self._on_images)
        self._on_images()

    def _on_images(self) -> None:
        self.save_button.setEnabled(bool(self._room.shown))
