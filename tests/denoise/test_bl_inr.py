from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dwi.denoise._voxel_features import VoxelFeatures
from napari_dwi.denoise._voxel_network import Training, predict, train
from napari_dwi.denoise.bl_inr import METHOD, BlInrParameters
from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import torch_threads
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import run_method
from napari_dwi.scan import DwiSeries, Volume

from ..synthetic import Scan, make_series

SMALL = {"width": "16", "epochs": "2", "batch_size": "256", "n_frequencies": "4"}


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series(sigma=150)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """More threads than one would only wait for each other on networks this small."""
    with torch_threads(1):
        yield


def denoised(inputs: Inputs | DwiSeries, progress: Progress | None = None, **settings: str) -> np.ndarray:
    result = run_method(
        METHOD,
        METHOD.settings().with_settings(SMALL | settings),
        Inputs(inputs) if isinstance(inputs, DwiSeries) else inputs,
        device="cpu",
        progress=progress,
    )
    image = result.output.image("denoised")
    assert isinstance(image, DwiSeries)
    return image.signal


def looks(series: DwiSeries, **settings: str) -> int:
    """How often a run looks whether to stop."""
    count = 0

    def stop_asked() -> bool:
        nonlocal count
        count += 1
        return False

    denoised(series, Progress(stop_asked=stop_asked), **settings)
    return count


def error(image: np.ndarray, scan: Scan, volume: int) -> float:
    return float(np.square(image[scan.tissue] - scan.truth.signal[scan.tissue, volume]).mean())


@pytest.mark.parametrize("seed", [0, 1])
def test_it_comes_closer_to_the_truth_than_the_noisy_series(seed: int) -> None:
    scan = make_series((24, 22, 6), sigma=150, seed=seed)
    inputs = Inputs(scan.series, (scan.anatomy,))
    after = denoised(inputs, width="64", epochs="30", learning_rate="0.004", n_frequencies="20")
    for volume in range(3):
        assert error(after[..., volume], scan, volume) < 0.6 * error(
            scan.series.signal[..., volume], scan, volume
        )


def test_settings_of_the_paper() -> None:
    paper = METHOD.settings("paper")
    assert isinstance(paper, BlInrParameters)
    assert (paper.width, paper.epochs, paper.batch_size) == (1024, 20, 1024)
    assert (paper.omega_max, paper.n_frequencies, paper.patch_size) == (20, 20, 3)
    assert paper.learning_rate == 4e-4
    assert paper.held_out == 0
    assert not paper.foreground_only
    assert paper.use_b_values
    assert paper.use_anatomy
    assert paper.rician_correction == "none"


@pytest.mark.parametrize("patch_size", [2, 4, 8])
def test_patches_need_a_middle(patch_size: int) -> None:
    with pytest.raises(BadInputError, match="patch_size cannot be used; expected an odd number"):
        BlInrParameters(patch_size=patch_size)
    with pytest.raises(BadInputError, match="an odd number"):
        METHOD.settings().with_settings({"patch_size": str(patch_size)})


@pytest.mark.parametrize("patch_size", [1, 5, 9])
def test_patches_may_be_larger_than_the_slices_are_many(scan: Scan, patch_size: int) -> None:
    assert np.isfinite(denoised(scan.series, patch_size=str(patch_size))).all()


def test_a_voxel_is_never_described_by_its_own_value(scan: Scan) -> None:
    """Outside the mask nothing is learnt, so there the volume itself must not matter at all."""
    mask = np.zeros(scan.series.grid.shape, np.float32)
    mask[:10] = 1
    volume = Volume(mask, scan.series.grid, "mask")
    shuffled = scan.series.signal.copy()
    # Shuffled, because the scale of the volume must stay the same.
    outside = shuffled[10:, :, :, 1]
    shuffled[10:, :, :, 1] = np.random.default_rng(3).permutation(outside.reshape(-1)).reshape(outside.shape)
    settings = {"targets": "400", "foreground_only": "no"}
    first = denoised(Inputs(scan.series, (), volume), **settings)
    second = denoised(Inputs(replace(scan.series, signal=shuffled), (), volume), **settings)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("what", "setting", "matters"),
    [
        ("b-values", {"use_b_values": "yes"}, True),
        ("b-values", {"use_b_values": "no"}, False),
        ("anatomy", {"use_anatomy": "yes"}, True),
        ("anatomy", {"use_anatomy": "no"}, False),
    ],
)
def test_it_learns_from_what_it_is_told_to(
    scan: Scan, what: str, setting: dict[str, str], matters: bool
) -> None:
    mask = Volume(np.ones(scan.series.grid.shape, np.float32), scan.series.grid, "mask")
    inputs = Inputs(scan.series, (scan.anatomy,), mask)
    if what == "anatomy":
        other = replace(inputs, anatomy=(replace(scan.anatomy, data=scan.anatomy.data[::-1].copy()),))
    else:
        signal = scan.series.signal.copy()
        signal[..., 2] = signal[::-1, ..., 2]
        other = replace(inputs, series=replace(scan.series, signal=signal))
    first, second = (denoised(each, targets="400", **setting) for each in (inputs, other))
    assert np.array_equal(first, second) != matters


def test_it_works_from_the_position_alone(scan: Scan) -> None:
    after = denoised(Inputs(scan.series, (scan.anatomy,)), use_b_values="no", use_anatomy="no")
    assert np.isfinite(after).all()


def test_another_seed_gives_another_image(scan: Scan) -> None:
    settings = METHOD.settings().with_settings(SMALL)
    images = [
        run_method(METHOD, settings, Inputs(scan.series), seed=seed, device="cpu").output.image("denoised")
        for seed in (0, 1)
    ]
    assert not np.array_equal(images[0].signal, images[1].signal)  # type: ignore[union-attr]


def test_a_mask_without_voxels_is_refused(scan: Scan) -> None:
    mask = Volume(np.zeros(scan.series.grid.shape, np.float32), scan.series.grid, "mask")
    with pytest.raises(BadInputError, match="no voxel to learn from"):
        denoised(Inputs(scan.series, (), mask), foreground_only="no")


def test_a_volume_without_values_is_refused(scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[..., 1] = np.nan
    with pytest.raises(BadInputError, match="no voxel to learn from"):
        denoised(replace(scan.series, signal=signal))


def test_a_stop_is_looked_for_more_often_when_there_is_more_to_do(scan: Scan) -> None:
    steps = looks(scan.series, epochs="6") / looks(scan.series, epochs="2")
    assert steps > 2
    # One batch of all voxels must not be one long step.
    large = make_series((48, 44, 6)).series
    at_once = {"batch_size": "1000000", "foreground_only": "no"}
    assert looks(large, **at_once) > looks(scan.series, **at_once) * 2


def test_pieces_of_a_batch_add_up_to_the_batch(scan: Scan) -> None:
    """Less memory changes the pieces, and only rounding may tell."""
    settings = METHOD.settings().with_settings(SMALL)
    targets = {"targets": "400"}
    whole, pieces = (
        METHOD.run(
            Inputs(scan.series), settings.with_settings(targets), Context(chunk_scale=chunk_scale)
        ).image("denoised")
        for chunk_scale in (1.0, 1 / 32)
    )
    scale = np.abs(whole.signal).max()  # type: ignore[union-attr]
    np.testing.assert_allclose(pieces.signal, whole.signal, atol=1e-3 * scale)  # type: ignore[union-attr]


def test_the_network_of_the_best_look_at_held_out_voxels_is_kept() -> None:
    """On pure noise training soon learns by heart, and the last network is not the best."""
    rng = np.random.default_rng(0)
    shape = (14, 12, 6)
    target = rng.normal(1, 0.5, shape).astype(np.float32)
    features = VoxelFeatures(rng.normal(size=(2, *shape)).astype(np.float32), 20.0, 4, 3, "cpu")
    voxels = rng.permutation(target.size)
    phrases: list[str] = []
    context = Context(Progress(lambda _, phrase: phrases.append(phrase)))
    training = Training(width=64, epochs=30, batch_size=128, learning_rate=4e-3, held_out=0.2)
    network = train(features, target, voxels, training, context, seed=1)

    seen = [float(match[1]) for phrase in phrases if (match := re.search(r"held-out loss (\S+)", phrase))]
    held_out = voxels[: round(0.2 * target.size)]
    predicted = predict(network, features, shape, context)
    loss = np.square(predicted.reshape(-1)[held_out] - target.reshape(-1)[held_out]).mean()
    assert loss == pytest.approx(min(seen), rel=1e-3)
    assert min(seen) < 0.9 * seen[-1]


def test_without_held_out_voxels_the_last_network_is_kept() -> None:
    rng = np.random.default_rng(0)
    shape = (8, 8, 4)
    target = rng.normal(1, 0.5, shape).astype(np.float32)
    features = VoxelFeatures(rng.normal(size=(1, *shape)).astype(np.float32), 20.0, 4, 3, "cpu")
    phrases: list[str] = []
    context = Context(Progress(lambda _, phrase: phrases.append(phrase)))
    voxels = np.arange(target.size)
    losses = []
    for epochs in (1, 40):
        training = Training(width=64, epochs=epochs, batch_size=64, learning_rate=4e-3, held_out=0)
        network = train(features, target, voxels, training, context, seed=1)
        losses.append(float(np.square(predict(network, features, shape, context) - target).mean()))
    assert losses[1] < losses[0]
    assert not any("held-out" in phrase for phrase in phrases)
    assert any(re.search(r"epoch 40/40, loss \d", phrase) for phrase in phrases)


def test_training_leaves_what_is_random_elsewhere_reproducible() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(6, 5, 4)).astype(np.float32)
    features = VoxelFeatures(np.empty((0, 6, 5, 4), np.float32), 20.0, 4, 3, "cpu")
    training = Training(width=8, epochs=1, batch_size=64, learning_rate=1e-3, held_out=0.1)
    states = []
    for _ in range(2):
        torch.rand(3)
        network = train(features, target, np.arange(120), training, Context(), seed=4)
        states.append([parameter.detach().numpy().tobytes() for parameter in network.parameters()])
    assert states[0] == states[1]
