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


REAL_NAMES = {
    # description, ImageType, b-values: as scanners and archives name them
    "scanner map": [
        ("ep2d_diff_b50_400_800_ADC_DFC_MIX", "DERIVED\\PRIMARY\\DIFFUSION\\ADC\\NORM\\DIS2D\\DFC", [800.0]),
        ("ep2d_diff_tra_DYNDIST_ADC", "DERIVED\\PRIMARY\\OTHER", [800.0]),
        ("resolve_3scan_trace_tra_ADC_NoFilter", "DERIVED\\PRIMARY", [None]),
        ("DWI_dir80_PA_TENSOR_B0", "DERIVED\\PRIMARY\\DIFFUSION\\TENSOR_B0", [0.0]),
        ("DWI_dir80_PA_ColFA", "DERIVED\\PRIMARY\\DIFFUSION\\FA", [0.0]),
        ("ADC (10^-6 mm2/s):Oct 05 2021 10-11-12 CEST", "DERIVED\\SECONDARY\\PROCESSED", [1000.0]),
        ("Apparent Diffusion Coefficient (mm2/s)", "DERIVED\\PRIMARY\\OTHER", [800.0]),
        ("Exponential Apparent Diffusion Coefficient", "DERIVED\\PRIMARY\\OTHER", [800.0]),
        ("Fractional Ansio. (FA)", "DERIVED\\SECONDARY\\OTHER", [1000.0]),
        ("Average DC", "DERIVED\\SECONDARY\\OTHER", [1000.0]),
        ("dADC", "DERIVED\\PRIMARY\\ADC\\ADC\\UNSPECIFIED", [None]),
        ("eADC", "DERIVED\\PRIMARY\\EADC\\EADC\\SE", [None]),
        ("dReg - DWI_ADC", "DERIVED\\SECONDARY\\ADC\\ADC\\SE", [0.0]),
        ("ADC Map", "DERIVED\\SECONDARY", [None]),
        ("dwi_epi_tra_b50_800_ADC", "DERIVED\\PRIMARY\\ADC", [None]),
    ],
    "computed b": [
        ("ep2d_diff_tra_DYNDISTCALC_BVAL", "DERIVED\\PRIMARY\\OTHER", [1600.0]),
        ("ep2d_diff_CALC_BVAL_DFC_MIX", "DERIVED\\PRIMARY\\DIFFUSION\\CALC_BVALUE\\TRACEW\\NORM", [1400.0]),
        ("resolve", "DERIVED\\PRIMARY\\DIFFUSION\\CALC_BVALUE\\TRACEW", [1500.0]),
        ("Synthetic DWI b=1500", "DERIVED\\SECONDARY", [1500.0]),
        ("cDWI b2000", "DERIVED\\SECONDARY", [2000.0]),
        ("computed DWI", "DERIVED\\PRIMARY", [1500.0]),
    ],
    "DWI": [
        ("ep2d_diff_tra_TRACEW_DFC_MIX", "DERIVED\\PRIMARY\\DIFFUSION\\TRACEW\\NORM\\DIS2D", [50.0, 800.0]),
        ("AX DWI ADC b0-1000", "ORIGINAL\\PRIMARY\\OTHER", [0.0, 1000.0]),
        ("Ax DWI FOCUS", "DERIVED\\PRIMARY\\OTHER", [0.0, 800.0]),
        ("DWI_dir80_PA_TRACEW", "DERIVED\\PRIMARY\\DIFFUSION\\TRACEW", [2500.0]),
        ("DWI 3 b's", "ORIGINAL\\PRIMARY\\DIFFUSION", [None]),
        ("sDW_SSh", "DERIVED\\PRIMARY\\DIFFUSION\\ISOTROPIC", [1000.0]),
    ],
    "anatomy": [
        ("t1_fl2d_fatsat", "ORIGINAL\\PRIMARY\\M", [None]),
        ("AX FAST STIR", "ORIGINAL\\PRIMARY\\OTHER", [0.0]),
        ("Syn. T2 FLAIR", "DERIVED\\SECONDARY", [None]),
        ("comp breast T2", "ORIGINAL\\PRIMARY\\OTHER", [None]),
        ("T2W_TSE_calc", "ORIGINAL\\PRIMARY\\M_SE\\M\\SE", [0.0]),
    ],
}


@pytest.mark.parametrize(
    ("role", "description", "image_type", "b_values"),
    [(role, *case) for role, cases in REAL_NAMES.items() for case in cases],
)
def test_names_scanners_give(
    role: str, description: str, image_type: str, b_values: list[float | None]
) -> None:
    assert role_of(description, image_type, b_values, has_geometry=True, n_directions=1) == role
