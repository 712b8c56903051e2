from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dwi.denoise._band_limited import axis_coordinates, band_limited_encoding
from napari_dwi.denoise._voxel_features import VoxelFeatures

SHAPE = (6, 5, 4)
N_FREQUENCIES = 3
N_POSITION = 3 * 2 * N_FREQUENCIES
CORNERS_AND_MORE = [
    (0, 0, 0),
    (5, 4, 3),
    (0, 4, 0),
    (5, 0, 3),
    (2, 3, 1),
    (3, 0, 2),
]


@pytest.fixture
def priors(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(2, *SHAPE)).astype(np.float32)


def features_at(features: VoxelFeatures, *voxels: tuple[int, int, int]) -> np.ndarray:
    index = [np.ravel_multi_index(voxel, features._shape) for voxel in voxels]
    rows = features(torch.tensor(index)).numpy()
    assert rows.shape == (len(voxels), features.n_features)
    return rows


@pytest.mark.parametrize("patch_size", [1, 3, 5])
@pytest.mark.parametrize("voxel", CORNERS_AND_MORE, ids=str)
def test_patches_are_the_neighbourhoods_in_each_prior(
    priors: np.ndarray, patch_size: int, voxel: tuple[int, int, int]
) -> None:
    features = VoxelFeatures(priors, 20.0, N_FREQUENCIES, patch_size, "cpu")
    found = features_at(features, voxel)[0, N_POSITION:]
    radius = patch_size // 2
    padded = np.pad(priors, [(0, 0)] + [(radius, radius)] * 3, mode="reflect")
    x, y, z = voxel
    expected = padded[:, x : x + patch_size, y : y + patch_size, z : z + patch_size]
    np.testing.assert_array_equal(found, expected.reshape(-1))
    centre = found.reshape(2, -1)[:, patch_size**3 // 2]
    np.testing.assert_array_equal(centre, priors[:, x, y, z])


@pytest.mark.parametrize("voxel", CORNERS_AND_MORE, ids=str)
def test_positions_are_encoded_axis_by_axis(priors: np.ndarray, voxel: tuple[int, int, int]) -> None:
    found = features_at(VoxelFeatures(priors, 20.0, N_FREQUENCIES, 3, "cpu"), voxel)[0, :N_POSITION]
    expected = [
        band_limited_encoding(axis_coordinates(n), 20.0, N_FREQUENCIES)[index]
        for n, index in zip(SHAPE, voxel, strict=True)
    ]
    np.testing.assert_array_equal(found, np.concatenate(expected))


def test_a_batch_is_its_voxels_one_by_one(priors: np.ndarray) -> None:
    features = VoxelFeatures(priors, 20.0, N_FREQUENCIES, 3, "cpu")
    together = features_at(features, *CORNERS_AND_MORE)
    alone = np.concatenate([features_at(features, voxel) for voxel in CORNERS_AND_MORE])
    np.testing.assert_array_equal(together, alone)


def test_without_priors_only_the_position_is_left(priors: np.ndarray) -> None:
    features = VoxelFeatures(np.empty((0, *SHAPE), np.float32), 20.0, N_FREQUENCIES, 3, "cpu")
    assert features.n_features == N_POSITION
    with_priors = VoxelFeatures(priors, 20.0, N_FREQUENCIES, 3, "cpu")
    voxel = (2, 3, 1)
    np.testing.assert_array_equal(
        features_at(features, voxel), features_at(with_priors, voxel)[:, :N_POSITION]
    )


def test_no_two_voxels_are_described_alike(priors: np.ndarray) -> None:
    features = VoxelFeatures(priors, 20.0, N_FREQUENCIES, 1, "cpu")
    positions = features(torch.arange(int(np.prod(SHAPE)))).numpy()[:, :N_POSITION]
    assert len(np.unique(positions, axis=0)) == np.prod(SHAPE)


def test_a_single_slice_can_be_described() -> None:
    priors = np.arange(30, dtype=np.float32).reshape(1, 6, 5, 1)
    features = VoxelFeatures(priors, 20.0, N_FREQUENCIES, 3, "cpu")
    patch = features_at(features, (2, 2, 0))[0, N_POSITION:].reshape(3, 3, 3)
    for z in range(3):
        np.testing.assert_array_equal(patch[..., z], priors[0, 1:4, 1:4, 0])
