"""What decides the weights of a voxel network: the same recipe gives the same network."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.physics.signal_models import UNWEIGHTED_B, SignalModel, find_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Raised whenever the same recipe would come to mean other weights.
_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a voxel network is trained.

    Parameters
    ----------
    model : str
        Name of the signal model.
    b_values : tuple of float
        b-values of the volumes in s/mm2, ascending.
    averaged : tuple of int
        How many measurements were averaged into each.
    snr : float
        Signal of the lowest b-value over the noise level of single measurements.
    ranges : tuple of pairs
        Lowest and highest value of every parameter, S0 last (about 1), in the model's units; training
        voxels are spread evenly between them.
    loss : str
        Whether estimates are compared with labels among the ``"parameters"`` (eqs. 7, 9, 10) or
        their signal with the noisy ``"signal"`` (eq. 8).
    alpha : float
        What maximum likelihood labels count, 0 to 1; the true parameters count the rest (eq. 10).
    label_noise : str
        Noise model of these labels; ``"none"`` if they do not count.
    label_bounds : tuple of pairs
        Bounds of the shape parameters within which they are sought; empty if they do not count.
    drop_at_bounds : bool
        Whether voxels with a label at a bound are left out.
    loss_weights : tuple of float
        What an error of each parameter counts, S0 last, relative to the mean of its range.
    width, layers : int
        Units of a hidden layer, and how many of these there are.
    voxels : int
        Training voxels, of which a fifth is held out.
    steps, batch_size : int
        Training steps, and voxels in each.
    learning_rate : float
        Rate of Adam.
    rate_falls : bool
        Whether it falls to zero as a cosine.
    patience : float
        Training ends when the held-out loss has not improved for this share of the steps, 0 to 1.
    restarts : int
        How many networks are trained, from different weights; the best is kept.
    seed : int
        Seed of voxels, noise, weights and order.
    start : Recipe, optional
        The network whose weights training begins with, in place of random ones.
    version : int
        Version of the training itself.
    """

    model: str
    b_values: tuple[float, ...]
    averaged: tuple[int, ...]
    snr: float
    ranges: tuple[tuple[float, float], ...]
    loss: Literal["parameters", "signal"]
    alpha: float
    label_noise: Literal["none", "gaussian", "rician"]
    label_bounds: tuple[tuple[float, float], ...]
    drop_at_bounds: bool
    loss_weights: tuple[float, ...]
    width: int
    layers: int
    voxels: int
    steps: int
    batch_size: int
    learning_rate: float
    rate_falls: bool
    patience: float
    restarts: int
    seed: int
    start: Recipe | None = None
    version: int = _VERSION

    @property
    def signal_model(self) -> SignalModel:
        """The model named by ``model``."""
        return find_model(self.model)

    @property
    def sigma(self) -> float:
        """Noise level of single measurements of the training voxels."""
        centre = np.mean(self.ranges, axis=1)
        return float(self.signal_model.signal(self.b_values[:1], centre)[0]) / self.snr

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON gives it back."""
        said: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return said

    def scale_of(self, signal: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """What every voxel is divided by before a network sees it: its signal at the lowest b-value.

        Parameters
        ----------
        signal : ndarray, shape (n_voxels, n_b)
            Signal in the order of ``b_values``.

        Returns
        -------
        ndarray, shape (n_voxels,)
        """
        counts = np.array(self.averaged, dtype=signal.dtype)
        lowest = np.array(self.b_values) <= self.b_values[0] + UNWEIGHTED_B
        return np.asarray(signal[:, lowest] @ (counts[lowest] / counts[lowest].sum()))
