from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.denoise.bl_inr import ENCODINGS, METHOD, BlInrParameters
from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import has_bfloat16, torch_threads
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import run_method
from napari_dwi.scan import DwiSeries, Volume

from ..synthetic import Scan, make_series

SMALL = {"width": "16", "steps": "8", "batch_size": "256", "ensemble": "2"}


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
    after = denoised(inputs, width="64", steps="100")
    for volume in range(3):
        assert error(after[..., volume], scan, volume) < 0.6 * error(
            scan.series.signal[..., volume], scan, volume
        )


def test_settings_of_the_paper() -> None:
    paper = METHOD.settings("paper")
    assert isinstance(paper, BlInrParameters)
    assert (paper.width, paper.steps, paper.epochs, paper.batch_size) == (1024, 0, 20, 1024)
    assert (paper.encoding, paper.omega_max, paper.n_frequencies) == ("band-limited", 20, 20)
    assert (paper.patch_size, paper.b_value_patches, paper.own_neighbours) == (3, "whole", "none")
    assert (paper.networks, paper.ensemble) == ("one per volume", 1)
    assert (paper.learning_rate, paper.averaging, paper.held_out) == (4e-4, 0, 0)
    assert not any([paper.linear_start, paper.standardised, paper.foreground_only])
    assert paper.use_b_values
    assert paper.use_anatomy
    assert paper.rician_correction == "none"


def test_shifted_images_are_met_by_larger_patches() -> None:
    shifted, balanced = METHOD.settings("shifted images"), METHOD.settings()
    assert isinstance(shifted, BlInrParameters)
    assert isinstance(balanced, BlInrParameters)
    assert shifted.patch_size > balanced.patch_size


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_denoises(scan: Scan, encoding: str) -> None:
    after = denoised(scan.series, encoding=encoding, targets="400")
    assert np.isfinite(after).all()
    assert error(after[..., 0], scan, 1) > 0


def test_position_alone_tells_voxels_apart_unless_it_is_left_out(scan: Scan) -> None:
    alone = {"use_b_values": "no", "use_anatomy": "no", "linear_start": "no", "own_neighbours": "none"}
    without = denoised(scan.series, encoding="none", targets="400", **alone)
    np.testing.assert_allclose(without, without.reshape(-1)[0], rtol=1e-5)
    assert np.ptp(denoised(scan.series, targets="400", **alone)) > 0


def test_one_network_may_serve_all_volumes() -> None:
    noisy = make_series((24, 22, 6), sigma=150)
    after = denoised(noisy.series, networks="one for all", width="32", steps="100")
    for volume in range(3):
        before = error(noisy.series.signal[..., volume], noisy, volume)
        assert error(after[..., volume], noisy, volume) < 0.8 * before


def test_an_ensemble_says_how_far_its_networks_disagree(scan: Scan) -> None:
    one, two = (
        run_method(METHOD, METHOD.settings().with_settings(SMALL | {"ensemble": n}), Inputs(scan.series),
                   device="cpu").output
        for n in ("1", "2")
    )  # fmt: skip
    assert [image.role for image in one.images] == ["denoised", "residual"]
    assert [image.role for image in two.images] == ["denoised", "residual", "SD"]
    assert two.images[2].aside
    spread = two.image("SD").signal  # type: ignore[union-attr]
    assert spread.shape == scan.series.signal.shape
    assert (spread[scan.tissue] > 0).any()
    assert np.abs(spread).max() < two.image("denoised").signal.max()  # type: ignore[union-attr]


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
    settings = {"targets": "400", "foreground_only": "no", "own_neighbours": "none"}
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


def test_numbers_of_16_bits_give_nearly_the_same_image(scan: Scan) -> None:
    settings = {"width": "64", "steps": "60"}
    full, mixed = (denoised(scan.series, **settings, mixed_precision=how) for how in ("no", "yes"))
    assert np.abs(mixed - full).mean() < 0.02 * full.mean()
    # A processor without them computes as ever.
    assert np.array_equal(mixed, full) == (not has_bfloat16("cpu"))


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
    assert looks(scan.series, steps="40") > 1.5 * looks(scan.series, steps="8")
    # One batch of all voxels must not be one long step.
    large = make_series((48, 44, 6)).series
    at_once = {"batch_size": "1000000", "foreground_only": "no"}
    assert looks(large, **at_once) > looks(scan.series, **at_once) + 2 * 8


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
