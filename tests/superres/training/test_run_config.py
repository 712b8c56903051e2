from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.superres.training.presets import PRESETS
from napari_dwi.superres.training.run_config import read_run_config, run_config_of, said_of, start_path
from napari_dwi.superres.training.shipped import shipped_checkpoint, shipped_path

FILE = Path("folder/run.json")


def test_a_preset_is_what_a_run_begins_with() -> None:
    network, training = PRESETS["paper tuned"]
    run = run_config_of({"shapes": {}, "preset": "paper tuned", "training": {"epochs": 3}}, FILE)
    assert run.network == network
    assert run.training == replace(training, epochs=3)


def test_a_run_can_be_written_and_read_back(tmp_path: Path) -> None:
    said = {
        "shapes": {"size": 32, "noise": [0.02, 0.1]},
        "network": {"widths": [4, 8], "residual": False},
        "split": {"subjects": {"training": ["a"], "validation": ["b"]}},
    }
    run = run_config_of(said, tmp_path / "first.json")
    path = tmp_path / "second.json"
    path.write_text(json.dumps(said_of(run, tmp_path)))
    assert read_run_config(path) == run


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "named once.*found neither"),
        ({"shapes": {}, "pears": "x"}, "unknown key pears; expected one of pairs, shapes, preset"),
        ({"shapes": {"sise": 2}}, "unknown key shapes.sise; expected one of size, images"),
        ({"shapes": {}, "training": {"epoch": 2}}, "unknown key training.epoch; expected one of loss, alpha"),
        ({"shapes": {}, "network": {"widths": "16"}}, "network.widths cannot be used; expected a list"),
        ({"shapes": {}, "network": 3}, "network cannot be used; expected an object"),
        ({"shapes": {}, "preset": "best"}, "no such preset; expected one of recommended, paper first"),
        ({"shapes": {"noise": [0.1, 0.01]}}, "such shapes cannot be simulated"),
        ({"shapes": {"images": 0}}, "nothing to learn from"),
        (
            {"shapes": {}, "split": {"subjects": {"training": ["a"], "validation": ["A"]}}},
            "subject A is in the split twice",
        ),
        ({"shapes": {}, "start": "shipped", "network": {"up": "bicubic"}}, "stays what it is.*network.up"),
        ({"shapes": {}, "start": "none.safetensors"}, "none.json: cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_key(said: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        run_config_of(said, FILE)


def test_a_network_that_is_gone_on_from_stays_what_it_is() -> None:
    run = run_config_of({"shapes": {}, "start": "shipped", "preset": "paper first"}, FILE)
    assert run.network == shipped_checkpoint(2).config
    assert start_path(run) == shipped_path(2)


def test_paths_begin_at_the_folder_of_their_file(tmp_path: Path) -> None:
    shipped = shipped_path(2)
    for path in (shipped, shipped.with_suffix(".json")):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / path.name).write_bytes(path.read_bytes())
    run = run_config_of({"shapes": {}, "start": f"in/{shipped.name}"}, tmp_path / "run.json")
    assert start_path(run) == (tmp_path / "in" / shipped.name).resolve()
    assert said_of(run, tmp_path / "out")["start"] == str(Path("..", "in", shipped.name))
