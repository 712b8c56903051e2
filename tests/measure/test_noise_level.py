from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.noise_level import noise_level
from napari_dwi.scan import DwiSeries

from ..synthetic import Scan, make_series

SHAPE = (56, 52, 5)
SIGMA = 25.0


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series(SHAPE, sigma=SIGMA)


def with_air(scan: Scan, air: np.ndarray) -> DwiSeries:
    signal = scan.series.signal.copy()
    signal[~scan.tissue] = air
    return replace(scan.series, signal=signal)


@pytest.mark.parametrize("sigma", [5.0, 25.0, 80.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_sigma_is_found_in_the_air(sigma: float, seed: int) -> None:
    assert noise_level(make_series(SHAPE, sigma=sigma, seed=seed).series) == pytest.approx(sigma, rel=0.05)


def test_a_region_in_pure_noise_may_be_given(scan: Scan) -> None:
    background = np.zeros(SHAPE, bool)
    background[:6] = True
    assert noise_level(scan.series, background) == pytest.approx(SIGMA, rel=0.05)


def test_blanked_voxels_are_left_out(scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[:, :4] = 0
    signal[:, -3:] = np.nan
    assert noise_level(replace(scan.series, signal=signal)) == pytest.approx(SIGMA, rel=0.05)


def test_the_highest_b_value_is_used(scan: Scan) -> None:
    ghosts = scan.series.signal.copy()
    ghosts[..., :2] *= 3
    found = noise_level(replace(scan.series, signal=ghosts), ~scan.tissue)
    assert found == noise_level(scan.series, ~scan.tissue)


def test_air_that_the_scanner_has_blanked_is_refused(scan: Scan) -> None:
    with pytest.raises(BadInputError, match="too little air around the patient") as caught:
        noise_level(with_air(scan, np.zeros(3, np.float32)))
    assert caught.value.found == "0"
    assert caught.value.remedy


def test_a_picture_full_of_tissue_is_refused(scan: Scan) -> None:
    inside = scan.series.signal[15:40, 15:38]
    grid = scan.series.grid.cropped((15, 15, 0), (40, 38, SHAPE[2]))
    with pytest.raises(BadInputError, match="too little air"):
        noise_level(replace(scan.series, signal=inside, grid=grid))


def test_dark_tissue_with_the_mean_of_air_is_refused(scan: Scan, rng: np.random.Generator) -> None:
    """Smooth, with the spread of a Rayleigh distribution over the picture and little noise."""
    smooth = np.sort(rng.rayleigh(SIGMA, SHAPE[:2]).ravel()).reshape(SHAPE[:2])[..., None]
    dark = np.broadcast_to(smooth, SHAPE) + rng.normal(0, 2, SHAPE)
    signal = np.repeat(dark[..., None], scan.series.signal.shape[3], axis=3).astype(np.float32)
    with pytest.raises(BadInputError, match="dark tissue rather than air"):
        noise_level(replace(scan.series, signal=signal), np.ones(SHAPE, bool))


def test_noise_that_is_alike_between_neighbours_is_noise(scan: Scan, rng: np.random.Generator) -> None:
    from scipy.ndimage import convolve1d

    parts = rng.normal(0, SIGMA, (2, *SHAPE))
    for axis in (1, 2):
        parts = convolve1d(parts, np.array([0.25, 1, 0.25]) / np.sqrt(1.125), axis=axis)
    air = np.hypot(*parts)[~scan.tissue][:, None].astype(np.float32)
    assert noise_level(with_air(scan, air), ~scan.tissue) == pytest.approx(SIGMA, rel=0.05)


def test_air_that_was_interpolated_and_filtered_is_noise(scan: Scan, rng: np.random.Generator) -> None:
    """Zero-filled three times as fine with a Hamming filter, as scanners do it."""
    coarse, fine = 40, 120
    k_space = rng.normal(size=(2, SHAPE[2], coarse, coarse))
    window = np.hamming(coarse)
    kept = (k_space[0] + 1j * k_space[1]) * np.outer(window, window)
    whole = np.zeros((SHAPE[2], fine, fine), complex)
    whole[:, :coarse, :coarse] = kept
    air = np.moveaxis(np.abs(np.fft.ifft2(whole)), 0, 2).astype(np.float32)
    expected = float(np.sqrt((air**2).mean() / 2))
    grid = replace(scan.series.grid, shape=air.shape)
    signal = np.repeat(air[..., None], scan.series.signal.shape[3], axis=3)
    series = replace(scan.series, signal=signal, grid=grid)
    assert noise_level(series, np.ones(air.shape, bool)) == pytest.approx(expected, rel=0.05)


def test_a_region_of_a_few_voxels_is_refused(scan: Scan) -> None:
    background = np.zeros(SHAPE, bool)
    background[0, :20, 0] = True
    with pytest.raises(BadInputError, match="too little air"):
        noise_level(scan.series, background)


@pytest.mark.parametrize("kind", ["constant", "ghosts"])
def test_air_that_is_not_rayleigh_noise_is_refused(scan: Scan, kind: str, rng: np.random.Generator) -> None:
    air = scan.series.signal[~scan.tissue].copy()
    if kind == "constant":
        air[:] = 40
    else:
        air[rng.random(len(air)) < 0.1] *= 5
    with pytest.raises(BadInputError, match="the background is not pure noise") as caught:
        noise_level(with_air(scan, air))
    assert caught.value.expected == "Rayleigh noise"
