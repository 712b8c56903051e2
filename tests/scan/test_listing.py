from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import list_series, open_image, open_series, save
from napari_dwi.scan.reading import split_series

from ..synthetic import make_series
from .builder import random_series, write_nifti, write_series


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


def test_a_number_sign_in_the_name_of_a_file_that_exists_is_part_of_the_name(tmp_path: Path) -> None:
    (tmp_path / "scan#5").mkdir()
    assert split_series(tmp_path / "scan#5") == (tmp_path / "scan#5", None)
    assert split_series(tmp_path / "scan#6") == (tmp_path / "scan", "6")
    assert split_series(tmp_path / "a#b.nii") == (tmp_path / "a#b.nii", None)
    assert split_series(tmp_path / "scan#8+9b") == (tmp_path / "scan", "8+9b")
    assert split_series(tmp_path / "scans.zip#8") == (tmp_path / "scans.zip", "8")
    assert split_series(tmp_path / "scan#8+") == (tmp_path / "scan#8+", None)


def test_links_folders_and_empty_files_called_nii_are_named_and_hide_nothing(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii.gz")
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "gone.nii").symlink_to(tmp_path / "nowhere.nii")
    (tmp_path / "empty.nii").touch()
    (tmp_path / "page.nii.gz").write_text("<!DOCTYPE html><html>404</html>")
    found = {info.path.name: info for info in list_series(tmp_path)}
    assert set(found) == {"dwi.nii.gz", "gone.nii", "empty.nii", "page.nii.gz"}
    assert found["dwi.nii.gz"].role == "DWI"
    assert "No such file" in found["gone.nii"].warnings[0]
    assert "an empty file" in found["empty.nii"].warnings[0]
    assert "web page" in found["page.nii.gz"].warnings[0]
    assert open_series(tmp_path).name == "dwi"
    with pytest.raises(BadInputError):
        open_image(tmp_path / "folder.nii")


def test_what_is_asked_when_opened_does_not_keep_an_image_out_of_the_table(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    write_nifti(path, random_series().signal, srow_x=0, srow_y=0, srow_z=0)
    (info,) = list_series(tmp_path)
    assert (info.role, info.b_values, info.orientation) == ("DWI", (0, 100, 800), "unknown")
    with pytest.raises(BadInputError) as caught:
        open_series(path)
    assert caught.value.offers == ("voxel-sizes",)
    assert not open_series(path, allow=caught.value.offers).grid.orientation_known


def test_images_in_folders_below_are_found(tmp_path: Path) -> None:
    (tmp_path / "sub-1" / "dwi").mkdir(parents=True)
    (tmp_path / "sub-1" / "anat").mkdir()
    (tmp_path / ".hidden").mkdir()
    series = write_series(tmp_path / "sub-1" / "dwi" / "sub-1_dwi.nii.gz", None)
    series.with_name("sub-1_dwi.bval").write_text("0 100 800")
    t2 = write_nifti(tmp_path / "sub-1" / "anat" / "sub-1_T2w.nii")
    write_nifti(tmp_path / ".hidden" / "trash.nii")
    assert {info.path for info in list_series(tmp_path)} == {series, t2}
    assert open_series(tmp_path).name == "sub-1_dwi"


def test_the_sidecar_describes_the_image_and_tells_maps_from_anatomy(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii")
    (tmp_path / "a.json").write_text('{"SeriesDescription": "t2_tse", "ImageType": ["ORIGINAL", "PRIMARY"]}')
    write_nifti(tmp_path / "b.nii")
    (tmp_path / "b.json").write_text('{"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}')
    write_nifti(tmp_path / "c.nii")
    (tmp_path / "c.json").write_text("not JSON")
    a, b, c = list_series(tmp_path)
    assert (a.description, a.role, a.warnings) == ("t2_tse", "anatomy", ())
    assert (b.description, b.role) == ("b", "scanner map")
    assert (c.role, c.warnings) == ("anatomy", ("c.json: this is not a JSON file",))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("scan_desc-liver_dseg", "regions"),
        ("cord_seg_dilated", "regions"),
        ("brain mask", "regions"),
        ("T2-ROI", "regions"),
        ("maskelyne", "anatomy"),
        ("scan_model-adc_param-ADC_dwimap", "map"),
        ("patient_adc", "map"),
        ("t2_tse_tra", "anatomy"),
    ],
)
def test_the_name_of_a_volume_says_what_it_is(tmp_path: Path, name: str, role: str) -> None:
    save(make_series((6, 5, 3), (0, 800)).anatomy, tmp_path / f"{name}.nii.gz")
    assert [info.role for info in list_series(tmp_path)] == [role]
