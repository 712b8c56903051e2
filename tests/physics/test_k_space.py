from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import k_space_cropped, zero_filled, zero_filled_within_edges

SIZES = [(17, 18), (24, 31), (32, 33), (1, 20)]


def waves(shape: tuple[int, int], band: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """An image of so many samples whose frequencies stay below the Nyquist frequency of ``band`` samples."""
    x, y = (np.arange(n)[:, None] / n for n in shape)
    image = np.full(shape, 20.0)
    for _ in range(6):
        u, v = (int(rng.integers(0, (n + 1) // 2)) for n in band)
        phase_x, phase_y = rng.uniform(0, 2 * np.pi, 2)
        image += np.cos(2 * np.pi * u * x + phase_x) * np.cos(2 * np.pi * v * y + phase_y).T
    return image


def shift_of(image: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """By how many samples an image lies to the right of and below another, by phase correlation."""
    from skimage.registration import phase_cross_correlation

    shift, _, _ = phase_cross_correlation(reference, image, upsample_factor=50, normalization=None)
    return -shift


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_every_coarse_sample_lies_on_a_fine_one(
    shape: tuple[int, int], factor: int, rng: np.random.Generator
) -> None:
    image = rng.normal(size=shape)
    fine = zero_filled(image, factor)
    assert fine.shape == tuple(factor * n for n in shape)
    np.testing.assert_allclose(fine[::factor, ::factor], image, atol=1e-12)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_a_band_limited_object_is_restored_in_full(
    shape: tuple[int, int], factor: int, rng: np.random.Generator
) -> None:
    fine_shape = (factor * shape[0], factor * shape[1])
    truth = waves(fine_shape, shape, rng)
    coarse = k_space_cropped(truth, factor)
    np.testing.assert_allclose(coarse, truth[::factor, ::factor], atol=1e-6)
    np.testing.assert_allclose(zero_filled(coarse, factor), truth, atol=1e-6)


@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_cropping_undoes_zero_filling(shape: tuple[int, int], rng: np.random.Generator) -> None:
    for image in (rng.normal(size=shape), rng.normal(size=shape) + 1j * rng.normal(size=shape)):
        np.testing.assert_allclose(k_space_cropped(zero_filled(image, 3), 3), image, atol=1e-12)


def test_zero_filling_keeps_mean_and_spread(rng: np.random.Generator) -> None:
    noise = rng.normal(3.0, 1.0, (129, 65))
    fine = zero_filled(noise, 2)
    assert fine.mean() == pytest.approx(noise.mean(), abs=1e-12)
    assert fine.std() == pytest.approx(noise.std(), abs=1e-12)


def test_flips_and_finer_samples_commute(rng: np.random.Generator) -> None:
    """Sample n goes to -n, which keeps the first sample; a plain flip would move the fine grid."""
    image = rng.normal(size=(20, 21))

    def flipped(samples: np.ndarray) -> np.ndarray:
        return np.roll(samples[::-1], 1, axis=0)

    np.testing.assert_allclose(flipped(zero_filled(image, 2)), zero_filled(flipped(image), 2), atol=1e-12)


def test_zero_filling_does_not_move_an_object_as_repeating_samples_does(rng: np.random.Generator) -> None:
    truth = waves((64, 64), (32, 32), rng)
    coarse = k_space_cropped(truth, 2)
    assert shift_of(zero_filled(coarse, 2), truth) == pytest.approx([0, 0], abs=0.1)
    repeated = coarse.repeat(2, axis=0).repeat(2, axis=1)
    assert shift_of(repeated, truth) == pytest.approx([0.5, 0.5], abs=0.1)


@pytest.mark.parametrize("shape", SIZES, ids=str)
def test_a_mirrored_image_keeps_its_samples_too(shape: tuple[int, int], rng: np.random.Generator) -> None:
    image = rng.normal(size=shape)
    fine = zero_filled_within_edges(image, 2)
    assert fine.shape == (2 * shape[0], 2 * shape[1])
    np.testing.assert_allclose(fine[::2, ::2], image, atol=1e-12)


def test_tissue_at_an_edge_does_not_ring_in_a_mirrored_image() -> None:
    slope = np.linspace(0, 1, 32)[:, None] * np.ones(32)
    expected = np.minimum(np.arange(64) / 2, 31) / 31
    periodic = np.abs(zero_filled(slope, 2)[:, 0] - expected)
    mirrored = np.abs(zero_filled_within_edges(slope, 2)[:, 0] - expected)
    assert periodic[:60].max() > 0.04
    assert mirrored[:60].max() < 0.01


def test_slices_and_precision_stay_as_they_are(rng: np.random.Generator) -> None:
    stack = rng.normal(size=(8, 9, 3)).astype(np.float32)
    fine = zero_filled(stack, 2)
    assert fine.dtype == np.float32
    assert fine.shape == (16, 18, 3)
    np.testing.assert_allclose(fine[..., 1], zero_filled(stack[..., 1], 2), atol=1e-6)
    np.testing.assert_allclose(zero_filled(stack.transpose(2, 0, 1), 2, (1, 2)).transpose(1, 2, 0), fine)


@pytest.mark.parametrize("factor", [0, 1, -2])
def test_other_factors_are_refused(factor: int) -> None:
    for resample in (zero_filled, k_space_cropped):
        with pytest.raises(BadInputError, match="not a factor of resolution"):
            resample(np.ones((8, 8)), factor)


def test_only_whole_numbers_of_samples_become_one() -> None:
    with pytest.raises(BadInputError, match="a multiple of 2 samples along every axis, found 9"):
        k_space_cropped(np.ones((8, 9)), 2)
