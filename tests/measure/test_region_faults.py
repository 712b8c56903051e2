"""Regions as users draw them: empty, outside, on another image, one voxel, with holes, in the way."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.regions import measure_regions, statistics_table
from napari_dwi.scan import DwiSeries, Grid, Volume, resample_to

from ..synthetic import make_grid, make_series


@pytest.fixture(scope="module")
def series() -> DwiSeries:
    return make_series().series


def region(grid: Grid, *where: object) -> Volume:
    codes = np.zeros(grid.shape, np.float32)
    for code, voxels in enumerate(where, start=1):
        codes[voxels] = code  # type: ignore[index]
    return Volume(codes, grid, "labels", name="rois")


def test_an_empty_region_says_no_voxels(series: DwiSeries) -> None:
    (found, *_) = rows = measure_regions(series, region(series.grid), {1: "lesion"})
    assert found.n == 0
    assert math.isnan(found.mean)
    assert statistics_table(rows).splitlines()[1].split("\t")[3:7] == ["lesion", "0", "0", "n/a"]


def test_one_voxel_and_a_ring_count_what_is_in_them(series: DwiSeries) -> None:
    labels = region(series.grid, np.s_[9, 9, 1], np.s_[4:7, 4:7, 2])
    labels.data[5, 5, 2] = 0
    one, ring = measure_regions(series, labels, {1: "point", 2: "ring"})[:2]
    assert (one.n, ring.n) == (1, 8)
    assert one.mean == series.signal[9, 9, 1, 0]
    inside = labels.data == 2
    assert ring.mean == pytest.approx(series.signal[..., 0][inside].mean(), rel=1e-6)


def test_where_two_regions_are_drawn_the_later_one_counts(series: DwiSeries) -> None:
    labels = region(series.grid, np.s_[4:8, 4:8, 1], np.s_[6:10, 4:8, 1])
    first, second = measure_regions(series, labels, {1: "first", 2: "second"})[:2]
    assert (first.n, second.n) == (8, 16)


def test_a_region_drawn_on_finer_anatomy_takes_the_nearest_voxels_and_says_so(series: DwiSeries) -> None:
    fine = make_grid((40, 36, 8), (1.0, 1.25, 2.5))
    labels = region(fine, np.s_[10:20, 8:16, 2:4])
    moved = resample_to(labels, series.grid)
    assert moved.notes == ("resampled to the grid of the series, nearest voxel, overlap 100 %",)
    assert set(np.unique(moved.data)) == {0, 1}
    (found, *_) = measure_regions(series, moved, {1: "lesion"})
    assert found.n == pytest.approx(10 * 8 * 2 / 8, abs=4)


def test_a_region_drawn_elsewhere_in_the_patient_is_refused(series: DwiSeries) -> None:
    affine = series.grid.affine.copy()
    affine[2, 3] += 300
    outside = region(Grid(series.grid.shape, affine), np.s_[4:8, 4:8, 1])
    with pytest.raises(BadInputError, match=r"rois does not lie over .*at least 1 %.*found 0.0 %"):
        resample_to(outside, series.grid)


def test_regions_of_the_series_are_measured_on_its_anatomy_too(series: DwiSeries) -> None:
    anatomy = resample_to(make_series((30, 27, 6), spacing_mm=(1.4, 1.7, 3.4)).anatomy, series.grid)
    labels = region(series.grid, np.s_[4:8, 4:8, :])
    (found,) = measure_regions(anatomy, labels, {1: "lesion"})
    assert (found.image, found.b_value) == ("T1", None)
    assert found.n + found.n_missing == 4 * 4 * series.grid.shape[2]
    assert found.n_missing == np.isnan(anatomy.data[4:8, 4:8]).sum()
