from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dwi.denoise._linear_patches import OwnNeighbours
from napari_dwi.denoise._voxel_features import Columns, VoxelFeatures

SHAPE = (6, 5, 4)
CORNERS_AND_MORE = [(0, 0, 0), (5, 4, 3), (0, 4, 0), (5, 0, 3), (2, 3, 1), (3, 0, 2)]
CENTRE = 13


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(3, *SHAPE)).astype(np.float32)


def rows(features: VoxelFeatures, *voxels: tuple[int, int, int], target: int = 0) -> np.ndarray:
    index = [np.ravel_multi_index(voxel, features._shape) for voxel in voxels]
    found = features(torch.tensor(index) + target * features.n_voxels).numpy()
    assert found.shape == (len(voxels), features.n_features)
    return found


@pytest.mark.parametrize("patch_size", [1, 3, 5])
@pytest.mark.parametrize("voxel", CORNERS_AND_MORE, ids=str)
def test_patches_are_the_neighbourhoods_in_each_image(
    images: np.ndarray, patch_size: int, voxel: tuple[int, int, int]
) -> None:
    features = VoxelFeatures(images, Columns.of_patches(range(3), patch_size, [[]]))
    found = rows(features, voxel)[0]
    radius = patch_size // 2
    padded = np.pad(images, [(0, 0)] + [(radius, radius)] * 3, mode="reflect")
    x, y, z = voxel
    expected = padded[:, x : x + patch_size, y : y + patch_size, z : z + patch_size]
    np.testing.assert_array_equal(found, expected.reshape(-1))
    centre = found.reshape(3, -1)[:, patch_size**3 // 2]
    np.testing.assert_array_equal(centre, images[:, x, y, z])


@pytest.mark.parametrize("own", ["all", "other slices", "none"])
def test_a_voxel_is_never_described_by_itself(images: np.ndarray, own: OwnNeighbours) -> None:
    """Not even at the border, where neighbours are reflected."""
    columns = Columns.joined(
        [Columns.of_patches(range(3), 3, [[1]]), Columns.of_neighbours([1], own, SHAPE, 1)]
    )
    assert len(columns.image) == 2 * 27 + {"all": 26, "other slices": 18, "none": 0}[own]
    for voxel in CORNERS_AND_MORE:
        changed = images.copy()
        changed[(1, *voxel)] = 1e6
        before, after = (rows(VoxelFeatures(each, columns), voxel) for each in (images, changed))
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("shape", [(6, 5, 1), (2, 2, 1), (1, 6, 2)], ids=str)
def test_thin_images_have_fewer_neighbours_and_not_the_voxel_itself(shape: tuple[int, int, int]) -> None:
    image = np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape)
    features = VoxelFeatures(image, Columns.of_neighbours([0], "all", shape, 1))
    found = features(torch.arange(image.size)).numpy()
    assert found.shape[1] == 3 ** sum(n > 1 for n in shape) - 1
    assert not (found == image.reshape(-1, 1)).any()


def test_patches_of_a_single_slice_repeat_it() -> None:
    image = np.arange(30, dtype=np.float32).reshape(1, 6, 5, 1)
    patch = rows(VoxelFeatures(image, Columns.of_patches([0], 3, [[]])), (2, 2, 0)).reshape(3, 3, 3)
    for z in range(3):
        np.testing.assert_array_equal(patch[..., z], image[0, 1:4, 1:4, 0])


def test_one_network_for_all_never_sees_the_target_of_a_sample(images: np.ndarray) -> None:
    columns = Columns.of_patches(range(3), 3, [[0], [1]])
    features = VoxelFeatures(images, columns)
    voxel = (2, 3, 1)
    for target in (0, 1):
        values = rows(features, voxel, target=target)[0]
        patches, marks = values[:-2].reshape(3, 27), values[-2:]
        np.testing.assert_array_equal(patches[target], 0)
        np.testing.assert_array_equal(patches[1 - target, CENTRE], images[(1 - target, *voxel)])
        np.testing.assert_array_equal(marks, np.eye(2)[target])


def test_the_start_describes_every_target_by_its_own(images: np.ndarray) -> None:
    start = images[:2] * 10
    features = VoxelFeatures(images, Columns.of_patches([2], 1, [[0], [1]]), start)
    for target in (0, 1):
        found = rows(features, (4, 1, 2), target=target)[0]
        np.testing.assert_array_equal(found[:2], [images[2, 4, 1, 2], start[target, 4, 1, 2]])


def test_a_batch_is_its_voxels_one_by_one(images: np.ndarray) -> None:
    features = VoxelFeatures(images, Columns.of_patches(range(3), 3, [[0]]))
    together = rows(features, *CORNERS_AND_MORE)
    alone = np.concatenate([rows(features, voxel) for voxel in CORNERS_AND_MORE])
    np.testing.assert_array_equal(together, alone)


def test_standardised_features_have_one_spread_whatever_the_unit(images: np.ndarray) -> None:
    images[2] = 7
    everything = torch.arange(int(np.prod(SHAPE)))
    found = []
    for factor in (1.0, 100.0):
        features = VoxelFeatures(images * np.float32(factor), Columns.of_patches(range(3), 1, [[]]))
        features.standardise(everything)
        found.append(features(everything).numpy())
    np.testing.assert_allclose(found[0].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found[0].std(axis=0), [1, 1, 0], atol=5e-3)
    np.testing.assert_allclose(found[0], found[1], atol=5e-3)


def test_positions_are_the_voxels_indices(images: np.ndarray) -> None:
    features = VoxelFeatures(images, Columns.of_patches([0], 1, [[], []]))
    samples = torch.tensor([np.ravel_multi_index(voxel, SHAPE) for voxel in CORNERS_AND_MORE])
    for target in (0, 1):
        found = features.positions(samples + target * features.n_voxels)
        np.testing.assert_array_equal(found.numpy(), CORNERS_AND_MORE)
