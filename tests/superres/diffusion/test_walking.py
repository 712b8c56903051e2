from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.device import torch_threads
from napari_dwi.methods.method import Context
from napari_dwi.superres.diffusion.path_config import PathConfig
from napari_dwi.superres.diffusion.path_examples import PathExamples, network_input
from napari_dwi.superres.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.examples import Example, SliceExamples
from napari_dwi.superres.training.run_config import run_config_of
from napari_dwi.superres.training.running import run_training

from ...watching import Watch

NOISE = 0.1
PATH = PathConfig(n_steps=6, bank_tiles=2, bank_width=12)
NETWORK = NetworkConfig(widths=(3, 3), path=PATH)
TRAINING = TrainingConfig(epochs=25, patience=25, batch_size=4, crop=16, learning_rate=1e-2)


def slices(rng: np.random.Generator, n: int) -> list[Example]:
    """Quick scans of a bright square in air."""
    target = np.zeros((24, 24), np.float32)
    target[6:18, 6:18] = 1
    return [
        Example(target + rng.normal(0, NOISE, target.shape).astype(np.float32), target, np.float32(NOISE))
        for _ in range(n)
    ]


def examples() -> SliceExamples:
    rng = np.random.default_rng(1)
    return SliceExamples(slices(rng, 32), slices(rng, 4))


def trained_on(given: SliceExamples, network: NetworkConfig = NETWORK, **more: Any) -> Checkpoint:
    from napari_dwi.superres.training._training import train

    config = more.pop("config", TRAINING)
    return train(network, config, given, noise_range=(NOISE, NOISE), **more).checkpoint


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks as small as these are slower on several."""
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def checkpoint(one_thread: None) -> Checkpoint:
    del one_thread
    return trained_on(examples())


@pytest.fixture
def anchor(rng: np.random.Generator) -> np.ndarray:
    return np.stack([example.image for example in slices(rng, 2)], axis=2)


def image(checkpoint: Checkpoint, anchor: np.ndarray, steps: int, **more: Any) -> np.ndarray:
    from napari_dwi.superres.diffusion._walking import Walker

    return Walker(checkpoint, NOISE, Context(**more)).image(anchor, steps)


def spread(checkpoint: Checkpoint, anchor: np.ndarray, n_samples: int, **more: Any) -> np.ndarray:
    from napari_dwi.superres.diffusion._walking import Walk, Walker

    walk = Walk(3, more.pop("eta", 1.0), more.pop("start", "sampled"))
    return Walker(checkpoint, NOISE, Context(**more)).spread(anchor, walk, n_samples)


def test_training_keeps_the_residuals_it_drew_noise_from(checkpoint: Checkpoint) -> None:
    for name, tensor in PathExamples(examples(), PATH, TRAINING.seed).tensors().items():
        np.testing.assert_array_equal(checkpoint.weights[name], tensor)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_walk_comes_closer_to_the_truth(checkpoint: Checkpoint, anchor: np.ndarray, steps: int) -> None:
    truth = np.zeros((24, 24, 1), np.float32)
    truth[6:18, 6:18] = 1
    made = image(checkpoint, anchor, steps)
    assert np.square(made - truth).mean() < 0.85 * np.square(anchor - truth).mean()


def test_one_step_is_the_network_at_the_anchor(checkpoint: Checkpoint, anchor: np.ndarray) -> None:
    from napari_dwi.superres._inference import TiledNetwork

    network = TiledNetwork(checkpoint, Context())
    seen = network_input(PATH, anchor[..., 0], anchor[..., 0], 1.0)
    expected = network(seen, NOISE, lambda _: None)
    np.testing.assert_array_equal(image(checkpoint, anchor, 1)[..., 0], expected)


def test_nothing_is_drawn_for_the_image(checkpoint: Checkpoint, anchor: np.ndarray) -> None:
    first, second = (image(checkpoint, anchor, 4, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, image(checkpoint, anchor, 2))


def test_tiles_make_no_difference_to_a_walk(checkpoint: Checkpoint, rng: np.random.Generator) -> None:
    wide = rng.random((70, 61, 1)).astype(np.float32)
    whole, tiled = (image(checkpoint, wide, 4, chunk_scale=scale) for scale in (1.0, 0.1))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    whole, tiled = (spread(checkpoint, wide, 2, chunk_scale=scale) for scale in (1.0, 0.1))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_the_spread_is_that_of_samples_and_depends_on_the_seed(
    checkpoint: Checkpoint, anchor: np.ndarray
) -> None:
    few, again, other = (spread(checkpoint, anchor, 4, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(few, again)
    assert not np.allclose(few, other)
    many = spread(checkpoint, anchor, 30)
    assert np.mean(few**2) == pytest.approx(float(np.mean(many**2)), rel=0.25)
    assert few.min() > 0


def test_nothing_random_has_no_spread(checkpoint: Checkpoint, anchor: np.ndarray) -> None:
    assert not spread(checkpoint, anchor, 3, eta=0.0, start="anchor").any()
    assert spread(checkpoint, anchor, 3, eta=1.0, start="anchor").any()
    assert spread(checkpoint, anchor, 3, eta=0.0, start="sampled").any()


def test_a_stop_is_heard_in_every_step_of_every_sample(checkpoint: Checkpoint, anchor: np.ndarray) -> None:
    undisturbed = Watch()
    spread(checkpoint, anchor, 4, progress=undisturbed.progress)
    # Two slices, four samples, three steps.
    assert undisturbed.looks >= 24
    assert (np.diff(undisturbed.fractions) >= 0).all()
    for stop_at in (1, undisturbed.looks // 2, undisturbed.looks):
        stopped = Watch(stop_at=stop_at)
        with pytest.raises(Stopped):
            spread(checkpoint, anchor, 4, progress=stopped.progress)
        assert stopped.looks == stop_at


def test_a_network_without_a_path_cannot_walk(checkpoint: Checkpoint, anchor: np.ndarray) -> None:
    plain = replace(checkpoint, config=replace(NETWORK, path=None))
    with pytest.raises(BadInputError, match="walks no path"):
        image(plain, anchor, 1)


def test_a_checkpoint_walks_after_reading_as_before(
    checkpoint: Checkpoint, anchor: np.ndarray, tmp_path: Path
) -> None:
    write_checkpoint(checkpoint, tmp_path / "net.safetensors")
    after = read_checkpoint(tmp_path / "net.safetensors")
    assert after.config == NETWORK
    np.testing.assert_array_equal(image(after, anchor, 3), image(checkpoint, anchor, 3))
    np.testing.assert_array_equal(spread(after, anchor, 2), spread(checkpoint, anchor, 2))


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    def stop(record: Any) -> None:
        if record.epoch == 1:
            raise Stopped

    short = replace(TRAINING, epochs=2)
    expected = trained_on(examples(), config=short)
    with pytest.raises(Stopped):
        trained_on(examples(), config=short, folder=tmp_path, on_epoch=stop)
    resumed = trained_on(examples(), config=short, folder=tmp_path)
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], weights)


@pytest.mark.parametrize("parameterisation", ["paper", "direct"])
@pytest.mark.parametrize("sees_anchor", [False, True])
def test_every_kind_of_path_can_be_trained_and_walked(
    parameterisation: Any, sees_anchor: bool, anchor: np.ndarray
) -> None:
    path = replace(PATH, parameterisation=parameterisation, sees_anchor=sees_anchor)
    made = trained_on(examples(), replace(NETWORK, path=path, factor=1), config=replace(TRAINING, epochs=1))
    assert np.isfinite(image(made, anchor, 5)).all()
    assert spread(made, anchor, 2).any()


def test_a_guide_and_a_path_do_not_go_together() -> None:
    with pytest.raises(BadInputError, match="has no guide"):
        NetworkConfig(path=PATH, guide="nlm")


def test_a_run_file_may_ask_for_a_path(tmp_path: Path, anchor: np.ndarray) -> None:
    said = {
        "shapes": {"size": 24, "images": 3, "validation": 1, "test": 1, "per_epoch": 4},
        "network": {"widths": [3, 3], "path": {"n_steps": 4, "bank_tiles": 2, "bank_width": 12}},
        "training": {"epochs": 1, "crop": 24},
    }
    config = run_config_of(said, tmp_path / "run.json")
    run_training(config, tmp_path / "run", device="cpu", threads=1)
    made = read_checkpoint(tmp_path / "run" / "network.safetensors")
    assert made.config.path == PathConfig(n_steps=4, bank_tiles=2, bank_width=12)
    assert made.about["Test"]["Slices"] == 1
    assert spread(made, anchor, 2).any()
