"""Fits work with every shape parameter between 0 and 1; here is the way there and back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._problem import FitProblem

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

# Rates that may differ by more than this factor are spaced by their logarithm.
_WIDE_RANGE = 10.0


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Unit coordinates u of the shape parameters: 0 at the lowest bound, 1 at the highest.

    Parameters
    ----------
    low, high : ndarray, shape (n_shape,)
        The bounds.
    logarithmic : tuple of bool
        Which parameters are spaced by their logarithm.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    logarithmic: tuple[bool, ...]

    @classmethod
    def of(cls, problem: FitProblem) -> Coordinates:
        """The coordinates between the bounds of a problem."""
        low, high = problem.bounds.T
        wide = tuple(bool(a > 0 and b > _WIDE_RANGE * a) for a, b in zip(low, high, strict=True))
        return cls(low, high, wide)

    def values(self, u: NDArray[Any]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Shape parameters and their derivatives by u, for u of shape (n_shape, ...)."""
        values, slopes = [], []
        for n, unit in enumerate(u):
            low, high = self.low[n], self.high[n]
            if self.logarithmic[n]:
                width = unit.dtype.type(np.log(high / low))
                value = unit.dtype.type(low) * np.exp(width * unit)
                slopes.append(width * value)
            else:
                width = unit.dtype.type(high - low)
                value = unit.dtype.type(low) + width * unit
                slopes.append(np.broadcast_to(width, unit.shape))
            values.append(value)
        return values, slopes

    def units(self, values: NDArray[Any]) -> NDArray[Any]:
        """Unit coordinates of shape parameters (n_shape, ...)."""
        found = []
        for n, value in enumerate(values):
            low, high = self.low[n], self.high[n]
            if self.logarithmic[n]:
                found.append(np.log(value / low) / np.log(high / low))
            else:
                found.append((value - low) / (high - low))
        return np.asarray(np.clip(np.array(found), 0.0, 1.0))

    def grid(self, points: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """The centres of equal boxes, shape (n_shape, n_boxes)."""
        axes = [(np.arange(n) + 0.5) / n for n in points]
        return np.array(list(product(*axes)), dtype=dtype).T
