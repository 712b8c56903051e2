from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_dwi.denoise._additive import AdditiveColumns, ImageFacts
from napari_dwi.denoise._linear_patches import LinearPatches, predict_linearly
from napari_dwi.denoise._linear_prediction import ToPredict, predict
from napari_dwi.methods.progress import Progress

SHAPE = (24, 22, 6)
SPACING_MM = (2.0, 2.0, 4.0)
ONE_GROUP = np.ones(SHAPE, dtype=np.intp)
EVERYWHERE = np.ones(SHAPE, dtype=bool)


def predicted(volumes: list[np.ndarray], anatomy: list[np.ndarray], alike: bool = False) -> np.ndarray:
    """The prediction of the first volume."""
    images = np.stack([*volumes, *anatomy]).astype(np.float32)
    groups, everywhere = np.ones(images.shape[1:], np.intp), np.ones(images.shape[1:], bool)
    targets, how = np.array([0]), ImageFacts(len(volumes), SPACING_MM, alike)
    wanted = ToPredict(images, targets, groups, everywhere)
    columns = AdditiveColumns(wanted, how, Progress())
    return predict(columns, wanted, ridge=True, progress=Progress())[0]


def left(found: np.ndarray, truth: np.ndarray) -> float:
    """What is left of the variance."""
    return float(np.square(found - truth).mean() / truth.var())


@pytest.fixture
def smooth(rng: np.random.Generator) -> list[np.ndarray]:
    """Two images without noise that have nothing to do with each other, from about -2 to 2."""
    images = [gaussian_filter(rng.normal(size=SHAPE), (1.5, 1.5, 0.5)) for _ in range(2)]
    return [image / image.std() for image in images]


def test_a_tissue_may_be_bright_where_it_is_neither_dark_nor_bright_on_anatomy(
    smooth: list[np.ndarray], rng: np.random.Generator
) -> None:
    truth = np.exp(-(smooth[0] ** 2))
    noisy = truth + 0.3 * rng.normal(size=SHAPE)
    patches = predict_linearly(
        ToPredict(np.stack([noisy, smooth[0]]).astype(np.float32), np.array([0]), ONE_GROUP, EVERYWHERE),
        LinearPatches(1, "none", ridge=True),
        Progress(),
    )[0]
    assert left(predicted([noisy], smooth[:1]), truth) < 0.1 < 0.5 < left(patches, truth)


def test_it_may_take_two_anatomical_images_to_tell_a_tissue(
    smooth: list[np.ndarray], rng: np.random.Generator
) -> None:
    truth = (smooth[0] > 0) * (smooth[1] > 0.0)
    noisy = truth + 0.3 * rng.normal(size=SHAPE)
    assert left(predicted([noisy], smooth), truth) < 0.7 * left(predicted([noisy], smooth[:1]), truth)


def test_what_only_the_volume_shows_is_seen_around_the_voxel(rng: np.random.Generator) -> None:
    truth = np.zeros(SHAPE)
    truth[6:15, 7:16, 1:5] = 1
    noisy = truth + 0.5 * rng.normal(size=SHAPE)
    assert left(predicted([noisy, rng.normal(size=SHAPE)], []), truth) < 0.4


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("shape", [SHAPE, (24, 22, 1), (30, 2, 20)], ids=str)
def test_no_voxel_helps_to_predict_itself(
    shape: tuple[int, int, int], alike: bool, rng: np.random.Generator
) -> None:
    """White noise cannot be predicted, so that hardly any weight is left."""
    noise, anatomy = rng.normal(size=(2, *shape))
    found = predicted([noise], [anatomy], alike)
    assert np.mean((found - found.mean()) * noise) < 0.1


def test_images_that_are_the_same_everywhere_tell_nothing(rng: np.random.Generator) -> None:
    noisy = 5 + rng.normal(size=SHAPE)
    with_constant = predicted([noisy, np.ones(SHAPE)], [np.zeros(SHAPE)])
    np.testing.assert_allclose(with_constant, predicted([noisy], []), atol=1e-4)
    np.testing.assert_allclose(predicted([np.full(SHAPE, 3.0)], []), 3, atol=1e-5)


def test_groups_do_not_mix(rng: np.random.Generator) -> None:
    """What lies beyond the border of the body is no part of the means within."""
    groups = np.zeros(SHAPE, np.intp)
    groups[:12] = 1
    anatomy = np.where(groups, rng.normal(size=SHAPE), 0)
    images = np.stack([10.0 * groups + 0.1 * rng.normal(size=SHAPE), anatomy]).astype(np.float32)
    targets, how = np.array([0]), ImageFacts(1, SPACING_MM, False)

    def body(images: np.ndarray) -> np.ndarray:
        wanted = ToPredict(images, targets, groups, EVERYWHERE)
        columns = AdditiveColumns(wanted, how, Progress())
        return predict(columns, wanted, ridge=True, progress=Progress())[0][:12]

    before = body(images)
    images[:, 12:] += 1000
    np.testing.assert_allclose(body(images), before, atol=1e-3)
