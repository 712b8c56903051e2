"""Squares of every combination of f, D and D*, to see where a fit goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.scanning import GAIN, axial_grid, noisy_scan
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.scan_noise import ScanNoise
from napari_dwi.physics.signal import ivim
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.images import DwiSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

# One slice for each f, one row of squares for each D and one column for each D*; mm2/s.
F_OF_SLICES = (0.05, 0.10, 0.20, 0.30, 0.40)
D_OF_ROWS = (0.5e-3, 0.8e-3, 1.2e-3, 1.6e-3, 2.2e-3)
D_STAR_OF_COLUMNS = (8e-3, 15e-3, 30e-3, 60e-3, 120e-3)

_B_VALUES = (0, 10, 20, 40, 60, 80, 100, 150, 200, 400, 600, 800)
_SPACING_MM = (2.0, 2.0, 5.0)


def simulate_ivim_squares(
    snr: float = 50.0,
    seed: int = 0,
    b_values: Sequence[float] = _B_VALUES,
    noise: ScanNoise | None = None,
    square: int = 12,
) -> SimulatedScan:
    """Even squares of known IVIM parameters with S0 = 1000, without anatomy.

    Parameters
    ----------
    snr : float
        S0 over sigma. ``inf`` gives no noise.
    seed : int
        Seed of the noise.
    b_values : sequence of float
        One b-value for each volume, s/mm2.
    noise : ScanNoise, optional
        What the noise is like; by default white and the same in all volumes.
    square : int
        Voxels along the edge of a square.

    Returns
    -------
    SimulatedScan
        Its regions are the squares.

    Raises
    ------
    BadInputError
        If the SNR is not positive or the b-values cannot be used.
    """
    if not snr > 0:
        raise BadInputError("not a signal-to-noise ratio", expected="a positive number", found=f"{snr:g}")
    diffusion = BValues(np.asarray(b_values, dtype=np.float64), origin="simulated")
    counts = len(D_STAR_OF_COLUMNS), len(D_OF_ROWS), len(F_OF_SLICES)
    shape = (square * counts[0], square * counts[1], counts[2])
    grid = axial_grid(shape, _SPACING_MM, (0.0, 0.0, 0.0))
    column, row, z = np.indices(shape) // np.array([square, square, 1]).reshape(3, 1, 1, 1)
    f, d, d_star = (
        np.asarray(v)[n] for v, n in ((F_OF_SLICES, z), (D_OF_ROWS, row), (D_STAR_OF_COLUMNS, column))
    )
    signal = ivim(diffusion.values, GAIN, f, d, d_star).astype(np.float32)
    maps = {"D": d, "f": f, "Dstar": d_star, "S0": np.full(shape, GAIN)}
    codes = 1 + column + counts[0] * (row + counts[1] * z)
    names = {
        1 + x + counts[0] * (y + counts[1] * n): f"f {share:g}, D {slow * 1e3:g}, D* {fast * 1e3:g}"
        for n, share in enumerate(F_OF_SLICES)
        for y, slow in enumerate(D_OF_ROWS)
        for x, fast in enumerate(D_STAR_OF_COLUMNS)
    }
    truth = DwiSeries(signal, grid, diffusion, "ivim")
    return noisy_scan("ivim", truth, maps, codes, names, GAIN / snr, noise, np.random.default_rng(seed))
