"""The pairs a network learns from: a store, what is in it, and every slice of it at a glance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtGui import QImage
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_dwi.gui.messages import ask
from napari_dwi.gui.pair_form import PairForm
from napari_dwi.gui.pair_layers import show_pair
from napari_dwi.gui.pair_table import PairTable, is_displaced
from napari_dwi.gui.questions import ask_allowance
from napari_dwi.gui.slice_grid import SliceGrid

if TYPE_CHECKING:
    from napari_dwi.errors import DwiError
    from napari_dwi.gui.pair_desk import PairDesk, Scans
    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.scan.allowances import Allowance
    from napari_dwi.superres.pairs.importing import ImportedPair
    from napari_dwi.superres.pairs.pair import PairFacts

_NO_STORE = "Open a store of pairs, or make a new one."
_NO_PAIR = "There is no pair in it yet: add one below."


class PairBrowser(QWidget):
    """Shows the pairs on a desk, and takes what the user wants done with them.

    Parameters
    ----------
    room : ReadingRoom
        In whose viewer pairs are shown.
    desk : PairDesk
        The pairs.
    """

    def __init__(self, room: ReadingRoom, desk: PairDesk) -> None:
        super().__init__()
        self._room, self._desk = room, desk
        # What was said of pairs when they were added, by their names.
        self._warnings: dict[str, tuple[str, ...]] = {}
        self._looked_at: tuple[Path | None, str, int] | None = None
        # What the last click has left out, or used again.
        self._toggled: tuple[str, int] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(self._store_row())
        self.state = QLabel()
        self.state.setWordWrap(True)
        layout.addWidget(self.state)
        self.table = PairTable()
        self.table.picked.connect(self._on_picked)
        layout.addWidget(self.table)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.hide()
        layout.addWidget(self.notes)
        layout.addLayout(self._pair_row())
        self.grid = SliceGrid()
        self.grid.toggled.connect(self._on_toggled)
        self.grid.opened.connect(self._on_opened)
        self.grid.undone.connect(desk.undo)
        self.grid.wanted.connect(self._on_wanted)
        layout.addWidget(self.grid, 1)
        self.form = PairForm()
        self.form.asked.connect(desk.add)
        self.form.listed.connect(desk.add_table)
        self.fold = QCollapsible("Add a pair")
        self.fold.addWidget(self.form)
        self.fold.collapse(animate=False)
        layout.addWidget(self.fold)
        desk.listed.connect(self._on_listed)
        desk.changed.connect(self._on_changed)
        desk.added.connect(self._on_added)
        desk.doubtful.connect(self._on_doubtful)
        layout.addStretch()
        self._on_listed(None)

    def show_in_viewer(self, z: int) -> None:
        """Show the pair selected as two layers over the same millimetres, at a slice."""
        if (facts := self._selected()) is not None:

            def done(scans: Scans) -> None:
                show_pair(self._room.viewer, facts, scans, z)

            self._desk.load_scans(facts.name, done)

    def _selected(self) -> PairFacts | None:
        return self._desk.pairs.get(self.table.name or "")

    def _on_listed(self, pick: str | None) -> None:
        pairs = tuple(self._desk.pairs.values())
        for widget in (self.table, self.grid, self.show_button, self.undo_button, self.remove_button):
            widget.setVisible(bool(pairs))
        self.form.setEnabled(self._desk.store is not None)
        self.table.show_pairs(pairs, pick)
        if self._desk.store is not None and not pairs:
            self.fold.expand(animate=False)
        self._tell()

    def _on_picked(self, name: str) -> None:
        facts = self._desk.pairs[name]
        looked_at = (self._desk.store, name, facts.n_slices)
        if looked_at == self._looked_at:
            self.grid.leave_out(facts.excluded)
        else:
            self._looked_at = looked_at
            self.grid.show_slices(facts.n_slices, facts.excluded)
        warnings = self._warnings.get(name, ())
        self.notes.setText("\n".join(warnings))
        self.notes.setVisible(bool(warnings))

    def _on_changed(self, facts: PairFacts) -> None:
        self.table.refresh(facts)
        if facts.name == self.table.name:
            self.grid.leave_out(facts.excluded)
        self._tell()

    def _on_added(self, pair: ImportedPair) -> None:
        self.fold.collapse(animate=False)
        self._warnings[pair.facts.name] = pair.warnings

    def _on_doubtful(self, error: DwiError, again: Callable[[Allowance], None]) -> None:
        ask_allowance(self, error, again, lambda: None)

    def _on_toggled(self, z: int) -> None:
        facts = self._selected()
        self._toggled = None
        if facts is not None and self._desk.toggle(facts.name, z):
            self._toggled = (facts.name, z)

    def _on_opened(self, z: int) -> None:
        # The first of both clicks has left it out, or used it again.
        if self._toggled == (self.table.name, z):
            self._desk.undo()
        self._toggled = None
        self.show_in_viewer(z)

    def _on_wanted(self, slices: tuple[int, ...]) -> None:
        if (facts := self._selected()) is None:
            return

        def done(pictures: dict[int, QImage]) -> None:
            if self.table.name == facts.name:
                self.grid.show_pictures(pictures)

        self._desk.load_pictures(facts.name, slices, done)

    def _tell(self) -> None:
        store, pairs = self._desk.store, tuple(self._desk.pairs.values())
        self.undo_button.setEnabled(self._desk.can_undo)
        if store is None:
            self.state.setText(_NO_STORE)
        elif not pairs:
            self.state.setText(f"{store.name}. {_NO_PAIR}")
        else:
            subjects = len({facts.subject for facts in pairs})
            slices = sum(len(facts.used) for facts in pairs)
            words = f"{store.name}: {len(pairs)} pairs of {subjects} subjects, {slices} slices in use"
            doubtful = [facts.name for facts in pairs if is_displaced(facts)]
            self.state.setText(words + (f". ⚠ Displaced: {', '.join(doubtful)}" if doubtful else ""))

    def _store_row(self) -> QHBoxLayout:
        self.open_button = QPushButton("Open a store…")
        self.open_button.setToolTip("A folder of pairs that was made here or by napari-dwi pairs")
        self.open_button.clicked.connect(self._ask_open)
        self.new_button = QPushButton("New store…")
        self.new_button.setToolTip("A new folder for pairs of scans, which are copied into it")
        self.new_button.clicked.connect(self._ask_new)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.new_button)
        return row

    def _pair_row(self) -> QHBoxLayout:
        self.show_button = QPushButton("Show in viewer")
        self.show_button.setToolTip("Both scans as layers over the same millimetres, the low one zero-filled")
        self.show_button.clicked.connect(lambda: self.show_in_viewer(max(0, self.grid.currentIndex().row())))
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Take the last slice that was left out, or used again, back (Ctrl+Z)")
        self.undo_button.clicked.connect(self._desk.undo)
        self.remove_button = QPushButton("Delete pair…")
        self.remove_button.setToolTip("Delete the pair from the store; the files it was made from stay")
        self.remove_button.clicked.connect(self._ask_remove)
        row = QHBoxLayout()
        for button in (self.show_button, self.undo_button, self.remove_button):
            row.addWidget(button)
        return row

    def _ask_open(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a store of pairs"):
            self._desk.open(Path(folder))

    def _ask_new(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Name of the new store", "pairs.zarr")
        if path:
            self._desk.make(Path(path))

    def _ask_remove(self) -> None:
        if (name := self.table.name) is not None:
            question = f"The pair {name} will be deleted from the store. The files it was made from stay."
            if ask(self, question, "Delete the pair"):
                self._desk.remove(name)
