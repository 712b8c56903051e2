"""Searching for better settings: many short trainings, what they have in common, and what to do with them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.jobs import Job
from napari_dwi.gui.messages import tell_error
from napari_dwi.gui.network_use import use_network
from napari_dwi.gui.search_form import SearchForm
from napari_dwi.gui.trial_table import TrialTable
from napari_dwi.methods.progress import Progress
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.search.config import SEARCH, SearchConfig, read_search_config, search_config_of
from napari_dwi.superres.search.running import SearchResult, run_search
from napari_dwi.superres.search.trials import TrialRecord, best_of, read_trials
from napari_dwi.superres.training.checkpoint import NETWORK

if TYPE_CHECKING:
    from napari_dwi.gui.pair_desk import PairDesk
    from napari_dwi.gui.parallel_coordinates import ParallelCoordinates
    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.gui.training_form import TrainingForm
    from napari_dwi.gui.trial_history import TrialHistory

    Plots = tuple[TrialHistory, ParallelCoordinates]

_HINT = "Trials differ in what is picked above; all else is as in the Train tab. Name a folder and start."


class SearchTab(QWidget):
    """Begins searches, goes on with them, and shows their trials.

    ``further`` tells of a trial that is to be trained further.

    Parameters
    ----------
    room : ReadingRoom
        Whose queue does the work.
    desk : PairDesk
        The pairs that are learnt from.
    training : TrainingForm
        What does not vary.
    """

    further = Signal(object)

    def __init__(self, room: ReadingRoom, desk: PairDesk, training: TrainingForm) -> None:
        super().__init__()
        self.trials: tuple[TrialRecord, ...] = ()
        self._room, self._desk, self._training = room, desk, training
        self._folder: Path | None = None
        self._job: Job | None = None
        self._is_reading = False
        # The error told last: reading fails again and again while a search runs.
        self._told = ""
        self._plots: Plots | None = None
        self.form = SearchForm()
        self.form.changed.connect(self._update_buttons)
        self.report = QLabel(_HINT)
        self.report.setWordWrap(True)
        self.report.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = TrialTable()
        self.table.picked.connect(self.pick)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 0)
        self._layout.addWidget(self.form)
        self._layout.addLayout(self._start_row())
        for widget in (self.report, self.table):
            self._layout.addWidget(widget)
        self._layout.addLayout(self._trial_row())
        self._layout.addStretch()
        room.queue.changed.connect(self._follow)
        self._show(())

    @property
    def plots(self) -> Plots:
        """History and parallel coordinates; made when first needed, as their library is slow to import."""
        if self._plots is None:
            from napari_dwi.gui.parallel_coordinates import ParallelCoordinates
            from napari_dwi.gui.trial_history import TrialHistory

            self._plots = TrialHistory(), ParallelCoordinates()
            for plot in self._plots:
                plot.picked.connect(self.table.select)
                self._layout.insertWidget(self._layout.count() - 1, plot)
        return self._plots

    @property
    def trial(self) -> TrialRecord | None:
        """The trial picked."""
        return next((trial for trial in self.trials if trial.number == self.table.number), None)

    def run(self) -> None:
        """Search, or go on with the search that the folder holds."""
        folder, goes_on = self.form.folder.path, self.form.goes_on
        try:
            if folder is None:
                raise BadInputError("the search needs a folder", remedy="Name one under search folder.")
            said = {} if goes_on else self.form.config(self._training.config(self._desk.store))
        except DwiError as err:
            tell_error(err)
            return
        trials, processes = self.form.trials_box.value(), self.form.processes_box.value()
        device = self.form.device_box.currentText()

        def work(progress: Progress) -> SearchResult:
            progress.report(0.0, "looking at the pairs")
            before = read_json(folder / SEARCH) if goes_on else said
            config = search_config_of(before | {"trials": trials}, folder / SEARCH)
            return run_search(config, folder, processes=processes, device=device, progress=progress)

        self._folder = folder
        self._job = self._room.submit(
            f"Search in {folder.name}",
            work,
            lambda _: None,
            kept="finished epochs are kept, and Go on takes trials up again",
        )
        self._follow()

    def open_search(self, folder: Path) -> None:
        """Show a search as its folder tells it; *Go on* goes on with it."""

        def work() -> tuple[SearchConfig, tuple[TrialRecord, ...]]:
            return read_search_config(folder / SEARCH), read_trials(folder)

        def done(found: tuple[SearchConfig, tuple[TrialRecord, ...]]) -> None:
            config, trials = found
            self._folder = folder
            self.form.show_search(folder, config.trials)
            self._show(trials)

        self._room.keeping.quick.submit(Job("Opening a search", lambda _: work(), done, tell_error))

    def pick(self, number: int) -> None:
        """Mark a trial in the table and in both plots."""
        self.table.select(number)
        for plot in self._plots or ():
            plot.select(number)
        self._update_buttons()

    def use(self) -> None:
        """Have the Super-resolve dock use the network of the trial picked."""
        if (trial := self.trial) is not None:
            use_network(self._room, trial.folder / NETWORK)

    def _follow(self) -> None:
        """Read the trials of the search that runs anew, one reading at a time."""
        self._update_buttons()
        folder = self._folder
        if self._job is None or folder is None or self._is_reading:
            return
        if self._job.is_over:
            # Once more, for the last word of its trials.
            self._job = None
        self._is_reading = True

        def done(trials: tuple[TrialRecord, ...]) -> None:
            self._is_reading = False
            if folder == self._folder and trials != self.trials:
                self._show(trials)
            self._follow_to_the_end()

        def failed(err: DwiError) -> None:
            self._is_reading = False
            if str(err) != self._told:
                self._told = str(err)
                tell_error(err)
            self._follow_to_the_end()

        self._room.keeping.quick.submit(Job("Trials", lambda _: read_trials(folder), done, failed))

    def _follow_to_the_end(self) -> None:
        # The search may have ended while its trials were read, and nothing else would look again.
        if self._job is not None and self._job.is_over:
            self._follow()

    def _show(self, trials: tuple[TrialRecord, ...]) -> None:
        self.trials = trials
        self.table.setVisible(bool(trials))
        if trials:
            self.table.show_trials(trials)
            for plot in self.plots:
                plot.show_trials(trials)
        for plot in self._plots or ():
            plot.setVisible(bool(trials))
        self.report.setText(_words(trials) if trials else _HINT)
        self._update_buttons()

    def _update_buttons(self) -> None:
        trial = self.trial
        self.form.lock()
        self.start_button.setEnabled(self._job is None or self._job.is_over)
        self.start_button.setText("Go on" if self.form.goes_on else "Search")
        for button in (self.further_button, self.use_button):
            button.setVisible(bool(self.trials))
        self.further_button.setEnabled(trial is not None and bool(trial.values))
        self.use_button.setEnabled(trial is not None and trial.state == "complete")

    def _start_row(self) -> QHBoxLayout:
        self.open_button = QPushButton("Open a search…")
        self.open_button.setToolTip("A search folder: see its trials, go on with it, or use its networks")
        self.open_button.clicked.connect(self._ask_open)
        self.start_button = QPushButton("Search")
        self.start_button.setStyleSheet("font-weight: bold")
        self.start_button.setToolTip(
            "In the background, in processes of its own; can be stopped at any moment. A search that its "
            "folder holds already is gone on with"
        )
        self.start_button.clicked.connect(self.run)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.start_button)
        return row

    def _trial_row(self) -> QHBoxLayout:
        self.further_button = QPushButton("Train this one further")
        self.further_button.setToolTip(
            "Have the Train tab show the settings of the selected trial; where it has a network, as the one "
            "to start from"
        )
        self.further_button.clicked.connect(lambda: self.further.emit(self.trial))
        self.use_button = QPushButton("Use this network")
        self.use_button.setToolTip("Have the Super-resolve dock use the network of the selected trial")
        self.use_button.clicked.connect(self.use)
        row = QHBoxLayout()
        row.addWidget(self.further_button)
        row.addWidget(self.use_button)
        return row

    def _ask_open(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a search folder"):
            self.open_search(Path(folder))


def _words(trials: tuple[TrialRecord, ...]) -> str:
    count = Counter("given up" if trial.state == "pruned" else trial.state for trial in trials)
    text = f"{len(trials)} trials: {', '.join(f'{number} {state}' for state, number in count.items())}."
    best = best_of(trials)
    return text if best is None else f"{text} The best is {best.number}, with an error of {best.value:.3g}."
