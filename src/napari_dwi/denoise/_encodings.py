"""Ways to tell a network where a voxel lies (BL-INR, sections 2.1 and 3.6).

Each encoding turns the voxel indices of a grid into features. Positions are scaled to [-1, 1] along
every axis. Those of fixed formulas are tables for each axis; the others compute, and the hash grid
and the wavelets learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from napari_dwi.denoise._band_limited import axis_coordinates, band_limited_encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As Mueller et al. recommend, but for the size of the tables, which suits slices of 256 x 256.
_HASH_LEVELS = 12
_HASH_TABLE = 2**15
_HASH_FEATURES = 2
_HASH_COARSEST = 4
_HASH_PRIMES = (1, 2_654_435_761, 805_459_861)
# Saragadam et al. denoise pictures with omega = sigma = 5.
_GABOR_OMEGA = 5.0
_GABOR_SPREAD = 5.0


def make_encoding(
    name: str, shape: tuple[int, int, int], omega_max: float, n_frequencies: int, seed: int
) -> nn.Module:
    """The encoding of a name for a grid.

    Parameters
    ----------
    name : str
        ``"band-limited"``, ``"coordinates"``, ``"fourier"``, ``"random fourier"``, ``"hash"``,
        ``"wavelet"`` or ``"none"``.
    shape : (int, int, int)
        Voxels of the grid.
    omega_max : float
        Highest angular frequency of the band-limited encoding, and spread of the random ones
        (radians for half the field of view).
    n_frequencies : int
        Frequencies for each axis, or a third of the random directions or wavelets.
    seed : int
        Seed of random frequencies and of weights.

    Returns
    -------
    Module
        Called with voxel indices (batch, 3); gives features (batch, ``n_features``).
    """
    random = torch.Generator().manual_seed(seed)
    if name == "hash":
        return HashGrid(shape, random)
    if name == "wavelet":
        return GaborWavelets(shape, 3 * n_frequencies, random)
    if name == "random fourier":
        return RandomFourier(shape, 3 * n_frequencies, omega_max, random)
    tables: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float32]]] = {
        "none": lambda p: np.empty((len(p), 0), dtype=np.float32),
        "coordinates": lambda p: p[:, None].astype(np.float32),
        "fourier": lambda p: octave_encoding(p, n_frequencies),
        "band-limited": lambda p: band_limited_encoding(p, omega_max, n_frequencies),
    }
    return AxisTables([tables[name](axis_coordinates(n)) for n in shape])


def octave_encoding(coordinates: NDArray[np.floating], n_frequencies: int) -> NDArray[np.float32]:
    """Sines and cosines of pi 2^k p, k = 0, 1, ... (Mildenhall et al. 2020, without a cut-off).

    Octaves whose period is less than two voxels repeat lower ones and are left out.

    Parameters
    ----------
    coordinates : ndarray, shape (n,)
        Voxel centres along one axis, scaled to [-1, 1].
    n_frequencies : int
        The most octaves to use.

    Returns
    -------
    ndarray, float32, shape (n, 2 * octaves)
        Sines first, then cosines.
    """
    resolved = max(1, math.floor(math.log2(max(len(coordinates) - 1, 1))))
    octaves = np.pi * 2.0 ** np.arange(min(n_frequencies, resolved))
    phase = np.asarray(coordinates, dtype=np.float64)[:, None] * octaves
    return np.concatenate([np.sin(phase), np.cos(phase)], axis=1).astype(np.float32)


class AxisTables(nn.Module):
    """Features of each axis by themselves, looked up: x first, then y and z."""

    axis0: torch.Tensor
    axis1: torch.Tensor
    axis2: torch.Tensor

    def __init__(self, tables: list[NDArray[np.float32]]) -> None:
        super().__init__()
        for axis, table in enumerate(tables):
            self.register_buffer(f"axis{axis}", torch.from_numpy(table))
        self.n_features = sum(table.shape[1] for table in tables)

    def forward(self, voxels: torch.Tensor) -> torch.Tensor:
        """Features (batch, n_features) of voxel indices (batch, 3)."""
        tables = (self.axis0, self.axis1, self.axis2)
        return torch.cat([table[voxels[:, axis]] for axis, table in enumerate(tables)], dim=1)


class _Positions(nn.Module):
    """Voxel indices scaled to [-1, 1] along each axis; 0 along an axis of one voxel."""

    start: torch.Tensor
    step: torch.Tensor

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        steps = [2 / (n - 1) if n > 1 else 0.0 for n in shape]
        self.register_buffer("step", torch.tensor(steps))
        self.register_buffer("start", torch.tensor([-1.0 if n > 1 else 0.0 for n in shape]))

    def forward(self, voxels: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self.start, voxels.to(self.step.dtype), self.step)


class RandomFourier(nn.Module):
    """Sines and cosines of random plane waves, wave numbers normal with an SD (Tancik et al. 2020)."""

    waves: torch.Tensor

    def __init__(
        self, shape: tuple[int, int, int], n_waves: int, omega_sd: float, random: torch.Generator
    ) -> None:
        super().__init__()
        self._positions = _Positions(shape)
        self.register_buffer("waves", omega_sd * torch.randn(3, n_waves, generator=random))
        self.n_features = 2 * n_waves

    def forward(self, voxels: torch.Tensor) -> torch.Tensor:
        """Features (batch, n_features) of voxel indices (batch, 3)."""
        phase: torch.Tensor = self._positions(voxels) @ self.waves
        return torch.cat([torch.sin(phase), torch.cos(phase)], dim=1)


class GaborWavelets(nn.Module):
    """Complex Gabor wavelets exp(i w u - (s u)^2) of learnt projections u (Saragadam et al. 2023).

    The first layer of WIRE as features: real parts, then imaginary ones.
    """

    def __init__(self, shape: tuple[int, int, int], n_wavelets: int, random: torch.Generator) -> None:
        super().__init__()
        self._positions = _Positions(shape)
        # Uniform as in a linear layer of three inputs.
        bound = 1 / math.sqrt(3)
        self.directions = nn.Parameter(bound * (2 * torch.rand(3, n_wavelets, generator=random) - 1))
        self.offsets = nn.Parameter(bound * (2 * torch.rand(n_wavelets, generator=random) - 1))
        self.n_features = 2 * n_wavelets

    def forward(self, voxels: torch.Tensor) -> torch.Tensor:
        """Features (batch, n_features) of voxel indices (batch, 3)."""
        u = self._positions(voxels) @ self.directions + self.offsets
        envelope = torch.exp(-((_GABOR_SPREAD * u) ** 2))
        return torch.cat([envelope * torch.cos(_GABOR_OMEGA * u), envelope * torch.sin(_GABOR_OMEGA * u)], 1)


class HashGrid(nn.Module):
    """Learnt features on grids from coarse to fine, the fine ones hashed (Mueller et al. 2022).

    Every level spans the volume with cells of one size, growing finer from level to level up to the
    voxels. A voxel takes the trilinear interpolation of its cell's eight corners, whose features lie
    in a table: at their own place where the level fits into it, otherwise where a hash of their
    indices says, shared with whatever else falls there.
    """

    cells: torch.Tensor
    corners: torch.Tensor

    def __init__(self, shape: tuple[int, int, int], random: torch.Generator) -> None:
        super().__init__()
        self._positions = _Positions(shape)
        finest = max(max(shape) - 1, _HASH_COARSEST)
        growth = (finest / _HASH_COARSEST) ** (1 / (_HASH_LEVELS - 1))
        extent = [n / max(shape) for n in shape]
        cells = [
            [max(1, round(_HASH_COARSEST * growth**level * share)) for share in extent]
            for level in range(_HASH_LEVELS)
        ]
        self.register_buffer("cells", torch.tensor(cells))
        table = 1e-4 * (2 * torch.rand(_HASH_LEVELS, _HASH_TABLE, _HASH_FEATURES, generator=random) - 1)
        self.table = nn.Parameter(table)
        self.register_buffer("corners", torch.cartesian_prod(*[torch.arange(2)] * 3))
        self.n_features = _HASH_LEVELS * _HASH_FEATURES

    def forward(self, voxels: torch.Tensor) -> torch.Tensor:
        """Features (batch, n_features) of voxel indices (batch, 3)."""
        unit = (self._positions(voxels) + 1) / 2
        levels = []
        for level, cells in enumerate(self.cells):
            place = unit * cells
            low = torch.minimum(place.floor().long(), cells - 1)
            share = (place - low)[:, None]
            weights = torch.where(self.corners.bool(), share, 1 - share).prod(dim=2)
            slots = slot_of(low[:, None] + self.corners, cells)
            levels.append((self.table[level][slots] * weights[:, :, None]).sum(dim=1))
        return torch.cat(levels, dim=1)


def slot_of(corners: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """The table slots of grid corners (..., 3) of a level with so many cells along each axis."""
    along = cells + 1
    if int(along.prod()) <= _HASH_TABLE:
        return (corners[..., 0] * along[1] + corners[..., 1]) * along[2] + corners[..., 2]
    x, y, z = (corners[..., axis] * prime for axis, prime in enumerate(_HASH_PRIMES))
    return (x ^ y ^ z) % _HASH_TABLE
