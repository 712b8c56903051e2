"""The synthetic IVIM data that the benchmarks of fitting share, and scipy's curve_fit as the peer.

Parameters are drawn from the ranges of Epstein et al. (Choice of training label matters, 2022): f 0.1 to
0.5, D 0.4 to 3, Dfast 10 to 150 x 10^-3 mm2/s, S0 = 1; noise is Rician with sigma = 1 / SNR.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.optimize import curve_fit

from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import IVIM
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

B_VALUES = np.array([0.0, 10, 20, 30, 50, 80, 100, 200, 400, 800])
_START = (0.2, 1.5, 60.0, 1.0)
_LOW, _HIGH = (0.0, 0.0, 5.0, 0.3), (0.7, 5.0, 300.0, 3.0)


def seed_004_voxels(draws: int, repeats: int, snr: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """True f, D, D*, S0 (n, 4) and noisy signals (n, n_b), repeat after repeat of the same draws."""
    rng = np.random.default_rng(seed)
    d = rng.uniform(0.4e-3, 3e-3, draws)
    columns = (rng.uniform(0.1, 0.5, draws), d, d + rng.uniform(10e-3, 150e-3, draws), np.ones(draws))
    truth = np.tile(np.stack(columns, axis=-1), (repeats, 1))
    return truth, add_rician_noise(IVIM.signal(B_VALUES, truth), 1 / snr, rng)


def as_inputs(signals: np.ndarray, b_values: np.ndarray = B_VALUES) -> Inputs:
    """Voxels (n, n_b) as a series of one row, all of it in the mask."""
    shape = (len(signals), 1, 1)
    grid = Grid(shape, np.eye(4), "simulated")
    series = DwiSeries(signals[:, None, None].astype(np.float32), grid, BValues(b_values), "voxels")
    return Inputs(series, mask=Volume(np.ones(shape, np.float32), grid, "mask"))


def timed_fit(
    method: Method, inputs: Inputs, preset: str | None = None, **settings: str
) -> tuple[Result, float]:
    """The result of a method on one CPU thread, and the CPU seconds it took."""
    parameters = method.settings(preset).with_settings(settings)
    clock = time.process_time()
    result = run_method(method, parameters, inputs, device="cpu", threads=1)
    return result, time.process_time() - clock


def curve_fitted(signals: np.ndarray) -> tuple[np.ndarray, float]:
    """f, D, D* of scipy's curve_fit, voxel by voxel within the same bounds, and CPU seconds."""
    found = np.full((len(signals), 3), np.nan)
    clock = time.process_time()
    for n, signal in enumerate(signals):
        try:
            values, _ = curve_fit(_ivim, B_VALUES, signal, p0=_START, bounds=(_LOW, _HIGH))
        except RuntimeError:
            continue
        found[n] = values[0], values[1] * 1e-3, values[2] * 1e-3
    return found, time.process_time() - clock


def _ivim(b: np.ndarray, f: float, d: float, d_star: float, s0: float) -> np.ndarray:
    return s0 * ((1 - f) * np.exp(-b * d * 1e-3) + f * np.exp(-b * d_star * 1e-3))
