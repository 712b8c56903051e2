from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.superres.search.config import (
    SearchConfig,
    SearchSpace,
    read_search_config,
    run_of,
    said_of,
    search_config_of,
)
from napari_dwi.superres.training.shipped import shipped_checkpoint

FILE = Path("folder/search.json")
RUN: dict[str, Any] = {"shapes": {"size": 32}}


def searched(**more: Any) -> SearchConfig:
    return search_config_of({"run": RUN, **more}, FILE)


def test_the_space_is_that_of_the_paper() -> None:
    space = SearchSpace()
    assert space.widths == ((32, 64, 128), (64, 128, 256), (128, 256, 512))
    assert space.down == ("max", "mean", "strided")
    assert space.optimiser == ("adam", "adamw", "sgd", "rmsprop")
    assert space.schedule == ("exponential", "step", "plateau")
    assert space.learning_rate == (1e-6, 1e-2)
    assert space.decay == (0.1, 0.3, 0.5)


def test_a_search_can_be_written_and_read_back(tmp_path: Path) -> None:
    config = search_config_of({"run": RUN, "space": {"widths": [[2], [4]]}, "trials": 3}, tmp_path / "a.json")
    path = tmp_path / "b.json"
    path.write_text(json.dumps(said_of(config, tmp_path)))
    assert read_search_config(path) == config


def test_a_trial_is_the_run_with_what_is_tried() -> None:
    config = searched(space={"widths": [[2, 4], [8]]}, trials=3)
    run = run_of(config, {"width_1": 4, "width_2": 8, "down": "max", "learning_rate": 0.01, "alpha": 0.2})
    assert run.network.widths == (4, 8)
    assert (run.network.down, run.network.up) == ("max", config.run.network.up)
    assert (run.training.learning_rate, run.training.alpha) == (0.01, 0.2)
    assert run.training.epochs == config.run.training.epochs
    assert run.shapes == config.run.shapes


@pytest.mark.parametrize(("epochs", "warmup"), [(3, 1), (12, 4), (200, 10)])
def test_short_runs_can_be_given_up_too(epochs: int, warmup: int) -> None:
    config = search_config_of({"run": RUN | {"training": {"epochs": epochs}}}, FILE)
    assert config.warmup == warmup
    assert searched(warmup_epochs=7).warmup == 7


def test_what_makes_a_network_is_not_searched_where_one_is_gone_on_from() -> None:
    config = search_config_of({"run": RUN | {"start": "shipped"}}, FILE)
    assert run_of(config, {"learning_rate": 0.1}).network == shipped_checkpoint(2).config
    with pytest.raises(BadInputError, match="stays what it is; found choices of up"):
        search_config_of({"run": RUN | {"start": "shipped"}, "space": {"up": ["bicubic"]}}, FILE)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"trails": 3}, "unknown key trails; expected one of run, space, trials"),
        ({"run": 3}, "run cannot be used"),
        ({"run": RUN | {"sede": 1}}, "unknown key sede; expected one of pairs"),
        ({"space": {"width": [2]}}, "unknown key space.width; expected one of widths, down"),
        ({"space": {"down": ["min"]}}, r"space.down\[0\] cannot be used; expected one of max, mean"),
        ({"space": {"learning_rate": [0, 1]}}, "learning rate to search must be above 0"),
        ({"space": {"alpha": [0.5]}}, "no range of alpha"),
        ({"trials": 0}, "trials must be at least 1"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_key(said: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        search_config_of({"run": RUN, **said}, FILE)
