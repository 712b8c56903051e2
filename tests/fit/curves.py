"""Small series of voxels with known parameters, for every signal model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_dwi.methods.method import Inputs
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import SignalModel, find_model
from napari_dwi.scan import BValues, DwiSeries, Volume

from ..synthetic import make_grid

SHAPE = (8, 6, 4)
B_VALUES = (0.0, 10.0, 20.0, 30.0, 50.0, 80.0, 100.0, 200.0, 400.0, 800.0)
# Where voxels of a tissue lie; kurtosis and the intermediate compartment are well clear of their bounds.
_TISSUE = {
    "ADC": (0.5e-3, 2.5e-3),
    "f": (0.15, 0.4),
    "D": (0.7e-3, 1.8e-3),
    "Dstar": (20e-3, 100e-3),
    "Dfast": (20e-3, 100e-3),
    "fmid": (0.1, 0.2),
    "Dmid": (5e-3, 8e-3),
    "K": (0.5, 1.0),
    "S0": (500.0, 1500.0),
}


@dataclass(frozen=True, eq=False)
class Curves:
    """A series, the parameters behind it (..., p), and a mask of everything."""

    series: DwiSeries
    truth: np.ndarray
    mask: Volume

    @property
    def inputs(self) -> Inputs:
        return Inputs(self.series, mask=self.mask)


def make_curves(
    model: SignalModel | str,
    b_values: Sequence[float] = B_VALUES,
    *,
    snr: float | None = None,
    seed: int = 0,
    shape: tuple[int, int, int] = SHAPE,
) -> Curves:
    """Voxels with parameters drawn at random, noise-free or with Rician noise of sigma 1000 / ``snr``."""
    model = find_model(model) if isinstance(model, str) else model
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.uniform(*_TISSUE[name], shape) for name in model.names], axis=-1)
    signal = model.signal(b_values, truth)
    if snr is not None:
        signal = add_rician_noise(signal, 1000 / snr, rng)
    grid = make_grid(shape)
    series = DwiSeries(signal.astype(np.float32), grid, BValues(np.array(b_values)), "scan")
    return Curves(series, truth, Volume(np.ones(shape, np.float32), grid, "mask"))
