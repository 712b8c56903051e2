from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import psutil
import pytest

from napari_dwi.superres.search._study import Study, suggested
from napari_dwi.superres.search.config import SearchConfig, SearchSpace, search_config_of
from napari_dwi.superres.search.trials import TrialFile, Worker, read_trial_file, read_trials, write_trial

SPACE = {"widths": [[2, 4], [4, 8]], "learning_rate": [1e-4, 1e-1]}


@pytest.fixture
def config() -> SearchConfig:
    said = {"run": {"shapes": {"size": 32}}, "space": SPACE, "trials": 3, "startup_trials": 1}
    return search_config_of(said, Path("search.json"))


@pytest.fixture
def gone() -> Worker:
    """A process that has been killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(process.pid).create_time()
    process.kill()
    process.communicate()
    return Worker(Worker.this().host, process.pid, started)


def test_alpha_is_tried_where_the_loss_has_one() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = [suggested(study.ask(), SearchSpace()) for _ in range(40)]
    assert {one["loss"] for one in found} == {"mse", "mae", "hybrid"}
    for one in found:
        assert ("alpha" in one) == (one["loss"] == "hybrid")
        assert 1e-6 <= one["learning_rate"] <= 1e-2
    # Evenly in the logarithm: half of the rates are below its middle, not a hundredth of them.
    below = sum(one["learning_rate"] < 1e-4 for one in found)
    assert 10 <= below <= 30


def test_no_choice_is_no_parameter() -> None:
    space = SearchSpace(widths=(), down=(), activation=("elu",), learning_rate=(), loss=())
    found = suggested(optuna.create_study().ask(), space)
    assert found["activation"] == "elu"
    assert not {"width_1", "down", "learning_rate", "loss", "alpha"} & set(found)


def test_trials_are_given_out_once_and_no_more_than_wanted(tmp_path: Path, config: SearchConfig) -> None:
    studies = [Study(tmp_path, config) for _ in range(2)]
    claims = [studies[n % 2].claim() for n in range(4)]
    assert [claim and claim.said.number for claim in claims] == [0, 1, 2, None]
    parameters = [claim.said.parameters for claim in claims if claim]
    assert len({tuple(one.items()) for one in parameters}) == 3
    more = Study(tmp_path, replace(config, trials=4)).claim()
    assert more is not None
    assert more.said.number == 3
    assert [trial.state for trial in read_trials(tmp_path)] == ["running"] * 4


def test_the_same_seed_tries_the_same(tmp_path: Path, config: SearchConfig) -> None:
    found = []
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        study = Study(tmp_path / name, config)
        claims = [study.claim() for _ in range(2)]
        found.append([claim.said.parameters for claim in claims if claim])
    assert found[0] == found[1]


def test_a_trial_whose_process_was_killed_is_taken_up_with_what_it_tried(
    tmp_path: Path, config: SearchConfig, gone: Worker
) -> None:
    study = Study(tmp_path, config)
    first = study.claim()
    assert first is not None
    write_trial(tmp_path, replace(first.said, worker=gone))
    assert [trial.state for trial in read_trials(tmp_path)] == ["interrupted"]
    again = Study(tmp_path, config).claim()
    assert again is not None
    assert (again.said.number, again.said.attempts) == (0, 2)
    assert again.said.parameters == first.said.parameters
    assert again.trial.params == first.trial.params
    assert again.said.worker == Worker.this()


def test_a_folder_without_a_word_is_begun_anew(tmp_path: Path, config: SearchConfig) -> None:
    (tmp_path / "trials" / "0000").mkdir(parents=True)
    claim = Study(tmp_path, config).claim()
    assert claim is not None
    assert claim.said.number == 0
    assert read_trial_file(tmp_path / "trials" / "0000") == claim.said


def test_a_trial_that_kills_its_process_every_time_has_failed(
    tmp_path: Path, config: SearchConfig, gone: Worker
) -> None:
    study = Study(tmp_path, config)
    for attempt in (1, 2, 3):
        claim = study.claim()
        assert claim is not None
        assert (claim.said.number, claim.said.attempts) == (0, attempt)
        write_trial(tmp_path, replace(claim.said, worker=gone))
    following = study.claim()
    assert following is not None
    assert following.said.number == 1
    (failed, _) = read_trials(tmp_path)
    assert failed.state == "failed"
    assert "ended 3 times" in failed.error


def test_a_trial_worse_than_half_of_the_others_is_given_up(tmp_path: Path, config: SearchConfig) -> None:
    study = Study(tmp_path, replace(config, warmup_epochs=2))
    good, bad = study.claim(), study.claim()
    assert good is not None
    assert bad is not None
    for epoch in (1, 2, 3):
        good.trial.report(0.1 / epoch, epoch)
    study.tell(good, replace(good.said, state="complete", value=0.03))
    bad.trial.report(1.0, 1)
    assert not bad.trial.should_prune()
    bad.trial.report(1.0, 2)
    assert bad.trial.should_prune()
    study.tell(bad, replace(bad.said, state="pruned", value=1.0))
    assert [(trial.state, trial.value) for trial in read_trials(tmp_path)] == [
        ("complete", 0.03),
        ("pruned", 1.0),
    ]


@pytest.mark.parametrize(("silence", "state"), [(60.0, "running"), (3600.0, "interrupted")])
def test_a_process_on_another_computer_is_believed_for_a_while(
    tmp_path: Path, silence: float, state: str
) -> None:
    said = TrialFile(0, "running", {}, Worker("another", 1, 0.0))
    write_trial(tmp_path, said)
    path = tmp_path / "trials" / "0000" / "trial.json"
    heard = path.stat().st_mtime - silence
    os.utime(path, (heard, heard))
    assert [trial.state for trial in read_trials(tmp_path)] == [state]
