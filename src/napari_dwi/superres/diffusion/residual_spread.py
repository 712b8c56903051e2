"""How strong the residuals of an anchored path are, which beta is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LEAST_SQUARE = 1e-12
_FITS = 5


@dataclass(frozen=True)
class ResidualSpread:
    """Root mean square of R = y - x0 for a scan of known noise: RMS(R)^2 = detail^2 + (share sigma)^2.

    Parameters
    ----------
    detail : float
        What the quick scan lacks, in units of the brightest tissue.
    share : float
        Of the SD of its noise, how much lies in R.
    """

    detail: float
    share: float

    @classmethod
    def measured(cls, noise: NDArray[np.floating], squares: NDArray[np.floating]) -> ResidualSpread:
        """From examples, whose mean squares vary in proportion to what is expected of them.

        Parameters
        ----------
        noise, squares : ndarray, shape (n,)
            SD of the noise of examples and mean squares of their residuals, in units of the brightest
            tissue.
        """
        noise, squares = np.asarray(noise, np.float64), np.asarray(squares, np.float64)
        terms = np.stack([np.ones_like(noise), noise**2], axis=1)
        found = np.array([squares.mean(), 0.0])
        for _ in range(_FITS):
            weight = 1 / np.maximum(terms @ found, _LEAST_SQUARE)
            found = _not_negative(terms * weight[:, None], squares * weight)
        return cls(float(np.sqrt(found[0])), float(np.sqrt(found[1])))

    def rms(self, noise: float) -> float:
        """RMS(R) at a noise level, both in units of the brightest tissue."""
        return float(np.hypot(self.detail, self.share * noise))


def _not_negative(terms: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least squares of two terms; where one would be negative, the other is all there is."""
    found = np.linalg.lstsq(terms, values, rcond=None)[0]
    if found.min() < 0:
        kept = int(np.argmax(found))
        column = terms[:, kept]
        found = np.zeros(2)
        found[kept] = column @ values / (column @ column)
    return np.asarray(found)
