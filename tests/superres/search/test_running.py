"""A search with real processes, of which one is killed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest

from napari_dwi.cli import main
from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Context
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.search.config import search_config_of
from napari_dwi.superres.search.running import SearchResult, run_search
from napari_dwi.superres.search.trials import TrialRecord, read_trials
from napari_dwi.superres.training.checkpoint import read_checkpoint

SAID: dict[str, Any] = {
    "run": {
        "shapes": {"size": 24, "images": 3, "validation": 2, "test": 1, "per_epoch": 60},
        "training": {"epochs": 4, "crop": 16},
    },
    # Rates so small that a trial can only be given up, and one that learns.
    "space": {"widths": [[2], [2]], "learning_rate": [1e-6, 1e-1], "batch_size": [2], "residual": [True]},
    "trials": 6,
    "startup_trials": 1,
    "warmup_epochs": 1,
    "random_trials": 3,
}


class Killed(NamedTuple):
    """A search whose first process was killed, then stopped, and then gone on with."""

    folder: Path
    number: int
    epochs: int
    left: tuple[TrialRecord, ...]
    processes_left: list[psutil.Process]
    result: SearchResult


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    before = set(psutil.Process().children(recursive=True))
    folder = tmp_path_factory.mktemp("search") / "study"
    config = search_config_of(SAID, folder / "search.json")
    stop, over = threading.Event(), threading.Event()
    amid: list[TrialRecord] = []

    def watch() -> None:
        """Kill the process of a trial that has an epoch, and ask to stop when another trial is over."""
        while not over.wait(0.005):
            if not amid:
                amid.extend(_kill_one(folder))
            elif any(trial.state in ("complete", "pruned") for trial in read_trials(folder)):
                stop.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    progress = Progress(stop_asked=stop.is_set)
    try:
        with pytest.raises(Stopped):
            run_search(config, folder, processes=2, device="cpu", threads=1, progress=progress)
    finally:
        over.set()
        watcher.join()
    left = read_trials(folder)
    processes = sorted(set(psutil.Process().children(recursive=True)) - before, key=lambda one: one.pid)
    result = run_search(config, folder, processes=2, device="cpu", threads=1)
    return Killed(folder, amid[0].number, len(amid[0].values), left, processes, result)


def _kill_one(folder: Path) -> list[TrialRecord]:
    """Kill the process of a running trial that has an epoch; the trial, if it was still running then."""
    for trial in read_trials(folder):
        if trial.state == "running" and trial.values:
            said = json.loads((trial.folder / "trial.json").read_text())
            try:
                process = psutil.Process(said["worker"]["process"])
                process.kill()
                process.wait()
            except psutil.NoSuchProcess:
                return []
            now = read_trials(folder)[trial.number]
            return [trial] if now.state not in ("complete", "pruned") else []
    return []


def test_a_stop_leaves_no_process_and_no_trial_running(killed: Killed) -> None:
    assert killed.processes_left == []
    assert not any(trial.state == "running" for trial in killed.left)
    assert not list(killed.folder.glob("stop-*"))


def test_all_trials_come_to_an_end_and_some_are_given_up(killed: Killed) -> None:
    assert [trial.number for trial in killed.result.trials] == list(range(6))
    states = {trial.state for trial in killed.result.trials}
    assert states == {"complete", "pruned"}
    assert read_trials(killed.folder) == killed.result.trials


def test_the_trial_of_the_killed_process_went_on_from_its_last_epoch(killed: Killed) -> None:
    trial = killed.result.trials[killed.number]
    said = json.loads((trial.folder / "trial.json").read_text())
    assert said["attempts"] >= 2
    assert len(trial.values) >= killed.epochs >= 1


def test_what_was_given_up_was_worse_and_shorter(killed: Killed) -> None:
    for trial in killed.result.trials:
        if trial.state == "pruned":
            assert 1 <= len(trial.values) < 4
            assert trial.value is not None
            assert trial.value > (killed.result.best.value or 0.0)
        else:
            assert len(trial.values) == 4
        # What a run would need to go on is gone, the losses are not.
        assert not list(trial.folder.glob("state*"))


def test_the_best_network_loads_and_runs(killed: Killed) -> None:
    assert killed.result.checkpoint == killed.folder / "best.safetensors"
    checkpoint = read_checkpoint(killed.result.checkpoint)
    said = checkpoint.about["Search"]
    assert said["Trial"] == killed.result.best.number
    assert said["Parameters"] == dict(killed.result.best.parameters)
    assert checkpoint.about["ValidationMSE"] == killed.result.best.value
    from napari_dwi.superres._inference import enhanced

    image = np.ones((17, 23, 1), np.float32)
    assert np.isfinite(enhanced(checkpoint, image, 0.05, Context())).all()


def test_a_search_that_is_over_says_so_at_once(killed: Killed, capsys: pytest.CaptureFixture[str]) -> None:
    config = killed.folder.parent / "study.json"
    config.write_text(json.dumps(SAID))
    # The folder is named after the file.
    assert main(["search", str(config)]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[:5] == ["trial", "state", "MSE", "epochs", "time"]
    assert [line.split()[0] for line in lines[:6]] == [str(number) for number in range(6)]
    assert lines[6] == f"best: trial {killed.result.best.number}"
    assert lines[7] == str(killed.result.checkpoint)


def test_a_folder_holds_one_search(killed: Killed) -> None:
    other = search_config_of(SAID | {"seed": 1}, killed.folder / "search.json")
    with pytest.raises(BadInputError, match="holds another search"):
        run_search(other, killed.folder)
    assert read_trials(killed.folder) == killed.result.trials


def test_a_search_within_a_folder_of_pairs_is_refused(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs"
    PairStore.create(pairs)
    config = search_config_of(SAID, tmp_path / "search.json")
    with pytest.raises(BadInputError, match="a place for pairs alone"):
        run_search(config, pairs / "search")
    assert not (pairs / "search").exists()


def test_what_is_wrong_in_a_process_is_told_as_it_is(tmp_path: Path) -> None:
    config = search_config_of(SAID | {"run": SAID["run"] | {"shapes": {"size": 33}}}, tmp_path / "a.json")
    with pytest.raises(BadInputError, match="no coarse grid; expected a multiple of 2, found 33"):
        run_search(config, tmp_path / "study", device="cpu", threads=1)
