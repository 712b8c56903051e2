from __future__ import annotations

import gc
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import list_series, open_image, open_series

from .builder import B_VALUES, PAR_SCALES, PAR_SPACING_MM, STORED, write_par_rec

NIBABEL_FILES = Path(nib.__file__).parent / "tests" / "data"


@pytest.mark.parametrize("opened", ["scan.PAR", "scan.REC"])
def test_b_values_scaling_and_slice_order_come_from_the_par(tmp_path: Path, opened: str) -> None:
    write_par_rec(tmp_path)
    series = open_series(tmp_path / opened)
    for volume, (rescale, intercept, scale) in enumerate(PAR_SCALES):
        expected = STORED[..., volume] / scale + intercept / (rescale * scale)
        np.testing.assert_allclose(series.signal[..., volume], expected, rtol=1e-6)
    assert tuple(series.b_values.values) == B_VALUES
    assert series.b_values.origin == "PAR file"
    np.testing.assert_allclose(series.grid.spacing_mm, PAR_SPACING_MM)
    assert series.grid.orientation == "LPS"
    # (ap, fh, rl) = (1, 0, 0) is posterior, the second axis; (0, 0, 1) is left, the first, turned by FSL.
    np.testing.assert_allclose(series.b_values.directions, [[0, 0, 0], [0, 1, 0], [-1, 0, 0]], atol=1e-9)


def nibabel_reads(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Floating-point values and affine; nibabel leaves its file for the garbage collector to close."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        image = nib.load(path, scaling="fp", strict_sort=True)
        values, affine = image.get_fdata(), image.affine
        del image
        gc.collect()
    return values, affine


def test_values_and_affine_are_those_of_nibabel(tmp_path: Path) -> None:
    path = write_par_rec(tmp_path)
    values, affine = nibabel_reads(path)
    np.testing.assert_allclose(open_series(path).grid.affine, affine)
    np.testing.assert_allclose(open_series(path).signal, values, rtol=1e-6)


def test_a_recording_that_lost_slices_is_refused(tmp_path: Path) -> None:
    path = write_par_rec(tmp_path)
    lines = path.read_text().splitlines(keepends=True)
    last = max(n for n, line in enumerate(lines) if line[:1].isdigit())
    path.write_text("".join(lines[:last] + lines[last + 1 :]))
    with pytest.raises(BadInputError):
        open_image(path)


def test_a_rec_cut_short_is_refused_with_both_sizes(tmp_path: Path) -> None:
    path = write_par_rec(tmp_path)
    rec = tmp_path / "scan.REC"
    rec.write_bytes(rec.read_bytes()[:-10])
    with pytest.raises(BadInputError, match=f"expected {STORED.nbytes} bytes.*found {STORED.nbytes - 10}"):
        open_image(path)


def test_a_par_without_its_rec_is_refused(tmp_path: Path) -> None:
    path = write_par_rec(tmp_path)
    (tmp_path / "scan.REC").unlink()
    with pytest.raises(BadInputError, match=r"voxels is missing; expected scan\.rec beside it"):
        open_image(path)


def test_phase_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="does not hold magnitude images alone"):
        open_image(write_par_rec(tmp_path, image_type=3))


def test_other_files_called_par_are_left_out_of_a_folder(tmp_path: Path) -> None:
    write_par_rec(tmp_path)
    (tmp_path / "uxnmr.par").write_text("##TITLE= Parameter file\n")
    assert [info.path.name for info in list_series(tmp_path)] == ["scan.PAR"]


@pytest.mark.skipif(not (NIBABEL_FILES / "DTI.PAR").is_file(), reason="nibabel came without its test files")
@pytest.mark.parametrize("name", ["phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_varscale.PAR"])
def test_real_recordings_agree_with_nibabel(name: str) -> None:
    with pytest.raises(BadInputError) as caught:
        open_image(NIBABEL_FILES / name)
    series = caught.value.series  # type: ignore[attr-defined]
    values, affine = nibabel_reads(NIBABEL_FILES / name)
    np.testing.assert_allclose(series.signal, values, rtol=1e-5)
    np.testing.assert_allclose(series.grid.affine, affine)


@pytest.mark.skipif(not (NIBABEL_FILES / "DTI.PAR").is_file(), reason="nibabel came without its test files")
def test_a_real_diffusion_header_tells_its_b_values() -> None:
    (info,) = list_series(NIBABEL_FILES / "DTI.PAR")
    assert (info.shape, info.b_values) == ((80, 80, 10, 8), (0, *[1000] * 7))
