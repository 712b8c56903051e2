"""Training from the dock, for real: a tiny network on a few small slices."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from napari_dwi.gui.training_choices import TrainingChoices
from napari_dwi.methods.registry import find_method
from napari_dwi.superres.search.config import said_of as search_said_of
from napari_dwi.superres.search.config import search_config_of
from napari_dwi.superres.search.trials import TrialFile, Worker, read_trials, trial_folder, write_trial
from napari_dwi.superres.training.checkpoint import read_checkpoint
from napari_dwi.superres.training.history import read_history
from napari_dwi.superres.training.run_config import run_config_of
from napari_dwi.superres.training.run_config import said_of as run_said_of
from napari_dwi.superres.training.running import run_training

from .conftest import open_dock
from .pair_store import make_store

TINY = {
    "network": {"widths": [4, 8]},
    "training": {"epochs": 3, "fewest_epochs": 1, "learning_rate": 0.01, "batch_size": 4, "crop": 0},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("pairs") / "pairs.zarr")


@pytest.fixture(scope="module")
def finished(store, tmp_path_factory):
    """A run that is over."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    config = run_config_of(TINY | {"pairs": str(store)}, folder / "run.json")
    run_training(config, folder, device="cpu", threads=1)
    return folder


@pytest.fixture
def dock(viewer, store, idle):
    """The Train dock with the store open, ready to train a tiny network from scratch."""
    dock = open_dock(viewer, "Train")
    dock.desk.open(store)
    idle(dock.room)
    form = dock.training.form
    form.start_box.setCurrentIndex(1)
    tiny = TINY["training"] | {"widths": (4, 8)}
    form.form.set_values(TrainingChoices.from_values(form.form.values().as_dict() | tiny))
    form.device_box.setCurrentText("cpu")
    return dock


def curves(dock):
    return {name: curve.getOriginalDataset() for name, curve in dock.training.plot._curves.items()}


def test_train_button_leaves_a_network_and_shows_its_losses(dock, tmp_path, idle, errors):
    tab, folder = dock.training, tmp_path / "run"
    tab.form.folder.set_path(folder)
    tab.run_button.click()
    assert not tab.run_button.isEnabled()
    assert not tab.use_button.isEnabled()
    idle(dock.room)
    assert not errors()
    history = read_history(folder)
    assert len(history) == 3
    for name, (epochs, losses) in curves(dock).items():
        np.testing.assert_array_equal(epochs, [1, 2, 3])
        np.testing.assert_allclose(losses, [getattr(record, f"{name}_loss") for record in history])
    assert tab.run_button.isEnabled()
    assert "3 epochs" in tab.report.text()
    assert "Test on 4 slices" in tab.report.text()
    assert tab.previews.epoch.text() == "epoch 1"
    assert not tab.previews.picture.pixmap().isNull()
    assert read_checkpoint(folder / "network.safetensors").config.widths == (4, 8)


def test_a_run_that_was_stopped_goes_on_where_it_was(dock, finished, tmp_path, idle, qtbot):
    tab, folder = dock.training, tmp_path / "run"
    values = tab.form.form.values().as_dict() | {"epochs": 100_000, "fewest_epochs": 100_000}
    tab.form.form.set_values(TrainingChoices.from_values(values))
    tab.form.folder.set_path(folder)
    tab.run_button.click()
    begun = tab.current
    qtbot.waitUntil(lambda: bool(begun.history))
    # Another may be looked at meanwhile.
    for path in (finished, folder):
        tab.open_run(path)
        qtbot.waitUntil(lambda path=path: tab.form.folder.path == path)
    assert tab.current is begun
    assert "finished epochs are kept" in begun.job.kept
    begun.job.stop()
    idle(dock.room)
    before = read_history(folder)
    assert "Stopped" in tab.report.text()
    assert not tab.use_button.isEnabled()
    tab.run_button.click()
    qtbot.waitUntil(lambda: len(tab.current.history) > len(before))
    assert tuple(tab.current.history[: len(before)]) == before
    tab.current.job.stop()
    idle(dock.room)


def test_an_earlier_run_is_opened_with_its_settings_losses_and_pictures(dock, finished, idle):
    tab = dock.training
    tab.form.start_box.setCurrentIndex(0)
    tab.open_run(finished)
    idle(dock.room)
    assert tab.form.form.values().widths == (4, 8)
    assert tab.form.folder.path == finished
    assert len(curves(dock)["validation"][0]) == 3
    assert "Test on 4 slices" in tab.report.text()
    assert not tab.previews.isHidden()
    assert tab.use_button.isEnabled()


def test_losses_of_a_run_can_be_seen_when_its_pairs_are_gone(dock, finished, tmp_path, idle, errors):
    folder = shutil.copytree(finished, tmp_path / "moved")
    said = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(said | {"pairs": "gone.zarr"}))
    dock.training.open_run(folder)
    idle(dock.room)
    assert "gone.zarr" in errors()[0]
    assert len(curves(dock)["training"][0]) == 3
    assert dock.training.use_button.isEnabled()


def test_use_in_super_resolve_runs_the_network(dock, finished, idle, errors, scan):
    dock.training.open_run(finished)
    idle(dock.room)
    dock.training.use_button.click()
    superres = open_dock(dock.room.viewer, "Super-resolve")
    assert superres.method is find_method("network")
    values = superres.form.values()
    assert values.checkpoint == str(finished / "network.safetensors")
    assert values.factor == 2
    dock.room.show_scan(scan.series, ())
    assert superres.form.values().checkpoint == values.checkpoint
    superres.preview_button.click()
    idle(dock.room)
    assert not errors()
    assert any(shown.role == "super-resolved" for shown in dock.room.shown)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [(None, "the run needs a folder"), ("finished", "holds a run with another network")],
)
def test_what_speaks_against_a_run_is_told(dock, finished, idle, errors, folder, expected):
    dock.training.form.form.set_values(TrainingChoices(epochs=2))
    dock.training.form.folder.set_path(folder and finished)
    before = read_history(finished)
    dock.training.run_button.click()
    idle(dock.room)
    assert expected in errors()[0]
    assert read_history(finished) == before
    assert dock.training.run_button.isEnabled()


@pytest.fixture(scope="module")
def searched(store, finished, tmp_path_factory):
    """The folder of a search as it is left when it is stopped: one trial is complete, one given up."""
    folder = tmp_path_factory.mktemp("searches") / "search"
    said = {"run": TINY | {"pairs": str(store)}, "trials": 9}
    config = search_config_of(said, folder / "search.json")
    shutil.copytree(finished, trial_folder(folder, 0))
    (trial_folder(folder, 0) / "run.json").write_text(
        json.dumps(run_said_of(config.run, trial_folder(folder, 0)))
    )
    (folder / "search.json").write_text(json.dumps(search_said_of(config, folder)))
    tried = {"learning_rate": 0.01, "loss": "mse"}
    write_trial(folder, TrialFile(0, "complete", tried, Worker.this(), value=0.004))
    write_trial(folder, TrialFile(1, "pruned", tried | {"loss": "mae"}, Worker.this(), value=0.02))
    return folder


def test_a_search_is_opened_with_its_trials(dock, searched, idle, errors):
    tab, form = dock.search, dock.search.form
    assert tab.start_button.text() == "Search"
    tab.open_search(searched)
    idle(dock.room)
    assert not errors()
    assert tab.trials == read_trials(searched)
    assert tab.start_button.text() == "Go on"
    assert form.trials_box.value() == 9
    assert not form.epochs_box.isEnabled()
    assert tab.report.text() == "2 trials: 1 complete, 1 given up. The best is 0, with an error of 0.004."
    tab.pick(1)
    assert not tab.use_button.isEnabled()
    tab.pick(0)
    tab.use_button.click()
    superres = open_dock(dock.room.viewer, "Super-resolve")
    assert superres.form.values().checkpoint == str(trial_folder(searched, 0) / "network.safetensors")


def test_a_trial_is_trained_further_in_a_folder_of_its_own(dock, searched, store, idle):
    dock.show_page(dock.search)
    dock.search.open_search(searched)
    idle(dock.room)
    dock.search.pick(0)
    dock.search.further_button.click()
    idle(dock.room)
    assert not dock.training.isHidden()
    said = dock.training.form.config(store)
    assert said["start"] == str(trial_folder(searched, 0) / "network.safetensors")
    assert said["training"]["learning_rate"] == 0.01
    assert "network" not in said
    assert dock.training.form.folder.path == searched / "further-0"


@pytest.mark.slow
def test_search_button_leaves_trials_and_the_best_network(dock, tmp_path, idle, errors):
    """A single trial: how searches go on, in several processes, is tested below the windows."""
    tab, form = dock.search, dock.search.form
    form.space_box.setCurrentText("training alone")
    form.trials_box.setValue(1)
    form.epochs_box.setValue(1)
    form.device_box.setCurrentText("cpu")
    form.folder.set_path(tmp_path / "search")
    tab.start_button.click()
    assert not tab.start_button.isEnabled()
    idle(dock.room)
    assert not errors()
    assert [trial.state for trial in tab.trials] == ["complete"]
    assert tab.table.rowCount() == 1
    assert tab.start_button.text() == "Go on"
    assert not form.space_box.isEnabled()
    assert read_checkpoint(tmp_path / "search" / "best.safetensors").config.widths == (4, 8)
