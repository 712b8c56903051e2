from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.scan import BValues, DwiSeries

from ..synthetic import Scan, make_grid, make_series

SHAPE = (48, 44, 6)


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series(SHAPE)


@pytest.mark.parametrize("sigma", [0, 20, 60, 150])
def test_tissue_is_found_and_air_is_not(sigma: float) -> None:
    scan = make_series(SHAPE, sigma=sigma)
    mask = foreground_mask(scan.series)
    assert mask.shape == SHAPE
    assert mask.dtype == bool
    assert mask[scan.tissue].mean() > 0.98
    assert mask[~scan.tissue].mean() < 0.35


@pytest.mark.parametrize("slices", [1, 3, 4])
def test_few_slices_are_no_colour_image(slices: int) -> None:
    scan = make_series((48, 44, slices))
    assert foreground_mask(scan.series)[scan.tissue].mean() > 0.98


def test_dark_holes_within_tissue_belong_to_it(scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[20:28, 18:26, 2:4] = 0
    assert foreground_mask(replace(scan.series, signal=signal))[20:28, 18:26, 2:4].all()


def test_specks_in_the_air_do_not(scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[2:4, 2:4, 0] = 2000
    assert not foreground_mask(replace(scan.series, signal=signal))[2:4, 2:4, 0].any()


def test_the_lowest_b_value_decides_wherever_it_stands(scan: Scan) -> None:
    backwards = scan.series.volumes([2, 1, 0])
    np.testing.assert_array_equal(foreground_mask(backwards), foreground_mask(scan.series))


def test_the_unit_does_not_matter(scan: Scan) -> None:
    scaled = replace(scan.series, signal=scan.series.signal * np.float32(1 / 1024))
    np.testing.assert_array_equal(foreground_mask(scaled), foreground_mask(scan.series))


def test_missing_values_count_as_air(scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[~scan.tissue] = np.nan
    mask = foreground_mask(replace(scan.series, signal=signal))
    assert mask[scan.tissue].mean() > 0.98
    assert mask[~scan.tissue].mean() < 0.35


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_where_nothing_stands_out_everything_is_foreground(scan: Scan, value: float) -> None:
    flat = DwiSeries(np.full((*SHAPE, 2), value, np.float32), scan.series.grid, BValues(np.array([0, 800])))
    assert foreground_mask(flat).all()


def test_dark_tissue_is_kept_where_there_is_no_air() -> None:
    rng = np.random.default_rng(0)
    signal = np.full((48, 44, 4, 2), 100.0)
    signal[16:30, 14:30] = 600.0
    noisy = np.hypot(signal + rng.normal(0, 20, signal.shape), rng.normal(0, 20, signal.shape))
    series = DwiSeries(noisy.astype(np.float32), make_grid((48, 44, 4)), BValues(np.array([0.0, 800.0])))
    assert foreground_mask(series).mean() > 0.95
