from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid, Volume, resample_to
from napari_dwi.scan.resampling import overlap

from .builder import affine_of, las_grid, oblique_grid, rotation

SLOPE_PER_MM = np.array([0.7, -1.3, 2.1])


def centred(shape: tuple[int, int, int], matrix: np.ndarray) -> Grid:
    """A grid whose middle lies at the origin."""
    middle = -matrix @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine_of(matrix, tuple(middle)), "sform")


def ramp(grid: Grid) -> np.ndarray:
    """A value that grows linearly through the patient."""
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    return (500 + grid.to_mm(voxels) @ SLOPE_PER_MM).astype(np.float32)


def noise(grid: Grid, **fields: Any) -> Volume:
    data = np.random.default_rng(6).normal(1000, 100, grid.shape).astype(np.float32)
    return Volume(data, grid, **fields)


FINE = centred((64, 70, 60), rotation((10, 5, -20)) @ np.diag([1.0, -1.0, 1.1]))
# Turned and flipped against FINE, with two axes swapped, and well inside it.
OBLIQUE = centred((20, 18, 10), rotation() @ np.diag([-1.4, 1.3, 1.5])[:, [1, 0, 2]])


def test_a_ramp_through_the_patient_stays_a_ramp_on_an_oblique_flipped_grid() -> None:
    moved = resample_to(Volume(ramp(FINE), FINE), OBLIQUE)
    assert np.isfinite(moved.data).all()
    np.testing.assert_allclose(moved.data, ramp(OBLIQUE), rtol=1e-3)
    assert moved.grid is OBLIQUE


def test_smoothing_before_leaves_a_ramp_in_place() -> None:
    coarse = centred((8, 7, 5), rotation() @ np.diag([-3.0, 3.0, 4.0]))
    moved = resample_to(Volume(ramp(FINE), FINE), coarse)
    assert any("smoothed" in note for note in moved.notes)
    np.testing.assert_allclose(moved.data, ramp(coarse), rtol=1e-3)


def test_a_sheared_source_is_followed_exactly() -> None:
    shear = np.eye(3)
    shear[0, 2] = 0.3
    source = centred((40, 40, 40), rotation() @ shear)
    moved = resample_to(Volume(ramp(source), source), centred((8, 8, 8), np.eye(3)))
    np.testing.assert_allclose(moved.data, ramp(moved.grid), rtol=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    degrees=st.tuples(*[st.floats(-180, 180)] * 3),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    spacing=st.tuples(*[st.floats(0.5, 1.4)] * 3),
)
def test_a_ramp_stays_a_ramp_wherever_the_grids_lie(
    degrees: tuple[float, float, float], flips: tuple[int, int, int], spacing: tuple[float, float, float]
) -> None:
    source = centred((24, 24, 24), rotation() @ np.diag([1.0, -1.0, 1.0]))
    target = centred((9, 9, 9), rotation(degrees) @ np.diag(np.multiply(flips, spacing)))
    moved = resample_to(Volume(ramp(source), source), target)
    assert np.isfinite(moved.data).all()
    np.testing.assert_allclose(moved.data, ramp(target), rtol=1e-3)


def test_the_volume_itself_comes_back_where_the_grids_agree() -> None:
    volume = noise(oblique_grid())
    shifted = Grid(volume.grid.shape, volume.grid.affine + np.eye(4, k=3) * 0.005)
    assert resample_to(volume, oblique_grid()) is volume
    assert resample_to(volume, shifted) is volume


def test_reordered_axes_only_move_the_voxels() -> None:
    volume = noise(las_grid())
    turned = np.ascontiguousarray(volume.data.transpose(2, 0, 1)[::-1])
    affine = las_grid().affine @ np.array([[0, 1, 0, 0], [0, 0, 1, 0], [-1, 0, 0, 3], [0, 0, 0, 1.0]])
    np.testing.assert_allclose(resample_to(volume, Grid(turned.shape, affine)).data, turned, rtol=1e-5)


def test_what_lies_outside_is_nan_in_images_and_zero_in_labels() -> None:
    source = centred((10, 10, 10), np.eye(3))
    target = Grid((10, 10, 10), source.affine @ affine_of(np.eye(3), (5, 0, 0)))
    image = resample_to(noise(source), target)
    assert np.isfinite(image.data[:5]).all()
    assert np.isnan(image.data[5:]).all()
    labels = resample_to(Volume(np.ones(source.shape, np.float32), source, "labels"), target)
    np.testing.assert_array_equal(labels.data, np.where(np.isnan(image.data), 0, 1))
    assert image.notes == ("resampled to the grid of the series, overlap 50 %",)


@pytest.mark.parametrize(
    ("offset_mm", "is_sampled"), [(0.0, True), (1.0, True), (2.0, True), (-2.0, True), (2.2, False)]
)
def test_a_single_slice_reaches_half_its_thickness(offset_mm: float, is_sampled: bool) -> None:
    source = centred((24, 20, 1), np.diag([1.0, 1, 4]))
    target = Grid((24, 20, 3), affine_of(np.diag([1.0, 1, 40]), (-11.5, -9.5, offset_mm)))
    volume = noise(source)
    if not is_sampled:
        with pytest.raises(BadInputError, match="does not lie over"):
            resample_to(volume, target)
        return
    moved = resample_to(volume, target).data
    np.testing.assert_allclose(moved[..., 0], volume.data[..., 0], rtol=1e-5)
    assert np.isnan(moved[..., 1:]).all()


@pytest.mark.parametrize("kind", ["labels", "mask"])
def test_labels_stay_whole_and_take_the_nearest_voxel(kind: Any) -> None:
    codes = np.random.default_rng(7).choice([0, 1, 7, 300], FINE.shape).astype(np.float32)
    moved = resample_to(Volume(codes, FINE, kind), OBLIQUE)
    assert set(np.unique(moved.data)) <= {0, 1, 7, 300}
    assert moved.kind == kind
    assert not any("smoothed" in note for note in moved.notes)
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in OBLIQUE.shape], indexing="ij"), axis=-1)
    there = (OBLIQUE.to_mm(voxels) - FINE.affine[:3, 3]) @ np.linalg.inv(FINE.affine[:3, :3]).T
    x, y, z = np.moveaxis(np.round(there).astype(int), -1, 0)
    np.testing.assert_array_equal(moved.data, codes[x, y, z])


def test_sampling_three_times_coarser_averages_the_noise() -> None:
    source, target = centred((60, 60, 60), np.eye(3)), centred((18, 18, 18), 3 * np.eye(3))
    moved = resample_to(noise(source), target)
    assert 0.15 < moved.data.std() / 100 < 0.3
    assert abs(moved.data.mean() - 1000) < 2
    assert moved.notes[1] == "smoothed before by a Gaussian of sigma (0.84, 0.84, 0.84) of its own voxels"


def test_only_axes_that_get_coarser_are_smoothed() -> None:
    source = centred((30, 30, 12), np.diag([1.0, 1, 4]))
    moved = resample_to(noise(source), centred((9, 27, 10), np.diag([3.0, 1, 4])))
    assert moved.notes[1] == "smoothed before by a Gaussian of sigma (0.84, 0.00, 0.00) of its own voxels"


def test_a_slightly_coarser_grid_needs_no_smoothing() -> None:
    moved = resample_to(noise(centred((30, 30, 30), np.eye(3))), centred((18, 18, 18), 1.45 * np.eye(3)))
    assert len(moved.notes) == 1


def test_less_than_a_hundredth_in_common_is_refused_with_the_share() -> None:
    source = centred((20, 20, 20), np.eye(3))
    far = Grid((20, 20, 20), source.affine @ affine_of(np.eye(3), (0, 500, 0)))
    with pytest.raises(BadInputError, match=r"t2 does not lie over .* found 0.0 %.*same patient"):
        resample_to(noise(source, name="t2"), far)
    assert overlap(source, far) == 0


@pytest.mark.parametrize(("shift", "share"), [(0, 1), (10, 0.5), (19, 0.05), (-15, 0.25), (20, 0)])
def test_overlap_is_the_share_of_the_grid_inside_the_volume(shift: int, share: float) -> None:
    source = centred((20, 20, 20), np.eye(3))
    target = Grid((20, 20, 20), source.affine @ affine_of(np.eye(3), (0, 0, shift)))
    assert overlap(source, target) == pytest.approx(share)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_voxel_does_not_reach_beyond_its_neighbours(value: float) -> None:
    source = centred((20, 20, 20), np.eye(3))
    target = Grid((18, 18, 18), source.affine @ affine_of(np.eye(3), (0.5, 0.25, 0.75)))
    whole = Volume(ramp(source), source)
    holed = replace(whole, data=whole.data.copy())
    holed.data[8, 9, 10] = value
    moved = resample_to(holed, target)
    assert np.isnan(moved.data).sum() == 8
    assert np.isnan(moved.data[7:9, 8:10, 9:11]).all()
    kept = np.isfinite(moved.data)
    np.testing.assert_array_equal(moved.data[kept], resample_to(whole, target).data[kept])


def test_missing_voxels_do_not_darken_what_is_smoothed_around_them() -> None:
    source, target = centred((60, 60, 60), np.eye(3)), centred((18, 18, 18), 3 * np.eye(3))
    data = np.full(source.shape, 100, np.float32)
    data[20:30, 20:30, 20:30] = np.nan
    moved = resample_to(Volume(data, source), target).data
    assert 20 < np.isnan(moved).sum() < 100
    np.testing.assert_allclose(moved[np.isfinite(moved)], 100, rtol=1e-5)


def test_the_source_keeps_its_values_and_its_name() -> None:
    volume = noise(FINE, name="t2", unit="a.u.", notes=("earlier",))
    before = volume.data.copy()
    moved = resample_to(volume, OBLIQUE)
    np.testing.assert_array_equal(volume.data, before)
    assert (moved.name, moved.unit, moved.notes[0], moved.data.dtype) == ("t2", "a.u.", "earlier", np.float32)
