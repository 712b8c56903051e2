"""A small diffusion scan whose truth is known: an ellipsoid of tissue in air, with Rician noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, open_series, save

SHAPE = (20, 18, 4)
SPACING_MM = (2.0, 2.5, 5.0)
B_VALUES = (0.0, 400.0, 800.0)


@dataclass(frozen=True, eq=False)
class Scan:
    """A noisy series, its noise-free truth, an anatomical image, and where there is tissue."""

    series: DwiSeries
    truth: DwiSeries
    anatomy: Volume
    tissue: np.ndarray


def make_grid(
    shape: tuple[int, int, int] = SHAPE, spacing_mm: tuple[float, float, float] = SPACING_MM
) -> Grid:
    """A grid that runs to the patient's left, off the origin."""
    affine = np.diag([-spacing_mm[0], spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = 20.0, -22.0, 8.0
    return Grid(shape, affine, "simulated")


def make_series(
    shape: tuple[int, int, int] = SHAPE,
    b_values: Sequence[float] = B_VALUES,
    *,
    sigma: float = 60.0,
    seed: int = 0,
    spacing_mm: tuple[float, float, float] = SPACING_MM,
) -> Scan:
    """Tissue of S0 about 1000 and ADC about 1e-3 mm2/s, both smooth in space, with noise of ``sigma``."""
    grid = make_grid(shape, spacing_mm)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape], indexing="ij")
    tissue = (x / 0.75) ** 2 + (y / 0.75) ** 2 + (z / 1.5) ** 2 < 1
    s0 = np.where(tissue, 1000 + 250 * np.sin(4 * x) * np.cos(3 * y), 0)
    adc = 1e-3 * (1 + 0.4 * np.cos(3 * x + 1) * np.sin(3 * y) + 0.1 * z)
    clean = s0[..., None] * np.exp(-np.asarray(b_values) * adc[..., None])
    rng = np.random.default_rng(seed)
    real, imaginary = rng.normal(0, sigma, (2, *clean.shape))
    b = BValues(np.array(b_values))
    return Scan(
        DwiSeries(np.hypot(clean + real, imaginary).astype(np.float32), grid, b, "scan"),
        DwiSeries(clean.astype(np.float32), grid, b, "truth"),
        Volume((s0 * (1 - 0.3 * np.cos(4 * y))).astype(np.float32), grid, name="T1"),
        tissue,
    )


def save_series(series: DwiSeries, path: Path) -> DwiSeries:
    """The series as read back from a file, with its source."""
    save(series, path)
    return open_series(path)


def files_below(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
