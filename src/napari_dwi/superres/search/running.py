"""Running a search: worker processes, their end, and the best network."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.methods.killable import call_killable
from napari_dwi.methods.progress import Progress
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.pairs.store import check_outside_pairs
from napari_dwi.superres.search.config import SEARCH, SearchConfig, said_of
from napari_dwi.superres.search.trials import (
    FINISHED,
    TrialRecord,
    best_of,
    read_trial_file,
    read_trials,
    trial_folders,
)
from napari_dwi.superres.training.history import METRICS

if TYPE_CHECKING:
    from napari_dwi.superres.training.checkpoint import Checkpoint

BEST = "best.safetensors"

_LOOK_EVERY_S, _REPORT_EVERY_S = 0.05, 0.5
# Workers stop by themselves within this time, or are killed.
_GRACE_S = 1.0
# A worker that was killed is replaced; if it happens again and again, something is wrong.
_MOST_DEATHS = 5


@dataclass(frozen=True, eq=False)
class SearchResult:
    """A search that is over.

    Parameters
    ----------
    trials : tuple of TrialRecord
        All of them.
    best : TrialRecord
        The complete one with the lowest error.
    checkpoint : Path
        Its network, ``best.safetensors`` in the folder of the search, with the JSON beside it.
    """

    trials: tuple[TrialRecord, ...]
    best: TrialRecord
    checkpoint: Path


def run_search(
    config: SearchConfig,
    folder: Path,
    *,
    processes: int = 1,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> SearchResult:
    """Search for the best network, in several processes.

    The folder holds ``search.json``, a run folder for every trial in ``trials``, Optuna's journal, and at
    the end the best network. The same search in the same folder goes on where it was stopped or killed,
    with more trials if it says so; it may run on several computers that share the folder.

    Parameters
    ----------
    config : SearchConfig
        The search.
    folder : Path
        Its folder.
    processes : int
        How many trials run at once here.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    threads : int, optional
        CPU threads of each process; if not told, the cores are shared out.
    progress : Progress, optional
        Where to report, and to learn of a stop.

    Raises
    ------
    Stopped
        If the user asked to stop; all processes are gone by then.
    BadInputError
        If the folder holds another search, the data cannot be used, or Optuna is not installed.
    MethodFailedError
        If no trial was complete in the end, or processes died again and again.
    CannotWriteError
        If the folder cannot be written.
    """
    if find_spec("optuna") is None:
        raise BadInputError(
            "a search needs the extra 'train', which is not installed",
            remedy='Run pip install "napari-dwi[train]".',
        )
    if processes < 1:
        raise BadInputError("a search needs at least one process", found=processes)
    progress = progress or Progress()
    folder = folder.resolve()
    _say(config, folder)
    each = threads or max(1, (os.cpu_count() or 1) // processes)
    # A worker takes seconds to start, only to find nothing to do.
    if sum(trial.state in FINISHED for trial in read_trials(folder)) < config.trials:
        _run_workers(folder, config, (device, each), processes, progress)
    return _finished(config, folder)


def _run_workers(
    folder: Path, config: SearchConfig, how: tuple[str, int], processes: int, progress: Progress
) -> None:
    """Have so many processes work until no trial is left to run, or the user asks to stop."""
    stop_file = folder / f"stop-{uuid.uuid4().hex[:8]}"
    kill = threading.Event()
    with ThreadPoolExecutor(processes, "search") as pool:
        futures = [pool.submit(_work, folder, stop_file, how, kill) for _ in range(processes)]
        try:
            reported = -float("inf")
            while not _are_done(futures):
                progress.check()
                if time.monotonic() - reported >= _REPORT_EVERY_S:
                    progress.report(*_state(folder, config))
                    reported = time.monotonic()
                time.sleep(_LOOK_EVERY_S)
        finally:
            stop_file.touch()
            until = time.monotonic() + _GRACE_S
            while not all(future.done() for future in futures) and time.monotonic() < until:
                time.sleep(_LOOK_EVERY_S)
            kill.set()
            pool.shutdown()
            stop_file.unlink()


def _work(folder: Path, stop_file: Path, how: tuple[str, int], kill: threading.Event) -> None:
    """Keep one process at work; one that was killed is replaced."""
    from napari_dwi.superres.search._working import work

    for deaths in range(_MOST_DEATHS + 1):
        try:
            return call_killable(
                work, folder, stop_file, *how, progress=Progress(stop_asked=kill.is_set), seconds=float("inf")
            )
        except MethodFailedError:
            if deaths == _MOST_DEATHS or stop_file.exists():
                raise
    return None


def _are_done(futures: list[Future[None]]) -> bool:
    """Whether all are; raises what went wrong in one that is."""
    for future in futures:
        if future.done():
            future.result()
    return all(future.done() for future in futures)


def _state(folder: Path, config: SearchConfig) -> tuple[float, str]:
    """The share that is done, and a phrase."""
    done, over, pruned = 0.0, 0, 0
    best = float("inf")
    for trial in trial_folders(folder):
        said = read_trial_file(trial)
        if said is None:
            continue
        if said.state in FINISHED:
            done, over, pruned = done + 1, over + 1, pruned + (said.state == "pruned")
            if said.state == "complete" and said.value is not None:
                best = min(best, said.value)
        elif (trial / METRICS).exists():
            done += len((trial / METRICS).read_bytes().splitlines()) / config.run.training.epochs
    phrase = f"{over}/{config.trials} trials over, {pruned} of them given up"
    return done / config.trials, phrase + (f", lowest error {best:.4g}" if best < float("inf") else "")


def _say(config: SearchConfig, folder: Path) -> None:
    """Have the folder say which search it holds."""
    check_outside_pairs(folder)
    path, said = folder / SEARCH, json.loads(json.dumps(said_of(config, folder)))
    if path.exists():
        before: dict[str, Any] = read_json(path)
        if before | {"trials": 0} != said | {"trials": 0}:
            raise BadInputError(
                "this folder holds another search",
                file=folder,
                remedy="Choose another folder, or remove this one. Only the number of trials may change.",
            )
    with file_set(folder) as files:
        files.add_text(path, json.dumps(said, indent=2) + "\n")


def _finished(config: SearchConfig, folder: Path) -> SearchResult:
    """The result, with the best network beside the trials."""
    from napari_dwi.superres.training.checkpoint import read_checkpoint, write_checkpoint

    trials = read_trials(folder)
    best = best_of(trials)
    if best is None:
        why = next((trial.error for trial in trials if trial.error), "none was complete")
        raise MethodFailedError("no trial of the search came to a network", file=folder, found=why)
    checkpoint: Checkpoint = read_checkpoint(best.folder / "network.safetensors")
    said = {
        "Search": {
            "Trial": best.number,
            "Trials": len(trials),
            "Parameters": dict(best.parameters),
            "Seed": config.seed,
        }
    }
    path = folder / BEST
    write_checkpoint(replace(checkpoint, about={**checkpoint.about, **said}), path)
    return SearchResult(trials, best, path)
