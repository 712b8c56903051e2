from __future__ import annotations

import re

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import zero_filled
from napari_dwi.superres.pairs.displacement import Displacement, displacement_of, moved_back
from napari_dwi.superres.pairs.grid_check import correction_of

from .scans import make_scans, noisy, shifted


def slices(volume: np.ndarray) -> np.ndarray:
    return np.moveaxis(volume, 2, 0)


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.5), (-0.3, 1.2)], ids=str)
def test_a_displacement_is_found_and_taken_back_to_a_tenth_of_a_voxel(
    factor: int, shift: tuple[float, float]
) -> None:
    scans = make_scans(factor=factor, shift=shift, size=96, n_slices=8, sigma=50)
    low, high = slices(scans.low), slices(scans.high)
    found = displacement_of(high, low, factor)
    assert found.is_told
    np.testing.assert_allclose(found.shift, shift, atol=0.1 if factor < 4 else 0.2)
    aligned = np.array([moved_back(image, found.shift) for image in high])
    np.testing.assert_allclose(displacement_of(aligned, low, factor).shift, 0, atol=0.1)


def test_repeated_voxels_are_half_a_fine_voxel_further_and_zero_filled_ones_are_not() -> None:
    scans = make_scans(size=96, sigma=50)
    low, high = slices(scans.low), slices(scans.high)
    repeated = low.repeat(2, axis=1).repeat(2, axis=2)
    against_repeated = displacement_of(high, repeated, 1)
    np.testing.assert_allclose(against_repeated.shift, -0.5, atol=0.1)
    against_zero_filled = displacement_of(high, np.array([zero_filled(image, 2) for image in low]), 1)
    np.testing.assert_allclose(against_zero_filled.shift, 0, atol=0.1)
    np.testing.assert_allclose(displacement_of(high, low, 2).shift, 0, atol=0.1)


def test_scale_and_contrast_do_not_matter() -> None:
    scans = make_scans(shift=(0.4, -0.7), size=96, n_slices=6)
    low, high = slices(scans.low), slices(scans.high)
    found = displacement_of(high, low, 2)
    assert displacement_of(7 * high, low / 3, 2).shift == pytest.approx(found.shift)
    np.testing.assert_allclose(displacement_of(np.sqrt(high), low, 2).shift, (0.4, -0.7), atol=0.15)


def test_the_error_is_what_repeats_differ_by() -> None:
    found = [
        displacement_of(slices(one.high), slices(one.low), 2)
        for one in (make_scans(n_slices=2, sigma=100, seed=seed) for seed in range(20))
    ]
    spread = np.sqrt(np.mean(np.square([one.shift for one in found])))
    told = np.sqrt(np.mean(np.square([one.error for one in found])))
    assert 0.5 < told / spread < 2


def test_images_that_have_nothing_in_common_tell_nothing() -> None:
    scans, others = make_scans(), make_scans(seed=5)
    assert not displacement_of(slices(scans.high), slices(others.low), 2).is_told
    nothing = displacement_of(np.zeros((2, 32, 32), np.float32), np.zeros((2, 16, 16), np.float32), 2)
    assert not nothing.is_told
    assert nothing.shift == (0, 0)


def test_noise_alone_tells_nothing(rng: np.random.Generator) -> None:
    low, high = (noisy(np.zeros((4, size, size)), 1.0, rng) for size in (32, 64))
    assert not displacement_of(high, low, 2).is_told


@pytest.mark.parametrize("shape", [(32, 32), (17, 20), (21, 33)], ids=str)
def test_taking_back_is_exact(shape: tuple[int, int], rng: np.random.Generator) -> None:
    image = rng.random(shape).astype(np.float32)
    np.testing.assert_allclose(moved_back(image, (1, 0))[:-1], image[1:], atol=1e-6)
    np.testing.assert_allclose(moved_back(image, (0, -2))[:, 2:], image[:, :-2], atol=1e-6)
    np.testing.assert_array_equal(moved_back(image, (0, 0)), image)
    rows, columns = (np.exp(-(((np.arange(n) - n / 2) / 3) ** 2)) for n in shape)
    smooth = np.multiply.outer(rows, columns).astype(np.float32)
    np.testing.assert_allclose(moved_back(shifted(smooth, (0.3, -0.6)), (0.3, -0.6)), smooth, atol=2e-3)


def told(shift: tuple[float, float], error: float = 0.02) -> Displacement:
    return Displacement(shift, (error, error), 0.9)


SHAPE = (100, 100)
NOTHING = Displacement((9.0, -3.0), (0.5, 0.5), 0.1)


@pytest.mark.parametrize(
    ("found", "positions", "shift", "warning"),
    [
        (told((0.09, -0.05)), (0.0, 0.0), (0.0, 0.0), None),
        (
            told((0.09, -0.11)),
            (0.0, 0.0),
            (0.09, -0.11),
            r"displaced by 0\.09 and -0\.11 fine voxels .* back",
        ),
        (told((0.47, 0.52)), (0.5, 0.5), (0.5, 0.5), "by 0.50 and 0.50 fine voxels, as their positions say"),
        (told((0.5, 0.5)), (0.0, 0.0), (0.5, 0.5), r"their positions say 0\.00 and 0\.00"),
        (told((0.01, 0.0)), (0.5, 0.5), (0.0, 0.0), "which the images do not show; they are left"),
        # Twice its error is chance.
        (told((0.3, 0.0), error=0.2), (0.0, 0.0), (0.0, 0.0), None),
        (NOTHING, (0.5, 0.5), (0.5, 0.5), "images do not tell .* were moved by .* as their positions say"),
        (NOTHING, (0.0, 0.0), (0.0, 0.0), "images do not tell .* left as they are"),
    ],
)
def test_images_are_believed_before_positions_and_never_moved_silently(
    found: Displacement, positions: tuple[float, float], shift: tuple[float, float], warning: str | None
) -> None:
    correction = correction_of(found, positions, SHAPE)
    assert correction.shift == shift
    if warning is None:
        assert correction.warning == ""
    else:
        assert re.search(warning, correction.warning)


def test_more_than_a_little_motion_is_refused() -> None:
    assert correction_of(told((4.9, 0)), (0, 0), SHAPE).shift == (4.9, 0)
    with pytest.raises(BadInputError, match=r"has moved .* found 5\.10 and 0\.00 fine voxels"):
        correction_of(told((5.1, 0)), (0, 0), SHAPE)
