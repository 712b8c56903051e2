from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.registry import find_method
from napari_dwi.scan import Grid, Volume
from napari_dwi.scan.regions import Regions
from napari_dwi.superres.pairs.pair import PairFacts
from napari_dwi.superres.pairs.residual_picture import residual_picture
from napari_dwi.superres.pairs.scoring import PairImages, contrast_scores, images_of, slice_scores
from napari_dwi.superres.pairs.store import PairStore

from .scans import make_facts

SHAPE, N_SLICES, FACTOR = (48, 40), 3, 2
AMPLITUDE, BACKGROUND, DISC = 20.0, 100.0, 300.0
# Of a wave the SD is its amplitude over the square root of two.
CNR = (DISC - BACKGROUND) / (AMPLITUDE / np.sqrt(2))
NAMES = {1: "disc", 2: "background"}


def places(step: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the voxels of a slice, in coarse voxels."""
    x, y = np.meshgrid(np.arange(SHAPE[0] * step), np.arange(SHAPE[1] * step), indexing="ij")
    return x / step, y / step


def picture(step: int) -> np.ndarray:
    x, y = places(step)
    disc = (x - 12) ** 2 + (y - 20) ** 2 < 9**2
    return np.where(disc, DISC, BACKGROUND + AMPLITUDE * np.sin(np.pi * x / 4)).astype(np.float32)


def drawn(grid: Grid, step: int) -> Regions:
    """A disc and a background of whole waves, in the second slice alone."""
    x, y = places(step)
    labels = np.zeros(grid.shape, np.float32)
    labels[(x - 12) ** 2 + (y - 20) ** 2 < 6**2, 1] = 1
    labels[(x >= 24) & (x < 40) & (y >= 2) & (y < 38), 1] = 2
    return Regions(Volume(labels, grid, "labels"), NAMES)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> PairImages:
    facts = make_facts(
        shape_low=(*SHAPE, N_SLICES),
        shape_high=(FACTOR * SHAPE[0], FACTOR * SHAPE[1], N_SLICES),
        scale=DISC,
        excluded=(2,),
    )
    store = PairStore.create(tmp_path_factory.mktemp("pairs") / "s.zarr")
    low, high = (np.stack([picture(step)] * N_SLICES) for step in (1, FACTOR))
    store.add(facts, low, high)
    method = find_method("zero-fill", "superres")
    return images_of(store, facts, method, method.settings(), device="cpu")


def test_contrast_is_the_same_over_the_same_millimetres_of_both_scans(images: PairImages) -> None:
    """superres.md 8.14: the analytic value, within 1 %, wherever the regions were drawn."""
    facts = images.facts
    for grid, step in ((facts.grid_low, 1), (facts.grid_high, FACTOR)):
        (score,) = contrast_scores(images, drawn(grid, step), "background")
        assert (score.subject, score.plane, score.slice, score.region) == ("a", "axial", 1, "disc")
        assert score.cnr_low == pytest.approx(CNR, rel=0.01)
        assert score.cnr_high == pytest.approx(CNR, rel=0.01)
        assert score.cnr_made == pytest.approx(CNR, rel=0.05)


def test_regions_drawn_half_a_voxel_beside_are_brought_over(images: PairImages) -> None:
    grid = images.facts.grid_high
    affine = grid.affine.copy()
    affine[:3, 3] += 0.5 * affine[:3, 0]
    (score,) = contrast_scores(images, drawn(Grid(grid.shape, affine), FACTOR), "background")
    assert score.cnr_high == pytest.approx(CNR, rel=0.05)


def test_a_background_that_was_never_drawn_is_told(images: PairImages) -> None:
    with pytest.raises(BadInputError, match="no region called muscle"):
        contrast_scores(images, drawn(images.facts.grid_low, 1), "muscle")


def test_zero_filling_is_what_it_is_compared_with(images: PairImages) -> None:
    scores = slice_scores(images)
    assert [one.slice for one in scores] == [0, 1]
    for one in scores:
        assert one.mse_ratio == pytest.approx(1, abs=0.01)
        assert one.ssim_made == pytest.approx(one.ssim_low, abs=0.01)
        assert one.psnr_low == pytest.approx(-10 * np.log10(one.mse_low))


def test_the_sharp_image_itself_has_no_error(images: PairImages) -> None:
    first, _ = slice_scores(replace(images, made=images.high))
    assert (first.mse_made, first.mse_ratio, first.ssim_made) == (0, 0, pytest.approx(1))
    assert np.isinf(first.psnr_made)


def test_slices_narrower_than_its_window_have_no_likeness() -> None:
    facts: PairFacts = make_facts(shape_low=(4, 9, 1), shape_high=(8, 18, 1))
    images = PairImages(facts, np.ones((4, 9, 1), np.float32), *(np.full((8, 18, 1), 400, np.float32),) * 3)
    (score,) = slice_scores(images)
    assert np.isnan(score.ssim_low)
    assert score.mse_low == 0


def test_the_picture_has_both_residuals_on_one_scale(images: PairImages, tmp_path: Path) -> None:
    from PIL import Image

    half = replace(images, made=(images.high + images.zero_filled) / 2)
    (tmp_path / "r.png").write_bytes(residual_picture(half, [0]))
    drawn_picture = np.asarray(Image.open(tmp_path / "r.png")).astype(float)
    left, right = drawn_picture[:80, :96], drawn_picture[:80, 100:196]
    strong = left.max(axis=2) > 60
    dimmed = right.max(axis=2)[strong] / np.minimum(left.max(axis=2)[strong], 255)
    assert np.median(dimmed) == pytest.approx(0.5, abs=0.05)
