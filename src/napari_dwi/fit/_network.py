"""A trained voxel network: from the decay of a voxel to its parameters, a million voxels a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class VoxelNetwork:
    """Fully connected layers with exponential linear units (Epstein et al. 2022, section 3.2).

    Parameters
    ----------
    weights : tuple of ndarray, float32, shape (n_in, n_out)
        Weights of each layer; the last gives the parameters.
    biases : tuple of ndarray, float32, shape (n_out,)
        What is added to them.
    scale : ndarray, float32, shape (n_parameters,)
        Parameters are this many times the absolute value of the last layer.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    scale: Array

    def __call__(self, signal: Array) -> Array:
        """The parameters of some voxels.

        Parameters
        ----------
        signal : ndarray, float32, shape (n_voxels, n_b)
            Signal over that of the lowest b-value.

        Returns
        -------
        ndarray, float32, shape (n_voxels, n_parameters)
            In the units of the model, S0 over the signal of the lowest b-value.
        """
        # Voxels along the last axis: every layer then works on long rows.
        units = np.ascontiguousarray(signal.T)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            units = weight.T @ units
            units += bias[:, None]
            below = np.exp(np.minimum(units, 0.0))
            below -= 1
            units = np.maximum(units, below, out=units)
        last = self.weights[-1].T @ units + self.biases[-1][:, None]
        return np.ascontiguousarray((np.abs(last) * self.scale[:, None]).T)
