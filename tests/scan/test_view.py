from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.scan import Grid, View, Volume, open_volume, save

from .builder import ORIENTATIONS, affine_of, las_grid, rotation

SHAPE = (3, 4, 5)
CONVENTIONS = ("radiological", "neurological")

every_orientation = pytest.mark.parametrize("name", ORIENTATIONS)
both_conventions = pytest.mark.parametrize("convention", CONVENTIONS)


def view_of(
    name: str, convention: Any = "radiological", degrees: tuple[float, float, float] = (0, 0, 0)
) -> View:
    matrix = rotation(degrees) @ ORIENTATIONS[name] @ np.diag([1.5, 2.0, 4.0])
    return View(Grid(SHAPE, affine_of(matrix, (30, -20, 10))), convention)


def test_the_orientations_are_all_48() -> None:
    assert len(ORIENTATIONS) == 48


@every_orientation
@both_conventions
@pytest.mark.parametrize("n_volumes", [None, 2])
@pytest.mark.parametrize("dtype", [np.float32, ">i2", np.bool_])
def test_what_was_shown_comes_back_byte_for_byte(
    name: str, convention: str, n_volumes: int | None, dtype: Any
) -> None:
    shape = SHAPE if n_volumes is None else (*SHAPE, n_volumes)
    stored = np.random.default_rng(3).integers(0, 999, shape).astype(dtype)
    view = view_of(name, convention)
    shown = view.to_display(stored)
    back = view.from_display(shown)
    assert shown.shape == (*shape[3:], *view.shape)
    assert np.shares_memory(shown, stored)
    assert np.shares_memory(back, stored)
    assert (back.dtype, back.shape, back.tobytes()) == (stored.dtype, stored.shape, stored.tobytes())


@every_orientation
@both_conventions
def test_the_screen_begins_superior_and_anterior_and_with_the_side_of_its_convention(
    name: str, convention: str
) -> None:
    view = view_of(name, convention, (20, -15, 10))
    z, y, x = (n - 1 for n in view.shape)
    first = view.grid.to_mm(view.voxel((0, 0, 0)))
    assert view.grid.to_mm(view.voxel((z, 0, 0)))[2] < first[2]
    assert view.grid.to_mm(view.voxel((0, y, 0)))[1] < first[1]
    to_the_right_of_the_patient = view.grid.to_mm(view.voxel((0, 0, x)))[0] - first[0]
    assert (to_the_right_of_the_patient < 0) == (convention == "radiological")


@every_orientation
@both_conventions
def test_a_marked_corner_lands_where_the_patient_has_it(name: str, convention: str) -> None:
    view = view_of(name, convention)
    corners = list(itertools.product(*[(0, n - 1) for n in SHAPE]))
    # The corner furthest to the left, to the front and to the head.
    marked = max(corners, key=lambda corner: view.grid.to_mm(corner) @ (-1, 1, 1))
    stored = np.zeros(SHAPE, dtype=np.uint8)
    stored[marked] = 1
    column = view.shape[2] - 1 if convention == "radiological" else 0
    assert np.argwhere(view.to_display(stored)).tolist() == [[0, 0, column]]


@every_orientation
@both_conventions
def test_the_voxel_under_the_pointer_is_the_one_shown(name: str, convention: str) -> None:
    view = view_of(name, convention)
    stored = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    shown = view.to_display(stored)
    for index in np.ndindex(shown.shape):
        assert stored[view.voxel(index)] == shown[index]


@every_orientation
def test_spacing_follows_its_axis(name: str) -> None:
    view = view_of(name)
    steps = [
        np.linalg.norm(view.grid.to_mm(view.voxel(step)) - view.grid.to_mm(view.voxel((0, 0, 0))))
        for step in ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    ]
    np.testing.assert_allclose(view.spacing_mm, steps)


@both_conventions
def test_letters_name_the_ends_of_every_axis(convention: Any) -> None:
    sides = ("R", "L") if convention == "radiological" else ("L", "R")
    assert View(las_grid(), convention).letters == (("S", "I"), ("A", "P"), sides)


def test_letters_are_withheld_where_the_file_does_not_say_how_the_patient_lay() -> None:
    assert View(Grid.from_spacing(SHAPE, (1, 1, 1))).letters == (("?", "?"),) * 3


@every_orientation
def test_what_was_shown_is_saved_in_the_order_it_was_stored_in(name: str, tmp_path: Path) -> None:
    """From one file over the screen to another: the same voxels at the same places, to the last bit."""
    grid = view_of(name, degrees=(20, -15, 10)).grid
    data = np.random.default_rng(5).normal(500, 90, SHAPE).astype(np.float32)
    save(Volume(data, grid), tmp_path / "first.nii")
    first = open_volume(tmp_path / "first.nii")
    for convention in CONVENTIONS:
        view = View(first.grid, convention)  # type: ignore[arg-type]
        again = view.from_display(view.to_display(first.data).copy())
        save(replace(first, data=again, source=None), tmp_path / f"{convention}.nii")
        second = open_volume(tmp_path / f"{convention}.nii")
        assert second.data.tobytes() == data.tobytes()
        assert second.grid.affine.tobytes() == first.grid.affine.tobytes()


@every_orientation
@both_conventions
def test_a_finer_image_lies_over_the_coarse_one(name: str, convention: str) -> None:
    view = view_of(name, convention, (8, -5, 12))
    fine = view.grid.refined((2, 3, 1))
    shown = view.on(fine)
    for stored in [(0, 0, 0), (2, 3, 4), (1, 2, 0)]:
        coarse_mark, fine_mark = np.zeros(SHAPE), np.zeros(fine.shape)
        coarse_mark[stored] = 1
        fine_mark[2 * stored[0], 3 * stored[1], stored[2]] = 1
        (coarse_index,) = np.argwhere(view.to_display(coarse_mark))
        (fine_index,) = np.argwhere(shown.to_display(fine_mark))
        place = np.multiply(fine_index, shown.spacing_mm) + view.offset_mm(fine)
        np.testing.assert_allclose(place, np.multiply(coarse_index, view.spacing_mm), atol=1e-9)


def test_an_image_on_the_grid_of_the_view_begins_where_it_does() -> None:
    view = view_of("LPS")
    assert view.offset_mm(view.grid) == pytest.approx((0, 0, 0), abs=1e-12)
