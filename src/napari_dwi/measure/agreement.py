"""How far two methods agree on the same voxels (Bland and Altman)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Of a normal distribution, 95 % lie within so many standard deviations.
_WITHIN = 1.96


@dataclass(frozen=True)
class Agreement:
    """Differences between two methods, first minus second.

    Parameters
    ----------
    n : int
        Voxels that both have a value for.
    mean_difference : float
        In the unit of the values; NaN without such a voxel.
    sd : float
        Standard deviation of the differences (n - 1); NaN for fewer than two voxels.
    """

    n: int
    mean_difference: float
    sd: float

    @property
    def limits(self) -> tuple[float, float]:
        """The limits of agreement: 95 % of the differences lie between them if these are normal."""
        return self.mean_difference - _WITHIN * self.sd, self.mean_difference + _WITHIN * self.sd


def agreement(first: ArrayLike, second: ArrayLike) -> Agreement:
    """Compare two methods voxel by voxel (Bland and Altman, Lancet 327 (1986) 307-310).

    Parameters
    ----------
    first, second : array_like, same shape
        Values of the same voxels, in the same unit; what is not finite is left out.

    Returns
    -------
    Agreement
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    known = difference[np.isfinite(difference)]
    n = int(known.size)
    return Agreement(
        n,
        float(known.mean()) if n else float("nan"),
        float(known.std(ddof=1)) if n > 1 else float("nan"),
    )
