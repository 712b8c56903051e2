"""The trials of a search, as their folders tell them: to be read at any time, by any process."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training.history import read_history

State = Literal["running", "interrupted", "complete", "pruned", "failed"]

TRIALS, TRIAL, ALIVE = "trials", "trial.json", "alive"
FINISHED: tuple[State, ...] = ("complete", "pruned", "failed")

# A process on another computer is taken for dead when nothing was heard of it for so long.
_SILENCE_S = 600.0
# Two clocks of one process agree within this.
_SAME_START_S = 1.0


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a search.

    Parameters
    ----------
    number : int
        From 0, in the order in which they were begun.
    state : str
        ``"running"``; ``"interrupted"``, to be gone on with by the next search in this folder;
        ``"complete"``; ``"pruned"``, given up because others were better by then; ``"failed"``.
    parameters : mapping of str to object
        What was tried, by name.
    values : tuple of float
        Mean squared error of the validation slices after every epoch.
    value : float, optional
        What the trial is judged by: that of the weights which were kept, or the lowest one so far.
    seconds : float
        How long it has computed.
    folder : Path
        Its run folder.
    error : str
        Why it failed; empty otherwise.
    """

    number: int
    state: State
    parameters: Mapping[str, Any]
    values: tuple[float, ...]
    value: float | None
    seconds: float
    folder: Path
    error: str = ""


@dataclass(frozen=True)
class Worker:
    """A process that runs trials.

    Parameters
    ----------
    host : str
        The name of its computer.
    process : int
        Its number there.
    started : float
        When it was started, in seconds: numbers are used again.
    """

    host: str
    process: int
    started: float

    @classmethod
    def this(cls) -> Worker:
        """The process that asks."""
        return cls(platform.node(), os.getpid(), psutil.Process().create_time())

    def is_alive(self, heard: float) -> bool:
        """Whether it still runs; ``heard`` is when it last said so, in seconds."""
        if self.host != platform.node():
            return time.time() - heard < _SILENCE_S
        try:
            process = psutil.Process(self.process)
            is_same = bool(abs(process.create_time() - self.started) < _SAME_START_S)
            return is_same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass(frozen=True)
class TrialFile:
    """What ``trial.json`` says.

    Parameters
    ----------
    number : int
        Of the trial, as its folder.
    state : str
        ``"running"`` also when its worker is gone.
    parameters : mapping
        What is tried; ready for JSON.
    worker : Worker
        Who runs it, or did last.
    attempts : int
        How many workers have taken it up.
    seconds : float
        How long earlier attempts and, once it is over, the last one have computed.
    value : float, optional
        What it is judged by, once it is over.
    error : str
        Why it failed.
    """

    number: int
    state: State
    parameters: dict[str, Any]
    worker: Worker
    attempts: int = 1
    seconds: float = 0.0
    value: float | None = None
    error: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to do."""
        return self.state in FINISHED


def trial_folder(study: Path, number: int) -> Path:
    """The run folder of a trial."""
    return study / TRIALS / f"{number:04d}"


def write_trial(study: Path, said: TrialFile) -> None:
    """Have a trial on the disk as it is.

    Raises
    ------
    CannotWriteError
        If the disk refuses it.
    """
    folder = trial_folder(study, said.number)
    with file_set(folder) as files:
        files.add_text(folder / TRIAL, json.dumps(to_json(said), indent=2) + "\n")


def read_trial_file(folder: Path) -> TrialFile | None:
    """What the file of a trial says; ``None`` before there is one.

    Raises
    ------
    BadInputError
        If it is damaged.
    """
    path = folder / TRIAL
    return from_json(TrialFile, read_json(path), path) if path.exists() else None


def last_heard(folder: Path) -> float:
    """When the worker of a trial last said that it was there, in seconds."""
    times = [path.stat().st_mtime for path in (folder / ALIVE, folder / TRIAL) if path.exists()]
    return max(times, default=0.0)


def trial_folders(study: Path) -> list[Path]:
    """The folders of all trials, in their order."""
    return sorted(path for path in (study / TRIALS).glob("*") if path.name.isdecimal())


def read_trials(study: Path) -> tuple[TrialRecord, ...]:
    """Every trial of a search so far, in their order.

    It may be read while the search runs, and needs nothing but the folder.

    Parameters
    ----------
    study : Path
        The folder of the search.

    Raises
    ------
    BadInputError
        If a file is damaged.
    """
    records = []
    for folder in trial_folders(study):
        said = read_trial_file(folder)
        if said is not None:
            records.append(_record(folder, said))
    return tuple(records)


def best_of(trials: tuple[TrialRecord, ...]) -> TrialRecord | None:
    """The complete trial with the lowest value; the first of them."""
    complete = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return min(complete, key=lambda trial: (trial.value, trial.number), default=None)


def seconds_so_far(folder: Path, said: TrialFile) -> float:
    """How long a trial has computed until it was last heard of."""
    if said.is_finished:
        return said.seconds
    return said.seconds + max(0.0, last_heard(folder) - (folder / TRIAL).stat().st_mtime)


def _record(folder: Path, said: TrialFile) -> TrialRecord:
    state = said.state
    if state == "running" and not said.worker.is_alive(last_heard(folder)):
        state = "interrupted"
    values = tuple(record.validation_mse for record in read_history(folder))
    value = said.value if said.value is not None else min(values, default=None)
    seconds = seconds_so_far(folder, said)
    return TrialRecord(said.number, state, said.parameters, values, value, seconds, folder, said.error)
