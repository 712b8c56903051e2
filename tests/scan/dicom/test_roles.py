from __future__ import annotations

import pytest

from napari_dwi.scan.dicom.roles import role_of


@pytest.mark.parametrize(
    ("description", "image_type", "b_values", "role"),
    [
        ("ep2d_diff_tra", "DERIVED\\PRIMARY\\DIFFUSION\\TRACEW", [0.0, 800.0], "DWI"),
        ("resolve", "ORIGINAL\\PRIMARY\\M", [0.0, 800.0], "DWI"),
        ("DWI_rat", "ORIGINAL\\PRIMARY", [None, None], "DWI"),
        ("ep2d_diff_tra_ADC", "DERIVED\\PRIMARY\\DIFFUSION\\ADC\\ND", [800.0], "scanner map"),
        ("maps", "DERIVED\\PRIMARY\\DIFFUSION\\FA", [800.0], "scanner map"),
        ("maps", "DERIVED\\PRIMARY\\EADC", [None], "scanner map"),
        ("tensor", "DERIVED\\PRIMARY\\DIFFUSION\\TENSOR", [0.0, 800.0], "scanner map"),
        ("ep2d_diff_tra_CALC_BVAL", "DERIVED\\PRIMARY\\DIFFUSION", [1400.0], "computed b"),
        ("AAHead_Scout", "ORIGINAL\\PRIMARY\\M", [None], "localiser"),
        ("three planes", "ORIGINAL\\PRIMARY\\LOCALIZER", [None], "localiser"),
        ("t2_tse_tra", "ORIGINAL\\PRIMARY\\M\\ND", [None], "anatomy"),
        ("t2_fat_sat", "ORIGINAL\\PRIMARY\\M\\ND", [0.0], "anatomy"),
        ("difficult patient", "ORIGINAL\\PRIMARY\\M\\ND", [None], "anatomy"),
    ],
)
def test_roles_by_name_type_and_weighting(
    description: str, image_type: str, b_values: list[float | None], role: str
) -> None:
    assert role_of(description, image_type, b_values, has_geometry=True, n_directions=1) == role


def test_several_slice_directions_make_a_localiser() -> None:
    assert role_of("x", "ORIGINAL", [None], has_geometry=True, n_directions=3) == "localiser"


def test_images_without_a_place_are_unusable() -> None:
    assert role_of("x", "ORIGINAL", [None], has_geometry=False, n_directions=1) == "unusable"
