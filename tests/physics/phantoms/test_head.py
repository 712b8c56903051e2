from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from napari_dwi.physics.phantoms.digital_body import DigitalBody
from napari_dwi.physics.phantoms.head import digital_head
from napari_dwi.physics.phantoms.head_tissues import BRAIN, LESIONS, PARAMETERS, TISSUES
from napari_dwi.scan.grid import Grid


@pytest.fixture(scope="module")
def head() -> DigitalBody:
    """A slab through the ventricles."""
    return digital_head(7, 2, 26)


def grid_at(corner_mm: tuple[float, float, float], flip_x: bool = False) -> Grid:
    """Voxels of 3 x 3 x 4 mm over the whole width of the slab."""
    affine = np.diag([3.0, 3.0, 4.0, 1.0])
    affine[:3, 3] = corner_mm
    shape = (64, 80, 5)
    if flip_x:
        affine[0, 0] = -3.0
        affine[0, 3] = corner_mm[0] + 3.0 * (shape[0] - 1)
    return Grid(shape, affine)


def share_of(tissues: np.ndarray, *names: str) -> np.ndarray:
    return sum(tissues[TISSUES.index(name)] for name in names)


def voxel_at(grid: Grid, x: float, y: float, z: float) -> tuple[int, ...]:
    return tuple(np.rint((np.array([x, y, z]) - grid.affine[:3, 3]) / np.diag(grid.affine)[:3]).astype(int))


def test_what_lies_at_a_place_does_not_depend_on_the_grid(head: DigitalBody) -> None:
    tissues, lesions = head.shares_on(grid_at((-95, -120, 6)))
    one_further, lesions_further = head.shares_on(grid_at((-92, -117, 10)))
    np.testing.assert_allclose(tissues[:, 1:, 1:, 1:], one_further[:, :-1, :-1, :-1], atol=1e-3)
    np.testing.assert_allclose(lesions[:, 1:, 1:, 1:], lesions_further[:, :-1, :-1, :-1], atol=1e-3)


def test_a_grid_stored_the_other_way_round_shows_the_same_head(head: DigitalBody) -> None:
    tissues, _ = head.shares_on(grid_at((-95, -120, 6)))
    flipped, _ = head.shares_on(grid_at((-95, -120, 6), flip_x=True))
    np.testing.assert_allclose(tissues, flipped[:, ::-1], atol=1e-3)


def test_a_small_shift_changes_little(head: DigitalBody) -> None:
    shifts = (0.0, 0.1, 0.2)
    images = [head.shares_on(grid_at((-95 + shift, -120, 6)))[0] for shift in shifts]
    for before, after in pairwise(images):
        # No share can rise faster than from 0 to 1 between two points of the lattice.
        assert np.abs(after - before).max() <= 0.1 + 1e-3


def test_shares_are_shares(head: DigitalBody) -> None:
    tissues, lesions = head.shares_on(grid_at((-95, -120, 6)))
    assert tissues.min() >= 0
    assert tissues.sum(axis=0).max() <= 1 + 0.02
    assert (lesions.sum(axis=0) <= share_of(tissues, *BRAIN) + 0.01).all()


def test_the_head_is_layered_from_the_air_inwards(head: DigitalBody) -> None:
    grid = grid_at((-95, -120, 6))
    tissues, _ = head.shares_on(grid)
    _, j, k = voxel_at(grid, 0, -20, 14)
    from_outside = tissues[:, :20, j, k]
    assert from_outside[:, 0].sum() == 0
    first = [
        int(np.argmax(from_outside[TISSUES.index(name)] > 0.3)) for name in ("fat", "bone", "grey matter")
    ]
    assert 0 < first[0] <= first[1] < first[2]


@pytest.mark.parametrize(
    ("tissue", "place"),
    [
        ("white matter", (0, 30, 10)),  # the knee of the corpus callosum
        ("deep grey matter", (26, 3, 6)),
        ("deep grey matter", (-26, 3, 6)),
        ("deep grey matter", (-12, -18, 6)),
    ],
)
def test_the_main_structures_are_where_they_belong(
    head: DigitalBody, tissue: str, place: tuple[float, float, float]
) -> None:
    grid = grid_at((-95, -120, 6))
    tissues, _ = head.shares_on(grid)
    assert share_of(tissues, tissue)[voxel_at(grid, *place)] > 0.6


def test_both_hemispheres_hold_about_as_much_but_are_no_mirror_images(head: DigitalBody) -> None:
    grid = grid_at((-94.5, -120, 6))
    tissues, _ = head.shares_on(grid)
    grey = share_of(tissues, "grey matter")
    left, right = grey[:32], grey[::-1][:32]
    assert left.sum() == pytest.approx(right.sum(), rel=0.15)
    assert np.abs(left - right).mean() > 0.2 * left.mean()


def test_cortex_and_white_matter_are_in_the_proportion_of_an_adult(head: DigitalBody) -> None:
    tissues, _ = head.shares_on(grid_at((-95, -120, 6)))
    white = share_of(tissues, "white matter").sum()
    assert 0.8 < share_of(tissues, "grey matter", "deep grey matter").sum() / white < 1.8


def test_an_image_is_the_mean_brightness_of_the_tissues(head: DigitalBody) -> None:
    grid = grid_at((-95, -120, 6))
    tissues, lesions = head.shares_on(grid)
    brightness = {name: tissue.t2 for name, tissue in PARAMETERS.items()}
    expected = np.tensordot([brightness[name] for name in TISSUES], tissues, axes=1) + 0.1 * lesions.sum(
        axis=0
    )
    np.testing.assert_allclose(head.image_on(grid, brightness, lesion_rise=0.1), expected, atol=1e-4)


def test_the_same_seed_gives_the_same_head_and_another_one_another() -> None:
    # Past the cache, which would hand out one and the same object.
    first, again, other = (digital_head.__wrapped__(seed, 30, 34) for seed in (7, 7, 8))
    assert first.tissues.tobytes() == again.tissues.tobytes()
    assert first.lesions.tobytes() == again.lesions.tobytes()
    assert first.tissues.tobytes() != other.tissues.tobytes()


def test_a_part_of_the_head_is_the_head_in_that_part(head: DigitalBody) -> None:
    part = digital_head.__wrapped__(7, 9, 12)
    np.testing.assert_array_equal(part.tissues, head.tissues[..., 7:11])


def test_far_from_the_head_there_is_air(head: DigitalBody) -> None:
    tissues, lesions = head.shares_on(grid_at((500, 500, 500)))
    assert not tissues.any()
    assert not lesions.any()
    assert len(lesions) == len(LESIONS)
