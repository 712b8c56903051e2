from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.gui.training_choices import NETWORK, TRAINING, TrainingChoices
from napari_dwi.gui.training_form import TrainingForm
from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.presets import PRESETS
from napari_dwi.superres.training.run_config import SplitConfig, run_config_of

from .pair_store import make_store

# The pairs decide the one; the other is for networks that walk a path.
SETTLED = {"factor", "path"}


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "pairs.zarr")


@pytest.fixture
def form(qtbot):
    form = TrainingForm()
    qtbot.addWidget(form)
    return form


def test_all_there_is_to_choose_can_be_chosen():
    assert set(NETWORK) == {field.name for field in fields(NetworkConfig)} - SETTLED
    assert set(TRAINING) == {field.name for field in fields(TrainingConfig)} - SETTLED
    names = {parameter.name for parameter in TrainingChoices.declared()}
    assert names == {*NETWORK, *TRAINING, "validation", "test", "split_seed"}


def test_every_choice_is_explained():
    for parameter in TrainingChoices.declared():
        assert parameter.help.endswith(".")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_in_the_form_is_the_preset_in_the_run(form, store, preset):
    form.preset_box.setCurrentText(preset)
    form.start_box.setCurrentIndex(1)
    run = run_config_of(form.config(store), Path("run.json").resolve())
    assert (run.network, run.training) == PRESETS[preset]
    assert (run.pairs, run.preset, run.start, run.split) == (str(store), preset, "", SplitConfig())


def test_what_is_changed_in_the_form_is_changed_in_the_run(form, store):
    form.start_box.setCurrentIndex(1)
    values = form.form.values().as_dict()
    changed = {"widths": (4, 8), "epochs": 7, "learning_rate": 3.139e-4, "flips": False, "test": 0.0}
    form.form.set_values(TrainingChoices.from_values(values | changed))
    run = run_config_of(form.config(store), Path("run.json").resolve())
    assert run.network.widths == (4, 8)
    assert (run.training.epochs, run.training.learning_rate, run.training.flips) == (7, 3.139e-4, False)
    assert run.split.test == 0


def test_a_run_comes_back_into_the_form_as_it_was(form, store):
    said = {
        "pairs": str(store),
        "network": {"widths": [4, 8], "activation": "elu"},
        "training": {"epochs": 9, "loss": "hybrid", "alpha": 0.25},
        "split": {"seed": 3, "validation": 0.3},
    }
    run = run_config_of(said, Path("run.json").resolve())
    form.show_config(run, store.parent / "run")
    assert run_config_of(form.config(store), Path("run.json").resolve()) == run
    assert form.folder.path == store.parent / "run"


def test_a_network_that_is_fine_tuned_stays_what_it_is(form, store):
    form.start_box.setCurrentIndex(0)
    said = form.config(store)
    assert said["start"] == "shipped"
    assert "network" not in said
    run = run_config_of(said, Path("run.json").resolve())
    assert run.network.factor == 2


def test_changing_where_to_start_keeps_what_was_typed(form):
    form.form.set_values(TrainingChoices(epochs=3))
    for start in (1, 2, 0):
        form.start_box.setCurrentIndex(start)
        assert form.form.values().epochs == 3


def test_what_is_missing_is_told(form, store):
    with pytest.raises(BadInputError, match="no pairs to learn from"):
        form.config(None)
    form.start_box.setCurrentIndex(2)
    with pytest.raises(BadInputError, match="no network to start from"):
        form.config(store)
