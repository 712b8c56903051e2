from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import (
    BValues,
    DwiSeries,
    Grid,
    Volume,
    list_series,
    open_image,
    open_series,
    open_volume,
)
from napari_dwi.scan.reading import split_series

from .builder import las_grid, names_in, random_series, random_volume, write_nifti, write_series


@pytest.mark.parametrize("name", ["dwi.nii", "dwi.nii.gz", "DWI.NII"])
def test_a_series_takes_the_b_values_beside_it(tmp_path: Path, name: str) -> None:
    series = open_series(write_series(tmp_path / name))
    np.testing.assert_array_equal(series.signal, random_series().signal)
    assert series.b_values.distinct == (0, 100, 800)
    assert series.b_values.origin == f"{name.split('.')[0]}.bval"
    assert series.name == name.split(".")[0]
    assert series.source is not None
    assert series.source.path == tmp_path / name
    assert series.grid.same_as(las_grid())


def test_b_values_can_be_given_as_a_file_or_as_numbers(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    (tmp_path / "other.bval").write_text("0 50 1000")
    assert open_series(path, bval=tmp_path / "other.bval").b_values.distinct == (0, 50, 1000)
    assert open_series(path, bval=BValues(np.array([5, 6.5, 9]))).b_values.distinct == (5, 6.5, 9)


def test_directions_beside_the_b_values_are_read(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    (tmp_path / "dwi.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    directions = open_series(path).b_values.directions
    assert directions is not None
    assert directions.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("opened", [open_image, open_series])
def test_missing_b_values_are_said_with_what_to_do(tmp_path: Path, opened: object) -> None:
    path = write_series(tmp_path / "dwi.nii.gz", None)
    with pytest.raises(BadInputError, match=r"expected dwi\.bval beside it with 3 values.*--bval") as caught:
        opened(path)  # type: ignore[operator]
    assert caught.value.file == path


@pytest.mark.parametrize("text", ["0 800", "0 100 400 800"])
def test_b_values_of_another_series_name_both_numbers(tmp_path: Path, text: str) -> None:
    path = write_series(tmp_path / "dwi.nii", text)
    with pytest.raises(BadInputError, match=f"expected 3 b-values, found {len(text.split())}"):
        open_series(path)
    with pytest.raises(BadInputError, match=f"for 3 volumes, found {len(text.split())}"):
        open_series(path, bval=BValues(np.array(text.split(), float)))


@pytest.mark.parametrize("text", ["800 800 800", "0 0 0", "929.75 930 930"])
def test_a_single_b_value_makes_no_series(tmp_path: Path, text: str) -> None:
    path = write_series(tmp_path / "dwi.nii", text)
    with pytest.raises(BadInputError, match="at least two different b-values; found only b = "):
        open_series(path)
    assert isinstance(open_image(path), DwiSeries)


def test_a_single_volume_makes_no_series(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "t2.nii")
    with pytest.raises(BadInputError, match=r"single volume, not a diffusion series.* Open it as anatomy"):
        open_series(path)
    image = open_image(path)
    assert isinstance(image, Volume)
    np.testing.assert_array_equal(image.data, random_volume().data)


def test_a_single_volume_with_a_b_value_keeps_it(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "trace.nii")
    (tmp_path / "trace.bval").write_text("2500")
    image = open_image(path)
    assert isinstance(image, DwiSeries)
    assert image.signal.shape == (6, 5, 4, 1)
    assert image.b_values.distinct == (2500,)


def test_a_singleton_axis_before_the_volumes_is_dropped(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii")
    path = write_nifti(tmp_path / "dwi.nii", random_series().signal[:, :, :, None])
    np.testing.assert_array_equal(open_series(path).signal, random_series().signal)


def test_several_volumes_are_no_anatomy(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="several volumes; expected a single volume, found 3 volumes"):
        open_volume(write_series(tmp_path / "dwi.nii"))


def test_voxels_without_a_number_or_below_zero_are_counted(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    signal = random_series().signal.copy()
    signal[0, 0, 0, :2], signal[1, 1, 1, 0], signal[2, 2, 2, 1] = np.nan, np.inf, -4
    write_nifti(path, signal)
    series = open_series(path)
    assert series.notes == (
        "3 values are NaN or infinite and will be left out",
        "1 values are negative, which magnitude images cannot be",
    )
    np.testing.assert_array_equal(series.signal, signal)


def test_a_negative_slope_is_flagged(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    write_nifti(path, np.ones((6, 5, 4, 3), np.int16), scl_slope=-1)
    assert open_series(path).notes == ("360 values are negative, which magnitude images cannot be",)


def test_the_notes_of_the_file_come_with_the_series(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    write_nifti(path, random_series().signal, sform_code=0)
    series = open_series(path)
    assert [note.split(":")[0] for note in series.notes] == ["orientation unknown"]
    assert not series.grid.orientation_known


def test_everything_is_in_memory_once_opened(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    series = open_series(path)
    path.write_bytes(b"")
    path.unlink()
    np.testing.assert_array_equal(series.signal, random_series().signal)


@pytest.mark.parametrize("opened", [open_image, open_series, open_volume, list_series])
@pytest.mark.parametrize("name", ["absent.nii", "absent#5", "absent.nii#5"])
def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, opened: object, name: str) -> None:
    with pytest.raises(BadInputError) as caught:
        opened(tmp_path / name)  # type: ignore[operator]
    assert str(tmp_path / "absent") in str(caught.value)


def test_listing_tells_what_each_file_holds_without_its_voxels(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii.gz")
    write_series(tmp_path / "no_b.nii", None)
    # Voxels that are cut off show that they are not looked at.
    t2 = write_nifti(tmp_path / "t2.nii", sform_code=0)
    t2.write_bytes(t2.read_bytes()[:400])
    (tmp_path / "readme.txt").write_text("not an image")
    dwi, no_b, anatomy = list_series(tmp_path)
    assert (dwi.role, dwi.shape, dwi.orientation, dwi.b_values, dwi.warnings) == (
        "DWI",
        (6, 5, 4, 3),
        "LAS",
        (0, 100, 800),
        (),
    )
    np.testing.assert_allclose(dwi.spacing_mm, (2, 2.5, 5))
    assert (no_b.role, no_b.b_values) == ("DWI", None)
    assert "b-values of this series are not known" in no_b.warnings[0]
    assert (anatomy.role, anatomy.orientation, anatomy.description) == ("anatomy", "unknown", "t2")
    assert list_series(dwi.path) == (dwi,)


def test_the_one_series_of_a_folder_is_opened(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii.gz")
    write_nifti(tmp_path / "t2.nii")
    assert open_series(tmp_path).name == "dwi"
    assert open_volume(tmp_path).name == "t2"
    assert open_image(tmp_path).name == "dwi"


def test_a_folder_of_several_series_is_refused_with_their_names(tmp_path: Path) -> None:
    for name in ("one.nii", "two.nii"):
        write_series(tmp_path / name)
    with pytest.raises(BadInputError, match=r"cannot tell which .*one\.nii .*two\.nii .*Name one of them"):
        open_series(tmp_path)


def test_a_folder_without_such_an_image_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    write_nifti(tmp_path / "t2.nii")
    with pytest.raises(BadInputError, match=r"no such series .*found t2\.nii t2 \(anatomy\)"):
        open_series(tmp_path)


@pytest.mark.parametrize("opened", [open_image, open_series, open_volume, list_series])
def test_an_empty_folder_is_refused(tmp_path: Path, opened: object) -> None:
    with pytest.raises(BadInputError):
        opened(tmp_path)  # type: ignore[operator]
    assert names_in(tmp_path) == []


def test_a_number_sign_in_the_name_of_a_file_that_exists_is_part_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "scan#5").mkdir()
    assert split_series(tmp_path / "scan#5") == (tmp_path / "scan#5", None)
    assert split_series(tmp_path / "scan#6") == (tmp_path / "scan", "6")
    assert split_series(tmp_path / "a#b.nii") == (tmp_path / "a#b.nii", None)


def test_arrays_that_do_not_fit_their_grid_make_no_image() -> None:
    grid = Grid((6, 5, 4), np.eye(4))
    with pytest.raises(BadInputError, match=r"size of its grid; expected \(6, 5, 4\), found \(5, 6, 4\)"):
        Volume(np.zeros((5, 6, 4), np.float32), grid)
    with pytest.raises(BadInputError, match="3-dimensional float32, found 3-dimensional float64"):
        Volume(np.zeros((6, 5, 4)), grid)
    with pytest.raises(BadInputError, match="4-dimensional float32, found 3-dimensional"):
        DwiSeries(np.zeros((6, 5, 4), np.float32), grid, BValues(np.array([0])))


def test_some_volumes_of_a_series_keep_their_b_values() -> None:
    series = random_series()
    part = series.volumes([2, 0])
    assert part.b_values.values.tolist() == [800, 0]
    np.testing.assert_array_equal(part.signal, series.signal[..., [2, 0]])
