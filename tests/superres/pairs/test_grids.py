from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid
from napari_dwi.superres.pairs.grids import match_grids, plane_of

from .scans import low_grid

LOW = low_grid((10, 12, 4))
WAYS = [
    (axes, backwards)
    for axes in itertools.permutations(range(3))
    for backwards in itertools.product((False, True), repeat=3)
]


def stored(grid: Grid, axes: tuple[int, ...], backwards: tuple[bool, ...]) -> tuple[Grid, np.ndarray]:
    """A grid stored in another way, and the index of every voxel as it was (x, y, z, index)."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    turned = index.transpose(*axes, 3)[tuple(slice(None, None, -1 if b else 1) for b in backwards)]
    change = np.eye(4)
    change[:3, 3] = turned[0, 0, 0]
    for axis in range(3):
        change[:3, axis] = np.eye(3)[axes[axis]] * (-1 if backwards[axis] else 1)
    return Grid(turned.shape[:3], grid.affine @ change), turned


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_voxels_are_brought_together_however_they_are_stored(factor: int) -> None:
    high = LOW.refined((factor, factor, 1))
    for (low_axes, low_back), (high_axes, high_back) in zip(WAYS, reversed(WAYS), strict=True):
        low_as_stored, low_voxels = stored(LOW, low_axes, low_back)
        high_as_stored, high_voxels = stored(high, high_axes, high_back)
        match = match_grids(low_as_stored, high_as_stored)
        assert match.factor == factor
        assert match.told_shift == (0, 0)
        low = np.stack([match.of_low(low_voxels[..., n]) for n in range(3)], axis=-1)
        fine = np.stack([match.of_high(high_voxels[..., n]) for n in range(3)], axis=-1)
        np.testing.assert_array_equal(fine[:, ::factor, ::factor], low * (factor, factor, 1))


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_grids_that_share_edges_instead_of_first_voxels_tell_half_a_coarse_voxel_less_half_a_fine_one(
    factor: int,
) -> None:
    sharing = np.array(LOW.refined((factor, factor, 1)).affine)
    sharing[:3, 3] -= sharing[:3, :2].sum(axis=1) * (factor - 1) / 2
    match = match_grids(LOW, Grid((10 * factor, 12 * factor, 4), sharing))
    np.testing.assert_allclose(match.told_shift, (factor - 1) / 2, atol=1e-3)


def test_slices_are_found_where_they_are_thinner_than_voxels_are_wide() -> None:
    low = low_grid((10, 12, 8), (1.0, 1.0, 0.8))
    match = match_grids(low, low.refined((2, 2, 1)))
    assert (match.factor, match.low_axes) == (2, (2, 0, 1))


def test_where_no_orientation_is_known_both_are_taken_as_stored_alike() -> None:
    low = Grid.from_spacing((10, 12, 4), (0.4, 0.5, 1.0))
    for high in (Grid.from_spacing((20, 24, 4), (0.2, 0.25, 1.0)), LOW.refined((2, 2, 1))):
        match = match_grids(low, high)
        assert (match.factor, match.high_axes, match.told_shift) == (2, (2, 0, 1), (0, 0))
        assert not any(match.high_reversed)


def moved(grid: Grid, by_mm: tuple[float, float, float]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += by_mm
    return Grid(grid.shape, affine)


def turned_by(degrees: float) -> Grid:
    angle = np.deg2rad(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    high = LOW.refined((2, 2, 1))
    return Grid(high.shape, turn @ high.affine)


HIGH = LOW.refined((2, 2, 1))


@pytest.mark.parametrize(
    ("high", "message"),
    [
        (LOW.refined((5, 5, 1)), "resolutions of the two volumes do not make a pair"),
        (LOW.refined((2, 3, 1)), "resolutions of the two volumes do not make a pair"),
        (LOW.refined((2, 2, 2)), "do not make a pair"),
        (low_grid((5, 6, 4), (0.8, 1.0, 1.0)), r"found low 10x12x4 voxels of 0.4x0.5x1 mm .* swapped\?"),
        (HIGH.cropped((0, 0, 0), (20, 24, 3)), "not show the same slices; expected 20x24x4 .* found 20x24x3"),
        (HIGH.cropped((0, 0, 0), (18, 24, 4)), "not have the same field of view"),
        (moved(HIGH, (0, 0, 0.2)), "not lie at the same place; .* 0.2 mm across"),
        (moved(HIGH, (3, 0, 0)), r"found -3 and 0 mm apart in plane, 0 mm across"),
        (turned_by(20), "not lie at the same angle .* found 20 degrees"),
        (turned_by(3), "not lie at the same angle"),
    ],
    ids=[
        "factor 5",
        "two factors",
        "slices too",
        "swapped",
        "a slice less",
        "cropped",
        "across",
        "aside",
        "turned",
        "turned a little",
    ],
)
def test_what_does_not_lie_together_is_refused(high: Grid, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        match_grids(LOW, high)


def test_rounded_positions_do_not_matter() -> None:
    rounded = np.round(LOW.refined((2, 2, 1)).affine, 4)
    assert match_grids(LOW, Grid((20, 24, 4), rounded)).told_shift == pytest.approx((0, 0), abs=0.01)


def test_planes_are_named_by_the_nearest_direction() -> None:
    assert [plane_of(LOW, axis) for axis in range(3)] == ["sagittal", "coronal", "axial"]
    assert plane_of(turned_by(3), 2) == "axial"
    assert plane_of(Grid.from_spacing((2, 2, 2), (1, 1, 1)), 2) == ""
