"""The path of a file or a folder: typed, chosen, or dropped."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

Kind = Literal["file", "folder"]


class PathLine(QWidget):
    """A line for a path with a button for each kind of thing it may name.

    Parameters
    ----------
    help : str
        What it is the path of.
    kinds : tuple of str
        ``"file"``, ``"folder"`` or both.
    """

    changed = Signal()

    def __init__(self, help: str, kinds: tuple[Kind, ...] = ("file",)) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.line = QLineEdit()
        self.line.setMinimumWidth(1)
        self.line.setToolTip(help)
        self.line.textChanged.connect(lambda _: self.changed.emit())
        layout.addWidget(self.line, 1)
        for kind in kinds:
            button = QPushButton(f"{kind.capitalize()}…")
            button.setToolTip(f"Choose the {kind}")
            button.clicked.connect(self._ask_file if kind == "file" else self._ask_folder)
            layout.addWidget(button)

    @property
    def path(self) -> Path | None:
        """The path; ``None`` where nothing is typed."""
        text = self.line.text().strip()
        try:
            return Path(text).expanduser() if text else None
        except RuntimeError:
            # There is no such user: a folder of that name, then.
            return Path(text)

    def set_path(self, path: Path | None) -> None:
        """Show another path."""
        self.line.setText("" if path is None else str(path))

    def _ask_file(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a file", self.line.text())
        if path:
            self.line.setText(path)

    def _ask_folder(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, "Choose a folder", self.line.text()):
            self.line.setText(path)
