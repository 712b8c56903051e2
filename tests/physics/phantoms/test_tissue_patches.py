"""Slices made of patches of tissue."""

from __future__ import annotations

import numpy as np

from napari_dwi.physics.phantoms.tissue_patches import TISSUES, tissue_patches
from napari_dwi.physics.signal_models import ADC, IVIM

SHAPE = (40, 40, 6)


def test_the_body_holds_all_tissues_and_lies_in_air() -> None:
    patches = tissue_patches(IVIM, SHAPE)
    assert set(np.unique(patches.tissue)) == {-1, *range(len(TISSUES))}
    assert not patches.inside[0, 0].any()
    assert patches.inside[20, 20].all()
    assert not patches.values[~patches.inside].any()
    np.testing.assert_array_equal(patches.values[patches.inside][:, -1], 1)


def test_without_spread_every_voxel_is_its_tissue() -> None:
    patches = tissue_patches(ADC, SHAPE, patch_spread=0)
    for n, tissue in enumerate(TISSUES):
        np.testing.assert_array_equal(patches.values[patches.tissue == n, 0], tissue.d)


def test_tissue_varies_from_patch_to_patch_and_if_asked_from_voxel_to_voxel() -> None:
    by_patch, by_voxel = (
        tissue_patches(IVIM, SHAPE, patch_spread=a, voxel_spread=b) for a, b in ((0.05, 0.0), (0.0, 0.05))
    )
    for patches in (by_patch, by_voxel):
        typical = np.array([tissue.d for tissue in TISSUES])[patches.tissue[patches.inside]]
        assert 0.02 < (patches.values[patches.inside][:, 1] / typical).std() < 0.08
    assert len(np.unique(by_patch.values[by_patch.inside][:, 1])) < 100
    assert len(np.unique(by_voxel.values[by_voxel.inside][:, 1])) == by_voxel.inside.sum()


def test_the_same_seed_gives_the_same_patches() -> None:
    first, again, other = (tissue_patches(IVIM, SHAPE, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values, again.values)
    assert (first.tissue != other.tissue).any()
