from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import BValues
from napari_dwi.scan.gradient_files import gradients_of

BVEC = "0 1 0\n0 0 1\n0 0 0\n"
DIRECTIONS = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "sub-1_dwi.nii.gz"


def found(image: Path, n_volumes: int = 3) -> tuple[list[float] | None, tuple[str, ...]]:
    b_values, notes = gradients_of(image, "sub-1_dwi", n_volumes)
    return None if b_values is None else b_values.values.tolist(), notes


def test_the_file_that_fsl_and_bids_write_needs_no_word(image: Path) -> None:
    image.with_name("sub-1_dwi.bval").write_text("0 100 800 800")
    image.with_name("sub-1_dwi.bvec").write_text("0 1 0 0\n0 0 1 0\n0 0 0 1\n")
    b_values, notes = gradients_of(image, "sub-1_dwi", 4)
    assert b_values is not None
    assert b_values.values.tolist() == [0, 100, 800, 800]
    assert b_values.directions is not None
    assert b_values.directions.tolist() == [*DIRECTIONS, [0, 0, 1]]
    assert notes == ()


@pytest.mark.parametrize(
    ("bval", "bvec"),
    [
        ("sub-1_dwi.bvals", "sub-1_dwi.bvecs"),
        ("sub-1_dwi_bvals.txt", "sub-1_dwi_bvecs.txt"),
        ("sub-1_dwi.bval.txt", "sub-1_dwi.bvec.txt"),
        ("bvals", "bvecs"),
        ("bvals.txt", "bvecs.txt"),
        ("BVAL.TXT", "bvec.TXT"),
        ("bval_sub-1.txt", "bvec_sub-1.txt"),
    ],
)
def test_names_that_people_give_are_recognised_and_said(image: Path, bval: str, bvec: str) -> None:
    image.with_name(bval).write_text("0 100 800")
    image.with_name(bvec).write_text(BVEC)
    b_values, notes = gradients_of(image, "sub-1_dwi", 3)
    assert b_values is not None
    assert b_values.directions is not None
    assert b_values.directions.tolist() == DIRECTIONS
    assert bval in notes[0]


def test_a_file_for_the_folder_must_have_one_value_per_volume(image: Path) -> None:
    image.with_name("bvals").write_text("0 100 800 1000")
    assert found(image) == (None, ())
    image.with_name("bvals.txt").write_text("0 100 800")
    assert found(image)[0] == [0, 100, 800]


@pytest.mark.parametrize("other", ["bval_rl.txt", "sub-2_dwi.bval", "notes.txt", "my_bvals_of_sub-1.txt"])
def test_files_of_other_images_are_left_alone(image: Path, other: str) -> None:
    image.with_name(other).write_text("0 100 800")
    assert found(image) == (None, ())


def test_of_several_that_fit_none_is_taken(image: Path) -> None:
    image.with_name("bvals").write_text("0 100 800")
    image.with_name("bval.txt").write_text("0 100 1000")
    assert found(image) == (None, ("several files could hold its b-values: bval.txt, bvals",))


def test_a_single_volume_does_not_become_a_series_by_its_neighbours(image: Path) -> None:
    image.with_name("bvals").write_text("800")
    assert found(image, 1) == (None, ())


def test_a_file_named_after_the_image_is_not_passed_over_when_it_is_wrong(image: Path) -> None:
    image.with_name("sub-1_dwi.bval").write_text("0 100")
    image.with_name("bvals").write_text("0 100 800")
    with pytest.raises(BadInputError, match="expected 3 b-values, found 2"):
        found(image)


def test_the_unit_of_a_file_for_the_folder_is_asked_too(image: Path) -> None:
    image.with_name("bvals").write_text("0 0.1 0.8")
    with pytest.raises(BadInputError, match="unit") as caught:
        found(image)
    assert caught.value.offers == ("b-in-s/mm2", "b-in-ms/um2")
    b_values, notes = gradients_of(image, "sub-1_dwi", 3, allow=("b-in-ms/um2",))
    assert b_values is not None
    np.testing.assert_allclose(b_values.values, [0, 100, 800])
    assert "times 1000" in notes[-1]


def test_what_the_user_chose_goes_first_and_what_the_image_holds_second(image: Path, tmp_path: Path) -> None:
    image.with_name("sub-1_dwi.bval").write_text("0 100 800")
    own = BValues(np.array([0, 1, 2]), origin="header")
    assert gradients_of(image, "sub-1_dwi", 3, own=own) == (own, ())
    chosen = tmp_path / "elsewhere.txt"
    chosen.write_text("0 50 900")
    chosen.with_suffix(".bvec").write_text(BVEC)
    b_values, _ = gradients_of(image, "sub-1_dwi", 3, chosen, own)
    assert b_values is not None
    assert b_values.values.tolist() == [0, 50, 900]
    assert b_values.directions is not None
    assert gradients_of(image, "sub-1_dwi", 3, own, None) == (own, ())


def test_bad_directions_do_not_keep_b_values_from_being_used(image: Path) -> None:
    image.with_name("sub-1_dwi.bval").write_text("0 100 800")
    image.with_name("sub-1_dwi.bvec").write_text("nonsense")
    b_values, notes = gradients_of(image, "sub-1_dwi", 3)
    assert b_values is not None
    assert b_values.directions is None
    assert "directions left out" in notes[0]
