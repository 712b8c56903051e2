"""Where a segmented fit splits the b-values into those of blood and tissue, and those of tissue alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.organs import ORGANS
from napari_dwi.physics.signal_models import IVIM, UNWEIGHTED_B

if TYPE_CHECKING:
    from numpy.typing import NDArray

# S0 over the noise level. More noise would ask for a lower split, where blood biases the result.
_SNR = 60.0


def best_split(b: NDArray[np.float64], weights: NDArray[np.float64]) -> float | None:
    """The b-value from which tissue alone is best fitted.

    A low one leaves blood in what is taken for tissue, a high one few values to fit. The one with the
    smallest expected error of D is taken, root mean square over organs of all kinds.

    Parameters
    ----------
    b : ndarray, shape (n_b,)
        b-values in s/mm2.
    weights : ndarray, shape (n_b,)
        How many volumes were averaged at each.

    Returns
    -------
    float or None
        In s/mm2; ``None`` if no b-value leaves two different ones on either side.
    """
    splits = [float(split) for split in np.unique(b) if two_sided(b, float(split))]
    return min(splits, key=lambda split: _expected_error(b, weights, split), default=None)


def two_sided(b: NDArray[np.float64], split: float) -> bool:
    """Whether at least two different b-values lie below a split, and two from it on."""
    return all(len(part) > 0 and np.ptp(part) > UNWEIGHTED_B for part in (b[b < split], b[b >= split]))


def _expected_error(b: NDArray[np.float64], weights: NDArray[np.float64], split: float) -> float:
    """Mean square of bias and noise of D, in shares of D."""
    high = b >= split
    tissue = np.array([organ.d for organ in ORGANS])
    signal = IVIM.signal(b[high], np.array([organ.values(IVIM) for organ in ORGANS]))
    counts = weights[high] * signal**2
    middle = (counts * b[high]).sum(axis=1, keepdims=True) / counts.sum(axis=1, keepdims=True)
    offset = b[high] - middle
    spread = (counts * offset**2).sum(axis=1)
    found = -(counts * offset * np.log(signal)).sum(axis=1) / spread
    return float((((found - tissue) ** 2 + 1 / (_SNR**2 * spread)) / tissue**2).mean())
