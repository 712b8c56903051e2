"""What Optuna does for a search: it says what to try next, and which trials to give up."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from napari_dwi.superres.search.config import SearchConfig, SearchSpace
from napari_dwi.superres.search.trials import (
    TrialFile,
    Worker,
    last_heard,
    read_trial_file,
    seconds_so_far,
    trial_folder,
    trial_folders,
    write_trial,
)

JOURNAL, _CLAIMS = "journal.log", "claims.lock"

_NAME, _NUMBER = "search", "Number"
_LONGEST_WRITE_S = 10
# A trial whose process ends so often without a word is the reason for it.
_MOST_ATTEMPTS = 3


@dataclass(frozen=True, eq=False)
class Claim:
    """A trial that this process is to run: what Optuna knows of it, and what its folder says."""

    trial: optuna.Trial
    said: TrialFile


class Study:
    """The study of a search, shared by all processes that work on it.

    Parameters
    ----------
    folder : Path
        The folder of the search.
    config : SearchConfig
        The search.
    """

    def __init__(self, folder: Path, config: SearchConfig) -> None:
        self._folder, self._config = folder, config
        # It would warn of waiting for the lock of a process that was killed.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        journal = str(folder / JOURNAL)
        # A lock for network folders and for Windows. It outlives a process that is killed while it writes
        # a line, which takes milliseconds.
        lock = JournalFileOpenLock(journal, grace_period=_LONGEST_WRITE_S)
        backend = JournalFileBackend(journal, lock_obj=lock)
        self._study = optuna.create_study(
            study_name=_NAME,
            storage=optuna.storages.JournalStorage(backend),
            direction="minimize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(config.startup_trials, config.warmup),
        )

    def claim(self) -> Claim | None:
        """The next trial to run: one whose process is gone, or a new one; ``None`` if all are taken."""
        with FileLock(self._folder / _CLAIMS):
            folders = trial_folders(self._folder)
            for number, folder in enumerate(folders):
                said = read_trial_file(folder)
                if said is None:
                    # Claims are made under the lock, so whoever made this one is gone.
                    return self._new(number)
                is_left = not said.is_finished and not said.worker.is_alive(last_heard(folder))
                if is_left and (claim := self._again(said)) is not None:
                    return claim
            return self._new(len(folders)) if len(folders) < self._config.trials else None

    def tell(self, claim: Claim, said: TrialFile) -> None:
        """Have a trial over, for Optuna and in its folder."""
        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
        # Optuna takes the last value reported for that of a trial that was given up.
        value = said.value if said.state == "complete" else None
        self._study.tell(claim.trial, value, state=states[said.state])
        write_trial(self._folder, said)

    def _new(self, number: int) -> Claim:
        trial_folder(self._folder, number).mkdir(parents=True, exist_ok=True)
        return self._begun(number, 1, 0.0)

    def _again(self, said: TrialFile) -> Claim | None:
        """Take up a trial whose process is gone; ``None`` if that has happened too often."""
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(_NUMBER) == said.number:
                self._study.tell(trial.number, state=TrialState.FAIL)
        seconds = seconds_so_far(trial_folder(self._folder, said.number), said)
        if said.attempts >= _MOST_ATTEMPTS:
            why = f"its process ended {said.attempts} times without a word; perhaps memory ran out"
            write_trial(self._folder, replace(said, state="failed", error=why, seconds=seconds))
            return None
        self._study.enqueue_trial(said.parameters)
        return self._begun(said.number, said.attempts + 1, seconds)

    def _begun(self, number: int, attempts: int, seconds: float) -> Claim:
        self._study.sampler = _sampler(self._config, number)
        trial = self._study.ask()
        trial.set_user_attr(_NUMBER, number)
        parameters = suggested(trial, self._config.space)
        said = TrialFile(number, "running", parameters, Worker.this(), attempts, seconds)
        write_trial(self._folder, said)
        return Claim(trial, said)


def suggested(trial: optuna.Trial, space: SearchSpace) -> dict[str, Any]:
    """What to try, by name; alpha only where the loss is hybrid."""
    choices: Mapping[str, tuple[Any, ...]] = {
        **{f"width_{level}": widths for level, widths in enumerate(space.widths, 1)},
        **{
            name: getattr(space, name)
            for name in (
                *("down", "up", "activation", "residual"),
                *("loss", "optimiser", "schedule", "decay", "batch_size"),
            )
        },
    }
    found = {name: trial.suggest_categorical(name, some) for name, some in choices.items() if some}
    if space.learning_rate:
        found["learning_rate"] = trial.suggest_float("learning_rate", *space.learning_rate, log=True)
    if space.alpha and found.get("loss") == "hybrid":
        found["alpha"] = trial.suggest_float("alpha", *space.alpha)
    return found


def _sampler(config: SearchConfig, number: int) -> optuna.samplers.BaseSampler:
    """What draws the parameters of a trial: other processes must not draw the same."""
    seed = int(np.random.SeedSequence((config.seed, number)).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return optuna.samplers.TPESampler(
            n_startup_trials=config.random_trials,
            multivariate=True,
            # Parameters that only some trials have, as alpha, are learnt from those.
            group=True,
            constant_liar=True,
            seed=seed,
        )
