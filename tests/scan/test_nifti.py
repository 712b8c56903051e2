from __future__ import annotations

import gzip
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid
from napari_dwi.scan.allowances import ALLOWANCES
from napari_dwi.scan.nifti import read_nifti, read_nifti_header, stem_of

from .builder import affine_of, las_grid, oblique_grid, random_volume, rotation, write_nifti

BOTH_KINDS = pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
NOISE = np.random.default_rng(5).normal(500, 60, (20, 18, 10)).astype(np.float32)


@BOTH_KINDS
@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.int64, np.float32, np.float64])
def test_every_kind_of_number_keeps_its_value(
    tmp_path: Path, name: str, big_endian: bool, dtype: type
) -> None:
    array = np.arange(120).reshape(6, 5, 4).astype(dtype)
    read = read_nifti(write_nifti(tmp_path / name, array, big_endian=big_endian))
    assert read.data.dtype == np.float32
    np.testing.assert_array_equal(read.data, array)
    assert read.grid.same_as(las_grid())
    assert read.notes == ()


@BOTH_KINDS
def test_what_nibabel_writes_is_read_as_nibabel_reads_it(tmp_path: Path, name: str) -> None:
    for kind in (nib.Nifti1Image, nib.Nifti2Image):
        nib.save(kind(NOISE, oblique_grid().affine), tmp_path / name)
        read = read_nifti(tmp_path / name)
        np.testing.assert_array_equal(read.data, NOISE)
        np.testing.assert_allclose(read.grid.affine, nib.load(tmp_path / name).affine, rtol=0, atol=1e-6)


def test_slope_and_intercept_are_applied(tmp_path: Path) -> None:
    stored = np.arange(-60, 60, dtype=np.int16).reshape(6, 5, 4)
    read = read_nifti(write_nifti(tmp_path / "a.nii", stored, scl_slope=0.25, scl_inter=1000.0))
    np.testing.assert_array_equal(read.data, stored * 0.25 + 1000)


def test_a_large_intercept_costs_no_digits(tmp_path: Path) -> None:
    stored = np.arange(120, dtype=np.int32).reshape(6, 5, 4) + 2**30
    read = read_nifti(write_nifti(tmp_path / "a.nii", stored, scl_slope=1.0, scl_inter=-(2.0**30)))
    np.testing.assert_array_equal(read.data, stored - 2**30)


@pytest.mark.parametrize(("slope", "shown"), [(0, "0"), (np.nan, "nan"), (np.inf, "inf")])
def test_a_slope_that_means_nothing_leaves_the_numbers_as_stored_and_is_said(
    tmp_path: Path, slope: float, shown: str
) -> None:
    stored = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    read = read_nifti(write_nifti(tmp_path / "a.nii", stored, scl_slope=slope, scl_inter=7))
    np.testing.assert_array_equal(read.data, stored)
    assert read.notes == (f"stored numbers taken as they are: the header's slope is {shown}",)


def test_numbers_beyond_float32_become_infinite_without_a_warning(tmp_path: Path) -> None:
    array = np.full((6, 5, 4), 2.0)
    array[0, 0, 0] = 1e300
    read = read_nifti(write_nifti(tmp_path / "a.nii", array))
    assert np.isinf(read.data[0, 0, 0])
    assert (read.data.ravel()[1:] == 2).all()


def test_voxels_that_hold_no_number_are_kept_as_such(tmp_path: Path) -> None:
    array = random_volume().data.copy()
    array[0, 0, 0], array[1, 1, 1] = np.nan, np.inf
    np.testing.assert_array_equal(read_nifti(write_nifti(tmp_path / "a.nii", array)).data, array)


def test_room_between_header_and_voxels_is_passed_over(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", NOISE, vox_offset=352 + 4096)
    content = path.read_bytes()
    path.write_bytes(content[:352] + b"\x07" * 4096 + content[352:])
    np.testing.assert_array_equal(read_nifti(path).data, NOISE)


@pytest.mark.parametrize(
    ("shape", "read_shape"),
    [
        ((6, 5, 4, 1), (6, 5, 4)),
        ((6, 5, 4, 1, 1), (6, 5, 4)),
        ((6, 5, 4, 3), (6, 5, 4, 3)),
        ((6, 5, 4, 1, 3), (6, 5, 4, 3)),
        ((6, 5, 4, 3, 1), (6, 5, 4, 3)),
        ((6, 5, 1), (6, 5, 1)),
    ],
)
def test_axes_of_length_one_beyond_the_third_are_dropped(
    tmp_path: Path, shape: tuple[int, ...], read_shape: tuple[int, ...]
) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    read = read_nifti(write_nifti(tmp_path / "a.nii", array))
    np.testing.assert_array_equal(read.data, array.reshape(read_shape))


def test_the_source_is_named_with_its_digest(tmp_path: Path) -> None:
    one, other = (write_nifti(tmp_path / name, NOISE) for name in ("a.nii", "b.nii"))
    assert read_nifti(one).source.path == one
    assert read_nifti(one).source.size_bytes == 352 + NOISE.nbytes
    assert read_nifti(one).source.sha256 == read_nifti(other).source.sha256
    write_nifti(other, NOISE + 1)
    assert read_nifti(one).source.sha256 != read_nifti(other).source.sha256


@pytest.mark.parametrize(
    ("name", "stem"), [("a.nii.gz", "a"), ("a.b.nii", "a.b"), ("A.NII.GZ", "A"), ("a.img", "a")]
)
def test_the_stem_is_the_name_without_its_suffixes(name: str, stem: str) -> None:
    assert stem_of(Path("folder", name)) == stem


@pytest.mark.parametrize(("code", "unit", "factor"), [(1, "meter", 1e-3), (3, "micron", 1e3)])
def test_other_units_of_length_become_millimetres(
    tmp_path: Path, code: int, unit: str, factor: float
) -> None:
    affine = np.diag([factor, factor, factor, 1]) @ oblique_grid().affine
    path = write_nifti(tmp_path / "a.nii", affine=affine, xyzt_units=code)
    header = read_nifti_header(path)
    assert header.grid.same_as(oblique_grid())
    assert header.notes == (f"lengths converted from {unit} to mm",)


def test_voxel_sizes_in_another_unit_become_millimetres(tmp_path: Path) -> None:
    affine = np.diag([0.002, 0.0025, 0.005, 1])
    header = read_nifti_header(write_nifti(tmp_path / "a.nii", affine=affine, xyzt_units=1, sform_code=0))
    np.testing.assert_allclose(header.grid.spacing_mm, (2, 2.5, 5))


def test_an_unknown_unit_of_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="unknown unit of length; found 7"):
        read_nifti(write_nifti(tmp_path / "a.nii", xyzt_units=7))


def _with_forms(path: Path, sform: np.ndarray | None, qform: np.ndarray | None) -> Path:
    image = nib.Nifti1Image(random_volume().data, np.eye(4))
    image.set_sform(sform, 0 if sform is None else 1)
    image.set_qform(qform, 0 if qform is None else 1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def test_forms_that_disagree_are_said_and_the_sform_is_used(tmp_path: Path) -> None:
    flipped = las_grid().affine @ np.diag([-1, 1, 1, 1])
    grid = read_nifti(_with_forms(tmp_path / "a.nii", las_grid().affine, flipped))
    assert grid.notes == ("sform and qform disagree: sform was used",)
    assert grid.grid.affine_source == "sform"
    assert grid.grid.same_as(las_grid())


@pytest.mark.parametrize(("share_of_a_voxel", "is_said"), [(0.05, False), (0.2, True)])
def test_forms_disagree_from_a_tenth_of_a_voxel_on(
    tmp_path: Path, share_of_a_voxel: float, is_said: bool
) -> None:
    shifted = las_grid().affine @ affine_of(np.eye(3), (0, 0, share_of_a_voxel))
    assert bool(read_nifti(_with_forms(tmp_path / "a.nii", las_grid().affine, shifted)).notes) == is_said


@pytest.mark.parametrize("still", [(0, 0, 0), (5, 4, 3), (6, 5, 4)])
def test_forms_that_agree_at_one_corner_only_disagree(tmp_path: Path, still: tuple[int, int, int]) -> None:
    matrix = rotation() @ las_grid().affine[:3, :3]
    turned = affine_of(matrix, tuple(las_grid().to_mm(still) - matrix @ still))
    assert read_nifti(_with_forms(tmp_path / "a.nii", las_grid().affine, turned)).notes


def test_a_qform_that_is_not_finite_disagrees_with_every_sform(tmp_path: Path) -> None:
    read = read_nifti(write_nifti(tmp_path / "a.nii", qform_code=1, qoffset_x=np.nan))
    assert read.notes == ("sform and qform disagree: sform was used",)
    assert read.grid.same_as(las_grid())


def test_the_qform_is_used_where_there_is_no_sform(tmp_path: Path) -> None:
    read = read_nifti(_with_forms(tmp_path / "a.nii", None, oblique_grid().affine))
    assert read.grid.affine_source == "qform"
    np.testing.assert_allclose(read.grid.affine, oblique_grid().affine, atol=1e-5)


def test_a_qform_without_its_sign_is_read_as_the_standard_says(tmp_path: Path) -> None:
    affine = affine_of(rotation() @ np.diag([2.0, 2.5, 5.0]))
    path = _with_forms(tmp_path / "a.nii", None, affine)
    content = bytearray(path.read_bytes())
    content[76:80] = np.float32(0).tobytes()
    path.write_bytes(content)
    np.testing.assert_allclose(read_nifti(path).grid.affine, affine, atol=1e-5)


def test_without_a_form_the_orientation_is_unknown(tmp_path: Path) -> None:
    read = read_nifti(_with_forms(tmp_path / "a.nii", None, None))
    assert not read.grid.orientation_known
    assert [note.split(":")[0] for note in read.notes] == ["orientation unknown"]


@pytest.mark.parametrize(
    "fields",
    [
        {"srow_x": 0, "srow_y": 0, "srow_z": 0},
        {"srow_x": [1, 0, 0, np.nan]},
        {"srow_y": np.inf},
        {"srow_z": [2, 0, 0, 0], "srow_x": [2, 0, 0, 0]},
        {"sform_code": 0, "pixdim": 0},
        {"sform_code": 0, "pixdim": np.nan},
        {"sform_code": 0, "qform_code": 1, "quatern_b": 3.0},
        {"sform_code": 0, "qform_code": 1, "quatern_b": np.nan},
        {"sform_code": 0, "qform_code": 1, "pixdim": -2.0},
        {"sform_code": 0, "qform_code": 1, "pixdim": 0.0},
    ],
    ids=lambda fields: " ".join(fields),
)
def test_a_geometry_without_voxels_is_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    path = write_nifti(tmp_path / "a.nii", **fields)
    with pytest.raises(BadInputError) as caught:
        read_nifti(path)
    assert caught.value.file == path
    size = fields.get("pixdim", 2.0)
    has_sizes = size == size and size != 0
    assert caught.value.offers == (("voxel-sizes",) if has_sizes else ())
    if has_sizes:
        read = read_nifti(path, allow=caught.value.offers)
        assert not read.grid.orientation_known
        assert read.grid.spacing_mm[0] == 2
        assert any(note.startswith("orientation unknown: the voxel sizes were used") for note in read.notes)
    else:
        with pytest.raises(BadInputError):
            read_nifti(path, allow=ALLOWANCES)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"<html><body>404</body></html>", r"found a web page \(HTML\)"),
        (b"\x1f", "begins with"),
        (b"\x5c\x01\x00\x00", "header is cut short; expected 348, found 4"),
        (b"\x5c\x01\x00\x00" + bytes(400), "magic"),
        (gzip.compress(b"", mtime=0), "an empty file"),
        (gzip.compress(b"<html>", mtime=0), r"found a web page \(HTML\)"),
        (b"PK\x03\x04" + bytes(300), "found a zip archive"),
        (bytes(128) + b"DICM" + bytes(300), "found a DICOM file: open the folder"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer instead of the file"),
        (bytes(500), "nothing but zeros"),
        (b"\x1f\x8b\x08 not gzip", "damaged|ends too early"),
        (b"\x1f\x8b\x07" + bytes(20), "damaged"),
    ],
)
def test_what_is_not_nifti_is_said(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(content)
    for read in (read_nifti, read_nifti_header):
        with pytest.raises(BadInputError, match=found) as caught:
            read(path)
        assert caught.value.file == path


def test_missing_files_folders_and_dangling_links_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "link.nii").symlink_to(tmp_path / "gone.nii")
    for name in ("absent.nii", "folder.nii", "link.nii", "x" * 300 + ".nii"):
        with pytest.raises(BadInputError, match="cannot be read; found") as caught:
            read_nifti(tmp_path / name)
        assert caught.value.file == tmp_path / name


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that the system refuses to read")
def test_a_disk_that_fails_while_reading_is_said() -> None:
    with pytest.raises(BadInputError, match="cannot be read; found Input/output error"):
        read_nifti(Path("/proc/self/mem"))


@pytest.mark.parametrize("shape", [(6, 5), (6,), (6, 5, 4, 3, 2), (6, 5, 1, 2, 3)])
def test_images_of_too_few_or_too_many_axes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_nifti(tmp_path / "a.nii", np.zeros(shape, np.float32), np.eye(4))
    with pytest.raises(BadInputError, match="an image needs three axes") as caught:
        read_nifti(path)
    assert caught.value.found == shape


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    "dim",
    [(3, -6, 5, 4), (3, 6, 0, 4), (9, 6, 5, 4), (0, 6, 5, 4), (-3, 6, 5, 4)],
    ids=["negative", "zero", "nine axes", "no axes", "minus three axes"],
)
def test_impossible_sizes_are_named(tmp_path: Path, dim: tuple[int, ...], big_endian: bool) -> None:
    path = write_nifti(tmp_path / "a.nii", dim=[*dim, 1, 1, 1, 1], big_endian=big_endian)
    with pytest.raises(BadInputError, match=f"impossible size.* found {dim[0]} dimensions"):
        read_nifti(path)


def test_colours_are_refused(tmp_path: Path) -> None:
    colours = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    path = write_nifti(tmp_path / "a.nii", np.zeros((6, 5, 4), colours))
    with pytest.raises(BadInputError, match="found colours") as caught:
        read_nifti(path, allow=ALLOWANCES)
    assert caught.value.offers == ()


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_of_complex_numbers_the_magnitude_is_offered(tmp_path: Path, dtype: type) -> None:
    stored = (np.arange(120) * (3 + 4j)).reshape(6, 5, 4).astype(dtype)
    path = write_nifti(tmp_path / "a.nii", stored, scl_slope=2)
    with pytest.raises(BadInputError, match="found complex numbers") as caught:
        read_nifti(path)
    assert caught.value.offers == ("magnitude",)
    read = read_nifti(path, allow=caught.value.offers)
    np.testing.assert_allclose(read.data.ravel(), 10 * np.arange(120))
    assert read.notes == ("the magnitude of complex numbers was taken",)


@pytest.mark.parametrize("offset", [0, 4, 347, -352, np.nan, np.inf])
def test_voxels_that_begin_inside_the_header_are_refused(tmp_path: Path, offset: float) -> None:
    path = write_nifti(tmp_path / "a.nii", vox_offset=offset)
    with pytest.raises(BadInputError, match="does not say where the voxels begin"):
        read_nifti(path)


def test_the_header_half_of_a_pair_is_refused_with_the_way_out(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(NOISE, np.eye(4)), tmp_path / "a.hdr")
    with pytest.raises(BadInputError, match=r"both \.hdr and \.img are needed"):
        read_nifti(tmp_path / "a.hdr")


@pytest.mark.parametrize("kept", [0.9999, 0.5, 353 / (352 + NOISE.nbytes)])
def test_a_file_cut_short_is_refused_with_both_sizes(tmp_path: Path, kept: float) -> None:
    path = write_nifti(tmp_path / "a.nii", NOISE)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInputError) as caught:
        read_nifti(path)
    assert f"{len(content)} bytes" in str(caught.value)
    assert f"found {path.stat().st_size} bytes" in str(caught.value)


def test_a_file_that_could_not_be_held_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", NOISE, dim=[3, 30000, 30000, 1000, 1, 1, 1, 1])
    needed = 30000 * 30000 * 1000 * 4
    try:
        with path.open("r+b") as file:
            file.truncate(352 + needed)
    except OSError:
        pytest.skip("needs a file system with sparse files of this size")
    with pytest.raises(BadInputError, match="too large for the memory of this computer"):
        read_nifti(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 347), st.integers(0, 255)), min_size=1, max_size=6),
    big_endian=st.booleans(),
    with_qform=st.booleans(),
)
def test_no_header_gives_anything_but_an_image_or_a_message(
    tmp_path: Path, changes: list[tuple[int, int]], big_endian: bool, with_qform: bool
) -> None:
    codes = {"sform_code": 0, "qform_code": 1} if with_qform else {}
    path = write_nifti(tmp_path / "a.nii", NOISE[:6, :5, :4], big_endian=big_endian, **codes)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[place] = value
    path.write_bytes(content)
    try:
        read = read_nifti(path)
    except BadInputError:
        return
    assert read.data.dtype == np.float32
    assert read.data.shape[:3] == read.grid.shape
    assert isinstance(read.grid, Grid)
    assert np.isfinite(read.grid.spacing_mm).all()


def test_values_that_are_no_signal_are_counted(tmp_path: Path) -> None:
    array = random_volume().data.copy()
    array[0, 0, 0], array[1, 1, 1], array[2, 2, 2] = np.nan, -np.inf, -3
    read = read_nifti(write_nifti(tmp_path / "a.nii", array))
    assert (read.n_not_finite, read.n_negative) == (2, 2)
    shifted = read_nifti(write_nifti(tmp_path / "b.nii", np.zeros((6, 5, 4), np.uint8), scl_inter=-1))
    assert (shifted.n_not_finite, shifted.n_negative) == (0, 120)
