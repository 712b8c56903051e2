from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.denoise.gaussian import METHOD
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.running import run_method
from napari_dwi.scan import BValues, DwiSeries, Grid

from ..synthetic import make_grid, make_series


def smoothed(series: DwiSeries, **settings: str) -> np.ndarray:
    image = run_method(METHOD, METHOD.settings().with_settings(settings), Inputs(series)).output.image(
        "denoised"
    )
    assert isinstance(image, DwiSeries)
    return image.signal


def series_of(signal: np.ndarray, grid: Grid) -> DwiSeries:
    return DwiSeries(signal.astype(np.float32), grid, BValues(np.array([0, 800])))


def impulse(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> DwiSeries:
    signal = np.zeros((*shape, 2))
    signal[tuple(n // 2 for n in shape)] = 1000
    return series_of(signal, make_grid(shape, spacing_mm))


def width_mm(image: np.ndarray, axis: int, spacing_mm: float) -> float:
    """SD of the image along one axis, taken as a distribution."""
    profile = image.sum(axis=tuple(other for other in range(3) if other != axis), dtype=np.float64)
    position = np.arange(len(profile)) * spacing_mm
    mean = np.average(position, weights=profile)
    return float(np.sqrt(np.average((position - mean) ** 2, weights=profile)))


@pytest.mark.parametrize("spacing_mm", [(1.0, 2.0, 4.0), (4.0, 1.0, 2.0), (2.0, 2.0, 2.0)], ids=str)
def test_the_kernel_is_equally_wide_in_mm_along_every_axis(spacing_mm: tuple[float, float, float]) -> None:
    shape = tuple(2 * int(20 / mm) + 5 for mm in spacing_mm)
    after = smoothed(impulse(shape, spacing_mm), sigma_mm="4", in_plane="no")  # type: ignore[arg-type]
    for volume in range(2):
        image = after[..., volume]
        assert image.sum(dtype=np.float64) == pytest.approx(1000, rel=1e-4)
        for axis in range(3):
            assert width_mm(image, axis, spacing_mm[axis]) == pytest.approx(4, rel=0.02)


@pytest.mark.parametrize("in_plane", ["yes", "no"])
@pytest.mark.parametrize("sigma_mm", ["0.1", "2", "20"])
def test_a_constant_stays_the_same_up_to_the_border(in_plane: str, sigma_mm: str) -> None:
    series = series_of(np.full((20, 18, 4, 2), 350.0), make_grid())
    after = smoothed(series, in_plane=in_plane, sigma_mm=sigma_mm)
    np.testing.assert_allclose(after, 350, rtol=1e-5)


@pytest.mark.parametrize(
    ("spacing_mm", "slice_axis"),
    [
        ((2.0, 2.5, 5.0), 2),
        ((5.0, 2.0, 2.5), 0),
        ((2.0, 5.0, 2.5), 1),
        ((2.0, 2.0, 2.0), 2),
        ((2.0000002, 2.0, 2.0), 2),
    ],
    ids=str,
)
def test_in_plane_slices_are_independent(spacing_mm: tuple[float, float, float], slice_axis: int) -> None:
    shape = (12, 10, 8)
    series = make_series(shape, (0, 800), spacing_mm=spacing_mm).series
    signal = series.signal.copy()
    index = [slice(None)] * 4
    index[slice_axis] = slice(3, 4)
    signal[tuple(index)] += 500
    difference = smoothed(replace(series, signal=signal)) - smoothed(series)
    changed = np.abs(difference).max(axis=tuple(axis for axis in range(4) if axis != slice_axis)) > 1
    np.testing.assert_array_equal(changed, np.arange(shape[slice_axis]) == 3)


def test_through_plane_neighbouring_slices_mix() -> None:
    series = make_series().series
    signal = series.signal.copy()
    signal[:, :, 1] += 500
    difference = smoothed(replace(series, signal=signal), in_plane="no", sigma_mm="5") - smoothed(
        series, in_plane="no", sigma_mm="5"
    )
    assert (difference[:, :, 0] > 10).all()


def test_missing_voxels_do_not_darken_their_neighbours() -> None:
    signal = np.full((20, 18, 4, 2), 350.0)
    signal[5:9, 5:9] = np.nan
    after = smoothed(series_of(signal, make_grid()), in_plane="no")
    np.testing.assert_array_equal(np.isnan(after), np.isnan(signal))
    np.testing.assert_allclose(after[np.isfinite(after)], 350, rtol=1e-5)


def test_volumes_are_smoothed_one_by_one() -> None:
    series = make_series().series
    alone = smoothed(series.volumes([1, 2]))
    np.testing.assert_array_equal(alone, smoothed(series)[..., 1:])
