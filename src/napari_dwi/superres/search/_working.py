"""A process that runs the trials of a search, one after the other, until all of them are taken."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.methods.library_loading import load_torch
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.search._study import Claim, Study
from napari_dwi.superres.search.config import SEARCH, SearchConfig, read_search_config, run_of
from napari_dwi.superres.search.trials import ALIVE, TrialFile, trial_folder
from napari_dwi.superres.training._run_folder import forget_state
from napari_dwi.superres.training.running import run_training
from napari_dwi.superres.training.training_data import TrainingData, open_data

if TYPE_CHECKING:
    from napari_dwi.superres.training.history import EpochRecord

_LOOK_EVERY_S = 0.1
_SAY_EVERY_S = 5.0


def work(folder: Path, stop_file: Path, device: str, threads: int) -> None:
    """Run trials.

    Parameters
    ----------
    folder : Path
        The folder of the search.
    stop_file : Path
        A file that is there when the user asks to stop.
    device : str
        As for `run_training`.
    threads : int
        CPU threads of this process.

    Raises
    ------
    Stopped
        If the user asked to stop. The trial goes on from its last epoch in the next search.
    """
    # Ctrl-C reaches all processes of a terminal; the one that started this one says what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watch = _Watch(stop_file)
    config = read_search_config(folder / SEARCH)
    progress = Progress(stop_asked=watch.stop_asked)
    # Not within the first trial, which would seem to take longer than others.
    load_torch(progress.check)
    data = open_data(config.run, progress)
    study = Study(folder, config)
    while (claim := study.claim()) is not None:
        watch.alive = trial_folder(folder, claim.said.number) / ALIVE
        started = time.monotonic()
        said = _tried(claim, config, data, folder, device, threads, progress)
        study.tell(claim, replace(said, seconds=said.seconds + time.monotonic() - started))
        forget_state(trial_folder(folder, said.number))


def _tried(
    claim: Claim,
    config: SearchConfig,
    data: TrainingData,
    folder: Path,
    device: str,
    threads: int,
    progress: Progress,
) -> TrialFile:
    """Run one trial to its end; what its folder should say then."""
    errors: list[float] = []

    def on_epoch(record: EpochRecord) -> None:
        errors.append(record.validation_mse)
        claim.trial.report(record.validation_mse, record.epoch)
        if claim.trial.should_prune():
            raise optuna.TrialPruned

    try:
        trained = run_training(
            run_of(config, claim.said.parameters),
            trial_folder(folder, claim.said.number),
            device=device,
            threads=threads,
            progress=progress,
            on_epoch=on_epoch,
            data=data,
        )
    except optuna.TrialPruned:
        return replace(claim.said, state="pruned", value=min(errors))
    # What is wrong with the data of all trials has been told before the first.
    except (MethodFailedError, BadInputError) as err:
        return replace(claim.said, state="failed", error=str(err))
    return replace(claim.said, state="complete", value=trained.checkpoint.about["ValidationMSE"])


class _Watch:
    """Looks for the file that asks to stop, and leaves a sign of life; neither too often."""

    def __init__(self, stop_file: Path) -> None:
        self.alive: Path | None = None
        self._stop_file = stop_file
        self._looked = self._said = -float("inf")
        self._stop = False

    def stop_asked(self) -> bool:
        """Whether the user asked to stop."""
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY_S:
            self._looked = now
            self._stop = self._stop_file.exists()
        if self.alive is not None and now - self._said > _SAY_EVERY_S:
            self._said = now
            self.alive.touch()
        return self._stop
