from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import filelock
import numpy as np
import psutil
import pytest
from PIL import Image

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.pairs.pair import PairFacts
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.training.history import EpochRecord, read_history
from napari_dwi.superres.training.previews import read_previews
from napari_dwi.superres.training.run_config import RunConfig, read_run_config, run_config_of
from napari_dwi.superres.training.running import run_training
from napari_dwi.superres.training.training_data import pairs_learnt_from

from ...watching import Watch

FACTOR = 2
SUBJECTS = ("rat 1", "rat 2", "rat 3", "rat 4")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two slices of each of four subjects: blocks, sharp and in noise."""
    store = PairStore.create(tmp_path_factory.mktemp("pairs") / "store")
    rng = np.random.default_rng(0)
    for n, subject in enumerate(SUBJECTS):
        high = np.zeros((2, 24, 20), np.float32)
        for z in range(2):
            x, y = rng.integers(2, 10, 2)
            high[z, x : x + 10, y : y + 8] = 100
        low = high[:, ::FACTOR, ::FACTOR] + rng.normal(0, 8, (2, 12, 10)).astype(np.float32)
        facts = PairFacts(
            name=f"pair {n}",
            subject=subject,
            plane="axial",
            factor=FACTOR,
            shape_low=(12, 10, 2),
            shape_high=(24, 20, 2),
            spacing_low_mm=(0.2, 0.2, 1.0),
            spacing_high_mm=(0.1, 0.1, 1.0),
            scale=100.0,
            sigma_low=8.0,
            sources=tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in (low, high)),
        )
        store.add(facts, low, high)
    return store.path


def of_pairs(pairs: Path, **more: object) -> RunConfig:
    said = {
        "pairs": str(pairs),
        "network": {"widths": [2, 4]},
        "training": {"epochs": 3, "batch_size": 2, "crop": 16},
        "preview_epochs": 2,
    }
    return run_config_of(said | more, pairs.parent / "run.json")


@pytest.fixture(scope="module")
def finished(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[EpochRecord]]:
    """The folder of a run that was stopped after two epochs and then went on, and what was told."""
    folder = tmp_path_factory.mktemp("run") / "folder"
    told: list[EpochRecord] = []

    def stop_after_two(record: EpochRecord) -> None:
        told.append(record)
        if record.epoch == 2:
            raise Stopped

    with pytest.raises(Stopped):
        run_training(of_pairs(pairs), folder, device="cpu", threads=1, on_epoch=stop_after_two)
    assert [record.epoch for record in read_history(folder)] == [1, 2]
    # What the folder says is enough to go on, wherever the configuration was.
    again = read_run_config(folder / "run.json")
    run_training(again, folder, device="cpu", threads=1, on_epoch=told.append)
    return folder, told


def test_every_epoch_is_told_and_those_before_a_stop_again(
    finished: tuple[Path, list[EpochRecord]],
) -> None:
    folder, told = finished
    assert [record.epoch for record in told] == [1, 2, 1, 2, 3]
    assert tuple(told[2:]) == read_history(folder)


def test_the_folder_says_who_is_in_which_part(finished: tuple[Path, list[EpochRecord]]) -> None:
    split = json.loads((finished[0] / "split.json").read_text())
    training, validation, test = (split[part] for part in ("training", "validation", "test"))
    assert (len(training), len(validation), len(test)) == (2, 1, 1)
    assert {*training, *validation, *test} == set(SUBJECTS)
    about = json.loads((finished[0] / "network.json").read_text())["About"]
    assert about["Data"]["Split"] == split
    assert about["Data"]["Slices"] == {"training": 4, "validation": 2, "test": 2}


def test_the_checkpoint_says_how_good_it_is_on_the_test_alone(
    finished: tuple[Path, list[EpochRecord]], pairs: Path
) -> None:
    about = json.loads((finished[0] / "network.json").read_text())["About"]
    test = about["Test"]
    assert test["Slices"] == 2
    assert test["MSERatio"] == pytest.approx(test["MSE"] / test["MSEZeroFilled"])
    # The input of the test subject, counted by hand.
    from napari_dwi.physics.k_space import zero_filled_within_edges

    (subject,) = about["Data"]["Split"]["test"]
    store = PairStore(pairs)
    name = next(facts.name for facts in store.facts() if facts.subject == subject)
    errors = []
    for z in range(2):
        target = store.high(name, z) / 100
        error = zero_filled_within_edges(store.low(name, z), FACTOR) / 100 - target
        errors.append(float(np.mean(np.square(error[target > 0.1]))))
    assert test["MSEZeroFilled"] == pytest.approx(np.mean(errors), rel=1e-4)
    assert {"PSNR", "SSIM"} <= set(test)
    assert about["Training"]["seed"] == 0


def test_previews_are_pictures_that_anyone_can_read(finished: tuple[Path, list[EpochRecord]]) -> None:
    previews = read_previews(finished[0])
    assert [preview.epoch for preview in previews] == [1, 2]
    picture = np.asarray(Image.open(previews[0].path))
    assert picture.dtype == np.uint8
    # Zero-filled, network and sharp, beside each other and upright, for each of two slices.
    assert picture.shape[1] == 3 * (24 + 2)
    assert picture.shape[0] == 2 * (20 + 2)
    np.testing.assert_array_equal(picture[:20, -26:-2] > 127, picture[:20, -26:-2] == 255)


def test_other_pairs_are_another_run(finished: tuple[Path, list[EpochRecord]], pairs: Path) -> None:
    other = of_pairs(pairs, split={"seed": 5, "validation": 0.5})
    with pytest.raises(BadInputError, match="other images or pairs to learn from"):
        run_training(other, finished[0], device="cpu", threads=1)


def test_a_run_within_the_folder_of_pairs_is_refused(pairs: Path) -> None:
    before = sorted(pairs.iterdir())
    for folder in (pairs, pairs / "run"):
        with pytest.raises(BadInputError, match="a place for pairs alone"):
            run_training(of_pairs(pairs), folder, device="cpu", threads=1)
    assert sorted(pairs.iterdir()) == before


def test_fine_tuning_goes_on_from_what_was_learnt(
    finished: tuple[Path, list[EpochRecord]], pairs: Path, tmp_path: Path
) -> None:
    split = json.loads((finished[0] / "split.json").read_text())
    same = {part: split[part] for part in ("training", "validation", "test")}
    start = str(finished[0] / "network.safetensors")
    more = {"start": start, "split": {"subjects": same}, "network": {}}
    config = of_pairs(pairs, **more, training={"epochs": 1, "learning_rate": 1e-7, "crop": 16})
    trained = run_training(config, tmp_path / "run", device="cpu", threads=1)
    before = json.loads((finished[0] / "network.json").read_text())["About"]
    assert trained.checkpoint.about["ValidationMSE"] == pytest.approx(before["ValidationMSE"], rel=1e-2)
    assert trained.checkpoint.about["StartedFrom"]["Data"] == before["Data"]


def test_a_network_is_not_tested_on_whom_it_has_learnt_from(
    finished: tuple[Path, list[EpochRecord]], pairs: Path, tmp_path: Path
) -> None:
    split = json.loads((finished[0] / "split.json").read_text())
    swapped = {"training": split["test"], "validation": split["validation"], "test": split["training"]}
    start = str(finished[0] / "network.safetensors")
    config = of_pairs(pairs, start=start, split={"subjects": swapped}, network={})
    with pytest.raises(BadInputError, match="has learnt from subjects that are for validation or the test"):
        run_training(config, tmp_path / "run", device="cpu", threads=1)


def test_pairs_that_a_network_has_learnt_from_are_known(
    finished: tuple[Path, list[EpochRecord]], pairs: Path
) -> None:
    about = json.loads((finished[0] / "network.json").read_text())["About"]
    facts = PairStore(pairs).facts()
    training = {one.name for one in facts if one.subject in about["Data"]["Split"]["training"]}
    assert set(pairs_learnt_from(facts, about)) == training
    assert set(pairs_learnt_from(facts, {"StartedFrom": about})) == training
    # Other scans of the same subjects flatter it as well.
    others = [replace(one, sources=("0" * 64, "1" * 64)) for one in facts]
    assert set(pairs_learnt_from(others, about)) == training
    assert pairs_learnt_from(facts, {}) == ()


def test_a_network_for_another_factor_is_refused(pairs: Path, tmp_path: Path) -> None:
    config = of_pairs(pairs)
    config = replace(config, network=replace(config.network, factor=3))
    with pytest.raises(BadInputError, match=r"another factor.*expected factor 2, found factor 3"):
        run_training(config, tmp_path / "run", device="cpu")


def test_a_stop_is_heard_while_shapes_are_drawn(tmp_path: Path) -> None:
    config = run_config_of({"shapes": {"size": 32, "images": 200}}, tmp_path / "run.json")
    watch = Watch(stop_at=20)
    with pytest.raises(Stopped):
        run_training(config, tmp_path / "run", device="cpu", threads=1, progress=watch.progress)
    assert watch.looks == 20
    assert not (tmp_path / "run").exists()


def test_two_processes_do_not_train_in_one_folder(pairs: Path, tmp_path: Path) -> None:
    with filelock.FileLock(tmp_path / ".lock"), pytest.raises(BadInputError, match="another process"):
        run_training(of_pairs(pairs), tmp_path, device="cpu", threads=1)


def test_noise_alone_can_be_learnt_to_remove_and_memory_stays_flat(tmp_path: Path) -> None:
    shapes = {"size": 48, "images": 6, "validation": 2, "test": 0, "per_epoch": 16}
    said = {"shapes": shapes, "network": {"widths": [4, 4]}, "training": {"epochs": 5, "crop": 48}}
    config = run_config_of(said, tmp_path / "run.json", factor=1)
    used: list[int] = []

    def measure(_record: EpochRecord) -> None:
        used.append(psutil.Process(os.getpid()).memory_info().rss)

    trained = run_training(config, tmp_path / "run", device="cpu", threads=1, on_epoch=measure)
    assert trained.checkpoint.config.factor == 1
    assert "Test" not in trained.checkpoint.about
    # An epoch passes 16 slices of 48 x 48 through 4 channels: kept, they would be many times this.
    assert used[-1] - used[1] < 8e6


def test_progress_goes_up_to_the_end(pairs: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    progress = Progress(lambda fraction, _phrase: seen.append(fraction))
    run_training(of_pairs(pairs), tmp_path / "run", device="cpu", threads=1, progress=progress)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
