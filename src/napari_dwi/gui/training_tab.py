"""Training a network on the pairs of a store, and how it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.jobs import Job, JobState
from napari_dwi.gui.messages import tell_error
from napari_dwi.gui.network_use import use_network
from napari_dwi.gui.preview_pictures import PreviewPictures
from napari_dwi.gui.training_form import TrainingForm
from napari_dwi.methods.progress import Progress
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training.checkpoint import NETWORK
from napari_dwi.superres.training.history import EpochRecord, read_history
from napari_dwi.superres.training.previews import read_previews
from napari_dwi.superres.training.run_config import read_run_config, run_config_of
from napari_dwi.superres.training.running import RUN, run_training
from napari_dwi.superres.training.stopping import EarlyStopping
from napari_dwi.text import brief

if TYPE_CHECKING:
    from napari_dwi.gui.loss_plot import LossPlot
    from napari_dwi.gui.pair_desk import PairDesk
    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.superres.search.trials import TrialRecord
    from napari_dwi.superres.training.run_config import RunConfig


@dataclass(eq=False)
class Run:
    """A run on show: where it is, its epochs so far, which the worker thread adds to, and what came of it."""

    folder: Path
    history: list[EpochRecord] = field(default_factory=list)
    about: Mapping[str, Any] = field(default_factory=dict)
    job: Job | None = None


class TrainingTab(QWidget):
    """Begins runs, goes on with them, and shows their losses and pictures.

    Parameters
    ----------
    room : ReadingRoom
        Whose queue does the work.
    desk : PairDesk
        The pairs that are learnt from.
    """

    def __init__(self, room: ReadingRoom, desk: PairDesk) -> None:
        super().__init__()
        self.current: Run | None = None
        # The one begun last, which may go on while another is looked at.
        self._begun: Run | None = None
        self._room, self._desk = room, desk
        self._drawn: tuple[Run | None, int, bool] = (None, 0, True)
        self._plot: LossPlot | None = None
        self.form = TrainingForm()
        self.report = QLabel()
        self.report.setWordWrap(True)
        self.report.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.previews = PreviewPictures()
        self.use_button = QPushButton("Use in Super-resolve")
        self.use_button.setToolTip("Have the Super-resolve dock use the network of this run")
        self.use_button.clicked.connect(self.use)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 0)
        self._layout.addWidget(self.form)
        self._layout.addLayout(self._buttons())
        for widget in (self.report, self.previews, self.use_button):
            self._layout.addWidget(widget)
        self._layout.addStretch()
        room.queue.changed.connect(self._follow)
        self._follow()

    @property
    def plot(self) -> LossPlot:
        """The plot; made when first needed, as its library takes half a second to import."""
        if self._plot is None:
            from napari_dwi.gui.loss_plot import LossPlot

            self._plot = LossPlot()
            self._layout.insertWidget(self._layout.indexOf(self.report) + 1, self._plot)
        return self._plot

    def run(self) -> None:
        """Train, or go on with the run that the folder holds."""
        try:
            said, folder = self.form.config(self._desk.store), self.form.folder.path
            if folder is None:
                raise BadInputError("the run needs a folder", remedy="Name one under run folder.")
        except DwiError as err:
            tell_error(err)
            return
        run, device = Run(folder), self.form.device_box.currentText()

        def work(progress: Progress) -> Mapping[str, Any]:
            progress.report(0.0, "looking at the pairs")
            config = run_config_of(said, folder / RUN)
            trained = run_training(
                config, folder, device=device, progress=progress, on_epoch=run.history.append
            )
            return trained.checkpoint.about

        def done(about: Mapping[str, Any]) -> None:
            run.about = about

        run.job = self._room.submit(
            f"Training in {folder.name}",
            work,
            done,
            kept="finished epochs are kept, and Train goes on from there",
        )
        self.current = self._begun = run
        self._follow()

    def open_run(self, folder: Path) -> None:
        """Show a run as its folder tells it; *Train* goes on with it, if what it learns from is there."""

        def work() -> tuple[RunConfig | DwiError, Run]:
            beside = (folder / NETWORK).with_suffix(".json")
            about = read_json(beside).get("About", {}) if beside.exists() else {}
            run = Run(folder, list(read_history(folder)), about)
            try:
                return read_run_config(folder / RUN), run
            except DwiError as err:
                if not run.history:
                    raise
                return err, run

        def done(found: tuple[RunConfig | DwiError, Run]) -> None:
            config, run = found
            begun = self._begun
            # It knows more than its folder does.
            self.current = begun if begun is not None and begun.folder == folder else run
            if isinstance(config, DwiError):
                tell_error(config)
                self._follow()
                return
            self.form.show_config(config, folder)
            self._open_pairs(config)
            self._follow()

        self._room.keeping.quick.submit(Job("Opening a run", lambda _: work(), done, tell_error))

    def train_further(self, trial: TrialRecord) -> None:
        """Have the form say how a trial of a search was trained, and where it could go on from."""

        def done(config: RunConfig) -> None:
            # The folder of a trial belongs to the search.
            self.form.show_config(config, trial.folder.parents[1] / f"further-{trial.number}")
            if (trial.folder / NETWORK).exists():
                self.form.start_with(trial.folder / NETWORK)
            self._open_pairs(config)

        self._room.keeping.quick.submit(
            Job("Opening a trial", lambda _: read_run_config(trial.folder / RUN), done, tell_error)
        )

    def _open_pairs(self, config: RunConfig) -> None:
        if config.pairs and Path(config.pairs) != self._desk.store:
            self._desk.open(Path(config.pairs))

    def use(self) -> None:
        """Have the Super-resolve dock use the network of the run on show."""
        if self.current is not None:
            use_network(self._room, self.current.folder / NETWORK)

    def _follow(self) -> None:
        """Show what has become of the run since the last look."""
        run = self.current
        over = run is None or run.job is None or run.job.is_over
        self.run_button.setEnabled(over)
        self.use_button.setEnabled(run is not None and over and (run.folder / NETWORK).exists())
        if run is None:
            return
        count = len(run.history)
        if self._drawn != (run, count, over):
            self._drawn = run, count, over
            history = tuple(run.history[:count])
            self.plot.show_history(history)
            self.previews.show_previews(read_previews(run.folder))
            self.report.setText(_words(run, history))

    def _buttons(self) -> QHBoxLayout:
        self.open_button = QPushButton("Open a run…")
        self.open_button.setToolTip("A run folder: see its losses, go on with it, or use its network")
        self.open_button.clicked.connect(self._ask_open)
        self.run_button = QPushButton("Train")
        self.run_button.setStyleSheet("font-weight: bold")
        self.run_button.setToolTip(
            "In the background; can be stopped at any moment. A run that its folder holds already is gone on "
            "with, if the settings are the same"
        )
        self.run_button.clicked.connect(self.run)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.run_button)
        return row

    def _ask_open(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a run folder"):
            self.open_run(Path(folder))


def _words(run: Run, history: tuple[EpochRecord, ...]) -> str:
    best = EarlyStopping(losses=[record.validation_loss for record in history]).best_epoch
    if best:
        loss = brief(history[best - 1].validation_loss)
        words = f"{len(history)} epochs, the best is {best}, with a validation loss of {loss}."
    else:
        words = "no epoch is finished yet."
    if run.job is not None and run.job.state is JobState.STOPPED:
        words += " Stopped; Train goes on from here."
    return "\n".join([f"{run.folder.name}: {words}", *_test_lines(run.about.get("Test", {}))])


def _test_lines(test: Mapping[str, Any]) -> list[str]:
    """What the subjects kept for the test say of a network."""
    figures = {
        "PSNR": "PSNR {:.2f} dB",
        "SSIM": "SSIM {:.3f}",
        "MSERatio": "squared error {:.2f} of that of zero-filling",
    }
    parts = [words.format(test[name]) for name, words in figures.items() if name in test]
    return [f"Test on {test['Slices']} slices it has never seen: {', '.join(parts)}"] if parts else []
