from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.denoise._local_pca import LocalPca, denoise_by_pca, without_noise_components
from napari_dwi.methods.progress import Progress


def test_pure_noise_keeps_no_component_and_signals_keep_theirs(rng: np.random.Generator) -> None:
    noise = rng.normal(size=(50, 343, 20))
    clean, kept = without_noise_components(noise)
    assert kept.mean() < 0.2
    assert clean.std() < 0.2
    signal = rng.normal(size=(50, 343, 3)) @ rng.normal(size=(50, 3, 20)) * 2
    clean, kept = without_noise_components(signal + noise)
    assert kept.mean() == pytest.approx(3, abs=0.3)
    # Of the noise the share that lies in the signal's own three dimensions stays.
    assert np.square(clean - signal).mean() == pytest.approx(3 / 20, rel=0.25)


def test_samples_without_noise_stay_as_they_are(rng: np.random.Generator) -> None:
    exact = rng.normal(size=(4, 60, 2)) @ rng.normal(size=(4, 2, 12))
    clean, kept = without_noise_components(exact)
    np.testing.assert_allclose(clean, exact, atol=1e-9)
    assert (kept >= 2).all()
    np.testing.assert_allclose(without_noise_components(np.ones((2, 30, 5)))[0], 1)


@pytest.mark.parametrize("shape", [(12, 11, 5), (9, 8, 1), (2, 2, 1), (1, 9, 7), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("block", [1, 2, 3])
def test_every_voxel_is_in_a_window(shape: tuple[int, int, int], block: int) -> None:
    level = np.broadcast_to(np.array([3.0, 7.0], np.float32), (*shape, 2))
    clean, _ = denoise_by_pca(level, LocalPca(2, block), Progress())
    np.testing.assert_allclose(clean, level, rtol=1e-6)


def test_blocks_let_few_volumes_share_what_voxels_side_by_side_have_in_common(
    rng: np.random.Generator,
) -> None:
    x, y, z = np.indices((30, 30, 8))
    clean = (np.sin(x / 9) * np.cos(y / 7))[..., None] * np.array([10, 8]) + z[..., None]
    noisy = (clean + rng.normal(size=clean.shape)).astype(np.float32)
    alone, together = (denoise_by_pca(noisy, LocalPca(5, block), Progress())[0] for block in (1, 3))
    assert np.square(together - clean).mean() < 0.5 * np.square(alone - clean).mean()
