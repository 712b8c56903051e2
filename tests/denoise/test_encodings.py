from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_dwi.denoise._band_limited import axis_coordinates, band_limited_encoding
from napari_dwi.denoise._encodings import GaborWavelets, HashGrid, make_encoding, octave_encoding, slot_of
from napari_dwi.denoise.bl_inr import ENCODINGS

SHAPE = (9, 6, 4)
EVERY_VOXEL = torch.from_numpy(
    np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1).reshape(-1, 3)
)


def encoded(name: str, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    encoding = make_encoding(name, shape, 20.0, 4, seed)
    voxels = torch.cartesian_prod(*map(torch.arange, shape))
    with torch.no_grad():
        features: np.ndarray = encoding(voxels).numpy()
    assert features.shape == (len(voxels), encoding.n_features)
    assert features.dtype == np.float32
    return features


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_is_finite_and_the_same_for_the_same_seed(name: str) -> None:
    first = encoded(name)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, encoded(name))
    assert np.isfinite(encoded(name, (5, 1, 1))).all()


@pytest.mark.parametrize("name", [name for name in ENCODINGS if name != "none"])
def test_no_two_voxels_are_encoded_alike(name: str) -> None:
    assert len(np.unique(encoded(name), axis=0)) == math.prod(SHAPE)


@pytest.mark.parametrize("name", ["random fourier", "hash", "wavelet"])
def test_what_is_random_differs_from_seed_to_seed(name: str) -> None:
    assert not np.array_equal(encoded(name, seed=1), encoded(name, seed=2))


def test_band_limited_features_stand_axis_by_axis() -> None:
    parts = [band_limited_encoding(axis_coordinates(n), 20.0, 4) for n in SHAPE]
    voxel = (7, 2, 3)
    row = encoded("band-limited")[np.ravel_multi_index(voxel, SHAPE)]
    expected = np.concatenate([part[index] for part, index in zip(parts, voxel, strict=True)])
    np.testing.assert_array_equal(row, expected)


def test_coordinates_are_the_positions_themselves() -> None:
    found = encoded("coordinates")
    np.testing.assert_allclose(found[0], [-1, -1, -1])
    np.testing.assert_allclose(found[-1], [1, 1, 1])
    np.testing.assert_allclose(found[np.ravel_multi_index((4, 0, 0), SHAPE)], [0, -1, -1], atol=1e-7)


def test_octaves_double_and_none_is_finer_than_the_voxels() -> None:
    positions = axis_coordinates(17)
    found = octave_encoding(positions, 10)
    # 16 steps across the image: half a period of two voxels is the eighth multiple, the fourth octave.
    assert found.shape == (17, 8)
    for k in range(4):
        np.testing.assert_allclose(found[:, k], np.sin(math.pi * 2**k * positions), atol=1e-6)
        np.testing.assert_allclose(found[:, 4 + k], np.cos(math.pi * 2**k * positions), atol=1e-6)
    assert octave_encoding(positions, 2).shape == (17, 4)


def test_random_waves_are_as_fast_as_they_should_be() -> None:
    encoding = make_encoding("random fourier", SHAPE, 20.0, 2000, 0)
    assert float(encoding.waves.std()) == pytest.approx(20, rel=0.03)  # type: ignore[operator]
    features = encoding(EVERY_VOXEL).numpy()
    sines, cosines = np.split(features, 2, axis=1)
    np.testing.assert_allclose(sines**2 + cosines**2, 1, atol=1e-5)


def test_wavelets_are_waves_under_a_bell() -> None:
    """|exp(i w u - (s u)^2)| is the bell, its phase w u."""
    encoding = make_encoding("wavelet", SHAPE, 20.0, 2, 0)
    assert isinstance(encoding, GaborWavelets)
    with torch.no_grad():
        real, imaginary = np.split(encoding(EVERY_VOXEL).numpy(), 2, axis=1)
        positions = torch.from_numpy(encoded("coordinates"))
        u = (positions @ encoding.directions + encoding.offsets).numpy()
    np.testing.assert_allclose(np.hypot(real, imaginary), np.exp(-((5 * u) ** 2)), atol=1e-6)
    near = np.abs(u) < 0.3
    np.testing.assert_allclose(np.arctan2(imaginary, real)[near], (5 * u)[near], atol=1e-3)


class TestHashGrid:
    """Mueller et al.: levels from coarse to fine, interpolated, the fine ones sharing their slots."""

    def test_coarse_corners_have_slots_of_their_own(self) -> None:
        cells = torch.tensor([4, 3, 2])
        corners = torch.cartesian_prod(torch.arange(5), torch.arange(4), torch.arange(3))
        assert len(torch.unique(slot_of(corners, cells))) == len(corners)

    def test_fine_corners_share_slots_always_the_same(self) -> None:
        cells = torch.tensor([200, 200, 10])
        corners = torch.cartesian_prod(torch.arange(0, 201, 2), torch.arange(0, 201, 2), torch.arange(11))
        slots = slot_of(corners, cells)
        assert 0 <= int(slots.min()) <= int(slots.max()) < 2**15
        assert len(torch.unique(slots)) < len(corners)
        assert torch.equal(slots, slot_of(corners.clone(), cells))

    def test_features_are_interpolated_between_corners(self) -> None:
        grid = HashGrid((9, 9, 9), torch.Generator().manual_seed(0))
        # The coarsest level has 4 cells along an axis of 9 voxels: corners lie at every second voxel.
        assert grid.cells[0].tolist() == [4, 4, 4]
        with torch.no_grad():
            first = grid(torch.tensor([[2, 4, 4], [3, 4, 4], [4, 4, 4]]))[:, :2].numpy()
        np.testing.assert_allclose(first[1], (first[0] + first[2]) / 2, atol=1e-8)

    def test_a_corner_in_its_place_gives_its_own_entry(self) -> None:
        grid = HashGrid((9, 9, 9), torch.Generator().manual_seed(0))
        with torch.no_grad():
            first = grid(torch.tensor([[2, 4, 6]]))[0, :2]
        slot = slot_of(torch.tensor([1, 2, 3]), grid.cells[0])
        np.testing.assert_allclose(first.numpy(), grid.table[0, slot].detach().numpy(), atol=1e-8)

    def test_it_learns(self) -> None:
        grid = HashGrid(SHAPE, torch.Generator().manual_seed(0))
        grid(EVERY_VOXEL).sum().backward()
        assert grid.table.grad is not None
        assert float(grid.table.grad.abs().sum()) > 0
