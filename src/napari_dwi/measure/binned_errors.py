"""Errors of a map as a function of the reference value, where the reference is another map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class BinnedErrors:
    """Errors in bins of the reference value, in its unit.

    Parameters
    ----------
    edges : ndarray, shape (n + 1,)
        Where the bins begin and end.
    count : ndarray of int, shape (n,)
        Voxels in each.
    bias, sd, rmse : ndarray, shape (n,)
        Mean, standard deviation (n - 1) and root mean square of value minus reference; NaN in bins
        with too few voxels. The spread of the reference within a bin counts for neither.
    """

    edges: NDArray[np.float64]
    count: NDArray[np.intp]
    bias: NDArray[np.float64]
    sd: NDArray[np.float64]
    rmse: NDArray[np.float64]

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin."""
        return np.asarray((self.edges[:-1] + self.edges[1:]) / 2)


def binned_errors(values: ArrayLike, reference: ArrayLike, edges: ArrayLike) -> BinnedErrors:
    """Sort errors by the reference value (Epstein et al. 2022, figure 5).

    Parameters
    ----------
    values, reference : array_like, same shape
        Of the same voxels, in the same unit; what is not finite in either is left out.
    edges : array_like, shape (n + 1,)
        Rising; the last bin includes its end, what lies outside is left out.

    Returns
    -------
    BinnedErrors
    """
    found = np.asarray(values, dtype=np.float64).ravel()
    true = np.asarray(reference, dtype=np.float64).ravel()
    ends = np.asarray(edges, dtype=np.float64)
    known = np.isfinite(found) & np.isfinite(true) & (true >= ends[0]) & (true <= ends[-1])
    error, true = found[known] - true[known], true[known]
    n = len(ends) - 1
    which = np.minimum(np.searchsorted(ends, true, side="right") - 1, n - 1)
    count = np.bincount(which, minlength=n)
    enough = np.where(count > 0, count, np.nan)
    bias = np.bincount(which, error, n) / enough
    square = np.bincount(which, error**2, n) / enough
    spread = np.bincount(which, (error - bias[which]) ** 2, n)
    sd = np.sqrt(spread / np.where(count > 1, count - 1, np.nan))
    return BinnedErrors(ends, count, bias, sd, np.sqrt(square))
