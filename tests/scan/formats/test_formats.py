"""Every format gives back what its own library wrote, under the same checks."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan import DwiSeries, list_series, open_image, open_series, open_volume
from napari_dwi.scan.formats import all_formats, format_of

from ..builder import oblique_grid
from .builder import STORED, write_par_rec, write_paravision

AFFINE = oblique_grid().affine


def _nifti(folder: Path) -> Path:
    nib.save(nib.Nifti1Image(STORED, AFFINE), folder / "scan.nii.gz")
    return folder / "scan.nii.gz"


def _pair(folder: Path) -> Path:
    nib.save(nib.Nifti1Pair(STORED, AFFINE), folder / "scan.hdr")
    return folder / "scan.hdr"


def _nifti2_pair(folder: Path) -> Path:
    nib.save(nib.Nifti2Pair(STORED, AFFINE), folder / "scan.hdr")
    return folder / "scan.hdr"


def _mgh(folder: Path) -> Path:
    nib.save(nib.MGHImage(STORED, AFFINE), folder / "scan.mgh")
    return folder / "scan.mgh"


def _mgz(folder: Path) -> Path:
    nib.save(nib.MGHImage(STORED, AFFINE), folder / "scan.mgz")
    return folder / "scan.mgz"


def _itk(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        sitk = pytest.importorskip("SimpleITK")
        # A vector at every voxel, as ITK holds the volumes of a series.
        image = sitk.GetImageFromArray(STORED.transpose(2, 1, 0, 3), isVector=True)
        spacing = np.linalg.norm(AFFINE[:3, :3], axis=0)
        lps = np.diag([-1, -1, 1])
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps @ AFFINE[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin((lps @ AFFINE[:3, 3]).tolist())
        sitk.WriteImage(image, str(folder / f"scan{suffix}"), useCompression=suffix == ".nrrd")
        return folder / f"scan{suffix}"

    return write


WRITERS: dict[str, Callable[[Path], Path]] = {
    "NIfTI": _nifti,
    "NIfTI pair": _pair,
    "NIfTI-2 pair": _nifti2_pair,
    "MGH": _mgh,
    "MGZ": _mgz,
    "NRRD": _itk(".nrrd"),
    "MHA": _itk(".mha"),
}
EVERY_FORMAT = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


@EVERY_FORMAT
def test_what_the_library_of_a_format_writes_is_read(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")
    series = open_series(path)
    np.testing.assert_array_equal(series.signal, STORED)
    np.testing.assert_allclose(series.grid.affine, AFFINE, atol=1e-4)
    assert series.grid.orientation_known
    assert series.name == "scan"
    assert series.b_values.distinct == (0, 200, 800)
    assert series.source is not None
    assert series.source.size_bytes > 0


@EVERY_FORMAT
def test_listing_agrees_with_opening_and_asks_for_no_voxels(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")
    series = open_series(path)
    (info,) = list_series(tmp_path)
    assert (info.path, info.role, info.shape) == (path, "DWI", series.signal.shape)
    assert info.b_values == (0, 200, 800)
    assert info.orientation == series.grid.orientation
    np.testing.assert_allclose(info.spacing_mm, series.grid.spacing_mm)
    assert info.grid is not None
    assert info.grid.same_as(series.grid)


@EVERY_FORMAT
def test_missing_b_values_keep_the_volumes(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    with pytest.raises(BadInputError, match="b-values of this series are not known") as caught:
        open_image(write(tmp_path))
    series = caught.value.series.with_b_values([0, 10, 20])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(series.signal, STORED)


@EVERY_FORMAT
@pytest.mark.parametrize("kept", [0.97, 0.5])
def test_a_file_cut_short_is_refused_by_name(
    tmp_path: Path, write: Callable[[Path], Path], kept: float
) -> None:
    path = write(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")
    cut = path.with_suffix(".img") if path.suffix == ".hdr" else path
    content = cut.read_bytes()
    cut.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInputError, match=re.escape(str(cut))):
        open_image(path)


@EVERY_FORMAT
def test_reading_can_be_stopped(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        open_image(path, check=stop)


@pytest.mark.parametrize("write", [_pair, _nifti2_pair], ids=["NIfTI", "NIfTI-2"])
def test_a_pair_is_opened_by_either_half_and_needs_both(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    header = write(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")
    np.testing.assert_array_equal(open_series(tmp_path / "scan.img").signal, STORED)
    (tmp_path / "scan.img").rename(tmp_path / "other.img")
    with pytest.raises(BadInputError, match=r"voxels is missing; expected scan\.img beside it"):
        open_image(header)


def test_analyze_has_no_orientation_and_says_so(tmp_path: Path) -> None:
    image = nib.Spm99AnalyzeImage(STORED[..., 0], np.diag([2.0, 2.5, 5.0, 1.0]))
    nib.save(image, tmp_path / "t2.img")
    (tmp_path / "t2.mat").unlink()
    volume = open_volume(tmp_path / "t2.hdr")
    np.testing.assert_array_equal(volume.data, STORED[..., 0])
    np.testing.assert_allclose(volume.grid.spacing_mm, (2, 2.5, 5))
    assert not volume.grid.orientation_known
    assert volume.notes == ("orientation unknown: Analyze files do not say how the patient was lying",)


def test_an_mgh_file_without_axes_has_no_orientation(tmp_path: Path) -> None:
    path = _mgh(tmp_path)
    content = bytearray(path.read_bytes())
    content[28:30] = b"\0\0"
    path.write_bytes(content)
    (tmp_path / "scan.bval").write_text("0 200 800")
    series = open_series(path)
    assert not series.grid.orientation_known
    assert series.grid.spacing_mm == (1, 1, 1)
    assert series.notes == ("orientation unknown and voxels of 1 mm assumed: the file does not say",)


def _nrrd(folder: Path, *, space: str = "left-posterior-superior", frame: str = "") -> Path:
    """Volumes as the slowest axis, with the gradient keys that NA-MIC defined."""
    lines = [
        "NRRD0005",
        "type: short",
        "dimension: 4",
        f"space: {space}",
        "sizes: 6 5 4 3",
        "space directions: (2,0,0) (0,2.5,0) (0,0,5) none",
        "kinds: domain domain domain list",
        "endian: little",
        "encoding: gzip",
        "space origin: (1,2,3)",
        *([f"measurement frame: {frame}"] if frame else []),
        "modality:=DWMRI",
        "DWMRI_b-value:=800",
        "DWMRI_gradient_0000:=0 0 0",
        "DWMRI_gradient_0001:=0.5 0 0",
        "DWMRI_gradient_0002:=0 1 0",
    ]
    path = folder / "scan.nrrd"
    path.write_bytes("\n".join([*lines, "", ""]).encode() + gzip.compress(STORED.tobytes(order="F")))
    return path


def test_gradients_of_a_nrrd_header_become_b_values_and_directions(tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK")
    series = open_series(_nrrd(tmp_path))
    np.testing.assert_array_equal(series.signal, STORED)
    # b goes with the square of the gradient.
    np.testing.assert_allclose(series.b_values.values, [0, 200, 800])
    np.testing.assert_allclose(series.grid.affine, np.diag([-2, -2.5, 5, 1]) + _column(-1, -2, 3))
    # x is turned because the determinant of this affine is positive.
    np.testing.assert_allclose(series.b_values.directions, [[0, 0, 0], [-1, 0, 0], [0, 1, 0]], atol=1e-9)


def test_gradients_are_turned_by_the_measurement_frame(tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK")
    series = open_series(_nrrd(tmp_path, frame="(0,1,0) (0,0,1) (1,0,0)"))
    np.testing.assert_allclose(series.b_values.directions, [[0, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-9)


def _column(*millimetres: float) -> np.ndarray:
    column = np.zeros((4, 4))
    column[:3, 3] = millimetres
    return column


def test_a_nrrd_that_promises_more_than_it_can_hold_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK")
    path = _nrrd(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"sizes: 6 5 4 3", b"sizes: 600 500 40 3"))
    with pytest.raises(BadInputError, match="shorter than its header says"):
        open_series(path)


def test_a_nrrd_larger_than_what_may_follow_other_images_is_read(tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    sitk.WriteImage(sitk.Image([420, 420, 420], sitk.sitkUInt8), str(tmp_path / "large.mha"))
    assert open_volume(tmp_path / "large.mha").data.shape == (420, 420, 420)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_damaged_nrrd_and_mha_are_refused_in_the_words_of_their_library(tmp_path: Path, suffix: str) -> None:
    path = _itk(suffix)(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"short", b"shirt").replace(b"MET_SHORT", b"MET_SHIRT"))
    with pytest.raises(BadInputError):
        open_image(path)


def test_a_format_without_its_extra_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _itk(".nrrd")(tmp_path)
    # What an installation without it meets at the import.
    monkeypatch.setitem(__import__("sys").modules, "SimpleITK", None)
    with pytest.raises(BadInputError, match=r"needs the extra 'formats'.*pip install") as caught:
        open_image(path)
    assert caught.value.file == path


def test_paravision_without_its_extra_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_paravision(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "brukerapi.jcampdx", None)
    with pytest.raises(BadInputError, match=r"needs the extra 'formats'"):
        open_image(folder)


def test_every_format_is_told_from_what_it_holds(tmp_path: Path) -> None:
    write_par_rec(tmp_path)
    assert format_of(_nifti(tmp_path)).name == "NIfTI"
    assert format_of(_mgz(tmp_path)).name == "MGH"
    assert format_of(tmp_path / "scan.PAR").name == "Philips PAR/REC"
    assert format_of(tmp_path / "scan.REC").name == "Philips PAR/REC"
    assert format_of(_pair(tmp_path)).name == "NIfTI pair or Analyze"
    assert len({one.name for one in all_formats()}) == len(all_formats())


def test_a_series_is_saved_as_nifti_with_the_geometry_it_came_with(tmp_path: Path) -> None:
    from napari_dwi.scan import save

    path = _mgz(tmp_path)
    (tmp_path / "scan.bval").write_text("0 200 800")
    series = open_series(path)
    save(series, tmp_path / "out" / "scan.nii.gz", never_over=[path])
    again = open_image(tmp_path / "out" / "scan.nii.gz")
    assert isinstance(again, DwiSeries)
    np.testing.assert_array_equal(again.signal, series.signal)
    assert again.grid.same_as(series.grid)
