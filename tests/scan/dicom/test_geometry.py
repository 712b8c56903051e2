from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import geometry_of, same_lattice
from napari_dwi.scan.grid import Grid

from .builder import AXIAL, CORONAL, OBLIQUE, SAGITTAL, write_series


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, CORONAL, OBLIQUE], ids=["ax", "sag", "cor", "obl"])
def test_voxels_lie_where_the_headers_put_them(tmp_path: Path, orientation: Sequence[float]) -> None:
    made = write_series(tmp_path, orientation=orientation)
    (series,) = read_folder(tmp_path)
    geometry = geometry_of(series)
    assert geometry.shape == (16, 12, 4)
    assert geometry.n_volumes == 4
    grid = Grid(geometry.shape, geometry.affine)
    # Rows are counted upwards here and downwards in DICOM.
    for x, y, z in [(0, 0, 0), (15, 0, 0), (0, 11, 0), (3, 7, 2)]:
        expected = made.affine @ (x, 11 - y, z, 1)
        np.testing.assert_allclose(grid.to_mm((x, y, z)), expected[:3], atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_of_acquisition_does_not_move_a_voxel(tmp_path: Path, reverse: bool) -> None:
    made = write_series(tmp_path, reverse_instances=reverse)
    (series,) = read_folder(tmp_path)
    np.testing.assert_allclose(geometry_of(series).affine[:3, 2], made.affine[:3, 2], atol=1e-6)


def test_a_single_slice_has_the_thickness_of_its_header(tmp_path: Path) -> None:
    write_series(tmp_path, shape=(16, 12, 1))
    (series,) = read_folder(tmp_path)
    geometry = geometry_of(series)
    assert geometry.shape == (16, 12, 1)
    assert geometry.n_volumes == 4
    assert Grid(geometry.shape, geometry.affine).spacing_mm == pytest.approx((2, 1.5, 5))


def test_a_missing_slice_is_named_by_place_and_b_value(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    made.file(slice_index=2, volume=3).unlink()
    (series,) = read_folder(tmp_path)
    with pytest.raises(BadInputError, match=r"slice at z = 40\.0 mm missing in b = 800"):
        geometry_of(series)


def test_a_slice_missing_everywhere_shows_as_a_gap(tmp_path: Path) -> None:
    made = write_series(tmp_path, shape=(16, 12, 6))
    for volume in range(4):
        made.file(slice_index=2, volume=volume).unlink()
    (series,) = read_folder(tmp_path)
    with pytest.raises(BadInputError, match=r"5\.00 mm .*10\.00 mm between z = 35\.0 mm and z = 45\.0 mm"):
        geometry_of(series)


@pytest.mark.parametrize(("last_mm", "even"), [(15.04, True), (15.2, False)])
def test_slice_distances_may_differ_by_one_percent(tmp_path: Path, last_mm: float, even: bool) -> None:
    write_series(tmp_path, slice_offsets_mm=(0, 5, 10, last_mm))
    (series,) = read_folder(tmp_path)
    if even:
        geometry_of(series)
    else:
        with pytest.raises(BadInputError, match="not equally far apart"):
            geometry_of(series)


def test_images_of_different_size_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    odd = dataclasses.replace(series.frames[0], rows=24)
    with pytest.raises(BadInputError, match="differ in size"):
        geometry_of(dataclasses.replace(series, frames=(odd, *series.frames[1:])))


def test_a_mosaic_without_a_slice_count_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, shape=(32, 24, 1), image_type=("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"))
    (series,) = read_folder(tmp_path)
    with pytest.raises(BadInputError, match="mosaic"):
        geometry_of(series)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 1, 0, 0), (0, 0, 0, 0, 1, 0)], ids=["parallel", "none"])
def test_directions_that_span_no_plane_are_refused(tmp_path: Path, orientation: Sequence[float]) -> None:
    write_series(tmp_path, shape=(16, 12, 1), orientation=orientation)
    (series,) = read_folder(tmp_path)
    with pytest.raises(BadInputError, match="do not span a volume"):
        geometry_of(series)


def test_a_flat_affine_is_no_lattice(tmp_path: Path) -> None:
    write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    geometry = geometry_of(series)
    for affine in (np.diag([2.0, 1.5, 0.0, 1.0]), np.full((4, 4), np.nan)):
        assert not same_lattice(geometry.shape, affine, geometry, 0.01)
