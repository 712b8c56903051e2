"""Adam, which trains the voxel networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OF_MEAN, _OF_SQUARE = 0.9, 0.999
_TINY = np.float32(1e-8)


class Adam:
    """Steps down a gradient, each weight at its own pace (Kingma and Ba, ICLR 2015).

    Parameters
    ----------
    shape : tuple of int
        Of the weights.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._mean = np.zeros(shape, dtype=np.float32)
        self._square = np.zeros(shape, dtype=np.float32)
        self._steps = 0

    def change(self, gradient: NDArray[np.float32], rate: float) -> NDArray[np.float32]:
        """What to add to the weights.

        Parameters
        ----------
        gradient : ndarray, float32
            Gradient of the loss by the weights.
        rate : float
            The learning rate.
        """
        self._steps += 1
        self._mean += np.float32(1 - _OF_MEAN) * (gradient - self._mean)
        self._square += np.float32(1 - _OF_SQUARE) * (gradient * gradient - self._square)
        # Means begin at zero, and are that much too small at first.
        size = np.sqrt(self._square) * np.float32((1 - _OF_SQUARE**self._steps) ** -0.5)
        return np.asarray(self._mean * np.float32(-rate / (1 - _OF_MEAN**self._steps)) / (size + _TINY))
