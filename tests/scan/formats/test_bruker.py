from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import list_series, open_image, open_series, open_volume

from .builder import B_VALUES, STORED, write_paravision

pytest.importorskip("brukerapi")


@pytest.mark.parametrize("slice_first", [True, False])
def test_a_reconstruction_is_read_with_its_b_values_and_scaling(tmp_path: Path, slice_first: bool) -> None:
    folder = write_paravision(tmp_path / "mouse", slice_first=slice_first)
    for path in (folder, folder / "2dseq", tmp_path / "mouse", tmp_path / "mouse" / "5"):
        series = open_series(path)
        np.testing.assert_array_equal(series.signal, 2.0 * STORED + 1)
        assert tuple(series.b_values.values) == B_VALUES
        assert series.b_values.origin == "PVM_DwEffBval of ParaVision"
        assert series.name == "5-1"


def test_the_corner_of_the_field_of_view_places_the_first_voxel(tmp_path: Path) -> None:
    grid = open_series(write_paravision(tmp_path)).grid
    assert grid.orientation == "LPS"
    np.testing.assert_allclose(grid.spacing_mm, (2.5, 2, 3))
    # The corner at (-10, 4, 7) mm in LPS, half a voxel further in the plane of the slice.
    np.testing.assert_allclose(grid.to_mm((0, 0, 0)), (10 - 1.25, -4 - 1, 7))


def test_a_study_is_listed_with_the_name_of_the_protocol(tmp_path: Path) -> None:
    folder = write_paravision(tmp_path / "mouse")
    (info,) = list_series(tmp_path / "mouse")
    assert (info.path, info.description, info.role) == (folder, "DtiEpi", "DWI")
    assert (info.shape, info.b_values) == (STORED.shape, B_VALUES)


def test_repetitions_have_all_b_values(tmp_path: Path) -> None:
    twice = np.concatenate([STORED, STORED + 1], axis=3)
    groups = "( 3 )\n(4, <FG_SLICE>, <>, 0, 2) (3, <FG_DIFFUSION>, <>, 2, 1) (2, <FG_CYCLE>, <>, 3, 0)"
    series = open_series(write_paravision(tmp_path, twice, VisuFGOrderDesc=groups))
    np.testing.assert_array_equal(series.b_values.values, [*B_VALUES, *B_VALUES])
    np.testing.assert_array_equal(series.signal, 2.0 * twice + 1)


def test_b_values_that_do_not_fit_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="b-values of this series are not known") as caught:
        open_image(write_paravision(tmp_path, b_values=(0, 100)))
    notes = caught.value.series.notes  # type: ignore[attr-defined]
    assert "method holds 2 b-values for 3 volumes: not used" in notes


def test_a_single_volume_is_anatomy(tmp_path: Path) -> None:
    groups = "( 1 )\n(4, <FG_SLICE>, <>, 0, 2)"
    folder = write_paravision(tmp_path, STORED[..., :1], b_values=None, VisuFGOrderDesc=groups)
    np.testing.assert_array_equal(open_volume(folder).data, 2.0 * STORED[..., 0] + 1)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"VisuCoreOrientation": "( 4, 9 )\n" + "1 0 0 0 1 0 0 0 1 " * 3 + "0 1 0 1 0 0 0 0 1"},
            "same direction",
        ),
        ({"VisuCorePosition": "( 4, 3 )\n0 0 0 0 0 3 0 0 6 0 0 12"}, "not evenly spaced.*found 3 to 6 mm"),
        ({"VisuCoreWordType": "_64BIT_MADE_UP"}, "unknown kind of number"),
        ({"VisuCoreFrameCount": "11"}, "groups of frames do not fit"),
        ({"VisuCoreDimDesc": "( 2 )\nspectroscopic spatial"}, "not an image"),
        ({"VisuCoreDataSlope": "( 2 )\n1 2"}, "scaling does not fit the frames"),
        ({"VisuCoreExtent": "( 2 )\n0 10"}, "no volume"),
        (
            {"VisuFGOrderDesc": "( 2 )\n(4, <FG_SLICE>, <>, 0, 2) (3, <FG_COMPLEX>, <>, 2, 1)"},
            "plain numbers",
        ),
    ],
)
def test_what_makes_no_image_is_refused_by_name(tmp_path: Path, changes: dict[str, str], what: str) -> None:
    folder = write_paravision(tmp_path, **changes)
    with pytest.raises(BadInputError, match=what) as caught:
        open_image(folder)
    assert caught.value.file == folder / "visu_pars"


def test_voxels_cut_short_are_refused(tmp_path: Path) -> None:
    folder = write_paravision(tmp_path)
    voxels = folder / "2dseq"
    voxels.write_bytes(voxels.read_bytes()[:-2])
    with pytest.raises(BadInputError, match="shorter than its header says"):
        open_image(folder)


@pytest.mark.parametrize("content", [b"", b"<html>", b"##TITLE=x\n##END=\n", b"\x00\xff" * 100])
def test_parameters_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    folder = write_paravision(tmp_path)
    (folder / "visu_pars").write_bytes(content)
    with pytest.raises(BadInputError):
        open_image(folder)
    (info,) = list_series(tmp_path)
    assert info.role == "unusable"
