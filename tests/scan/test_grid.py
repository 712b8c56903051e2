from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid

from .builder import ORIENTATIONS, affine_of, las_grid, oblique_grid, rotation


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4, 4), (4, 0, 4), (4, -1, 4)])
def test_only_three_positive_sizes_make_a_grid(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match="three positive sizes"):
        Grid(shape, np.eye(4))  # type: ignore[arg-type]


def test_an_affine_of_another_size_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"expected shape \(4, 4\)"):
        Grid((4, 4, 4), np.eye(3))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_affine_that_is_not_finite_is_refused(value: float) -> None:
    affine = np.eye(4)
    affine[1, 3] = value
    with pytest.raises(BadInputError, match="NaN or infinite"):
        Grid((4, 4, 4), affine)


@pytest.mark.parametrize(
    "matrix",
    [np.zeros((3, 3)), np.diag([1.0, 0, 1]), np.ones((3, 3)), np.diag([1e200, 1e200, 1e200])],
    ids=["all zero", "no thickness", "parallel axes", "beyond all numbers"],
)
def test_voxels_without_a_volume_are_refused(matrix: np.ndarray) -> None:
    with pytest.raises(BadInputError, match="singular"):
        Grid((4, 4, 4), affine_of(matrix))


def test_a_grid_cannot_be_changed_through_the_array_it_was_made_from() -> None:
    affine = np.eye(4)
    grid = Grid((4, 4, 4), affine)
    affine[0, 0] = 9
    assert grid.spacing_mm == (1, 1, 1)
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 9


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_orientation_names_where_each_axis_points(name: str) -> None:
    assert Grid((2, 3, 4), affine_of(rotation() @ ORIENTATIONS[name])).orientation == name


def test_spacing_does_not_depend_on_the_direction() -> None:
    np.testing.assert_allclose(oblique_grid().spacing_mm, (2.0, 2.5, 5.0))


def test_a_grid_from_voxel_sizes_is_centred_and_of_unknown_orientation() -> None:
    grid = Grid.from_spacing((6, 5, 4), (2, 2.5, 5))
    assert not grid.orientation_known
    np.testing.assert_allclose(grid.to_mm((2.5, 2, 1.5)), 0, atol=1e-12)


def test_positions_follow_the_affine() -> None:
    grid = oblique_grid()
    voxels = np.random.default_rng(0).uniform(-3, 9, (7, 2, 3))
    expected = np.einsum("ij,...j->...i", grid.affine, np.concatenate([voxels, np.ones((7, 2, 1))], -1))
    np.testing.assert_allclose(grid.to_mm(voxels), expected[..., :3])


def test_grids_are_the_same_only_when_every_corner_agrees() -> None:
    grid = las_grid()
    assert grid.same_as(Grid(grid.shape, grid.affine + np.eye(4, k=3) * 0.009))
    assert not grid.same_as(Grid(grid.shape, grid.affine + np.eye(4, k=3) * 0.011))
    assert not grid.same_as(las_grid((6, 5, 3)))


def test_grids_that_share_their_origin_but_not_their_directions_differ() -> None:
    grid = las_grid((100, 100, 10))
    turned = affine_of(rotation((0, 0, 0.05)) @ grid.affine[:3, :3], tuple(grid.affine[:3, 3]))
    assert not grid.same_as(Grid(grid.shape, turned))


def test_a_cropped_grid_leaves_its_voxels_where_they_were() -> None:
    grid = oblique_grid()
    part = grid.cropped((1, 2, 0), (4, 5, 3))
    assert part.shape == (3, 3, 3)
    np.testing.assert_allclose(part.to_mm((2, 1, 2)), grid.to_mm((3, 3, 2)))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_finer_grid_has_its_voxels_where_the_coarse_ones_lie(factor: int) -> None:
    grid = oblique_grid((17, 20, 6))
    fine = grid.refined((factor, factor, 1))
    assert fine.shape == (17 * factor, 20 * factor, 6)
    voxels = np.argwhere(np.ones(grid.shape, bool))
    difference_mm = fine.to_mm(voxels * [factor, factor, 1]) - grid.to_mm(voxels)
    assert np.abs(difference_mm).max() < 1e-6
    assert fine.spacing_mm == pytest.approx(np.divide(grid.spacing_mm, [factor, factor, 1]))


@pytest.mark.parametrize(
    ("spacing_mm", "axis"),
    [((2, 2, 5), 2), ((4, 1, 1), 0), ((1, 1, 1), 2), ((2, 2.001, 2), 2), ((1, 3, 2), 1)],
)
def test_slices_are_stacked_along_the_largest_spacing(spacing_mm: tuple[float, ...], axis: int) -> None:
    grid = Grid.from_spacing((4, 5, 6), spacing_mm)
    assert grid.slice_axis == axis
    assert sorted([*grid.in_plane_axes, axis]) == [0, 1, 2]
    order = (*grid.in_plane_axes, axis)
    assert grid.spacing_slices_last_mm == tuple(grid.spacing_mm[each] for each in order)
