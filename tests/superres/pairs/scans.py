"""Two scans of one object, quick with low and long with high resolution, as volumes and as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.scan import Grid, Volume, save
from napari_dwi.superres.pairs.pair import PairFacts
from napari_dwi.superres.training.shape_images import shape_image

N_SLICES = 4
BRIGHTEST, SIGMA = 1000.0, 30.0
SPACING_MM = (0.4, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Scans:
    """Both volumes, axes (x, y, z), and where their voxels lie if voxel 2n is at voxel n."""

    low: np.ndarray
    high: np.ndarray
    low_grid: Grid
    high_grid: Grid

    def save(self, folder: Path, name: str = "mouse") -> tuple[Path, Path]:
        """The files of both."""
        paths = folder / f"{name}_low.nii.gz", folder / f"{name}_high.nii.gz"
        for path, data, grid in zip(
            paths, (self.low, self.high), (self.low_grid, self.high_grid), strict=True
        ):
            save(Volume(data, grid), path)
        return paths


def low_grid(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float] = SPACING_MM) -> Grid:
    """Axial slices off the origin; x runs to the patient's left."""
    affine = np.diag([-spacing_mm[0], spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = 9.0, -7.0, 3.0
    return Grid(shape, affine, "simulated")


def make_scans(
    *,
    factor: int = 2,
    size: int = 64,
    n_slices: int = N_SLICES,
    sigma: float = SIGMA,
    shift: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
) -> Scans:
    """Scans of random shapes; the object lies ``shift`` fine voxels further in that of high resolution."""
    rng = np.random.default_rng(seed)
    low, high = [], []
    for _ in range(n_slices):
        truth = BRIGHTEST * shape_image(size, rng).astype(float)
        pair = simulate_pair(truth, sigma, rng, factor=max(factor, 2))
        low.append(pair.low if factor > 1 else noisy(truth, sigma, rng))
        high.append(noisy(shifted(truth, shift), sigma / 2, rng))
    stacks = [np.stack(slices, axis=-1).astype(np.float32) for slices in (low, high)]
    grid = low_grid((size // factor, size // factor, n_slices))
    return Scans(stacks[0], stacks[1], grid, grid.refined((factor, factor, 1)))


def shifted(image: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """A periodic image with everything this many voxels further."""
    rows, columns = (np.fft.fftfreq(size) * by for size, by in zip(image.shape, shift, strict=True))
    phases = np.exp(-2j * np.pi * np.add.outer(rows, columns))
    return np.fft.ifft2(np.fft.fft2(image) * phases).real


def noisy(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """The magnitude of an image with noise."""
    real, imaginary = rng.normal(0, sigma, (2, *image.shape))
    return np.hypot(image + real, imaginary).astype(np.float32)


def make_facts(name: str = "a-1", subject: str = "a", **changes: object) -> PairFacts:
    """Of five slices of 8 x 9 voxels and twice as many."""
    said = {
        "plane": "axial",
        "factor": 2,
        "shape_low": (8, 9, 5),
        "shape_high": (16, 18, 5),
        "spacing_low_mm": (0.4, 0.5, 1.0),
        "spacing_high_mm": (0.2, 0.25, 1.0),
        "scale": 500.0,
        "sigma_low": 25.0,
    }
    return PairFacts(name, subject, **(said | changes))  # type: ignore[arg-type]


def make_images(facts: PairFacts, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Slices (n, h, w) of both resolutions; high[:, factor * i, factor * j] is low[:, i, j]."""
    rows, columns, n_slices = facts.shape_high
    high = np.random.default_rng(seed).uniform(1, 900, (n_slices, rows, columns)).astype(np.float32)
    return high[:, :: facts.factor, :: facts.factor].copy(), high
