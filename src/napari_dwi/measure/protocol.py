"""Planning a protocol: what its b-values can resolve, and which one more would help most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.estimator_limits import lowest_sd
from napari_dwi.physics.signal_models import SignalModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# What scanners can be asked for, s/mm2: fine where perfusion fades, coarse beyond.
CANDIDATES = np.concatenate([np.arange(0, 100, 5), np.arange(100, 300, 10), np.arange(300, 1501, 50)])


@dataclass(frozen=True, eq=False)
class ProtocolLimits:
    """The best any unbiased estimate from one voxel can do.

    Parameters
    ----------
    model : SignalModel
        What is fitted.
    values : ndarray, shape (p,)
        True parameters in the order of ``model.parameters``.
    sd : ndarray, shape (p,)
        Lowest standard deviation of each in its unit; NaN where the b-values do not determine it.
    candidates : ndarray, shape (k,)
        b-values (s/mm2) that one volume could be added at.
    sd_with : ndarray, shape (k, p)
        Lowest standard deviations with that volume added.
    """

    model: SignalModel
    values: NDArray[np.float64]
    sd: NDArray[np.float64]
    candidates: NDArray[np.float64]
    sd_with: NDArray[np.float64]

    def best_addition(self, name: str) -> tuple[float, float] | None:
        """The b-value whose addition helps one parameter most.

        Parameters
        ----------
        name : str
            Name of the parameter.

        Returns
        -------
        (float, float) or None
            b-value in s/mm2, and the standard deviation with it over that without (0 where only it
            makes the parameter known); ``None`` if no single volume makes it known.
        """
        place = self.model.names.index(name)
        sd = self.sd_with[:, place]
        if np.isnan(sd).all():
            return None
        best = int(np.nanargmin(sd))
        before = self.sd[place]
        return float(self.candidates[best]), 0.0 if np.isnan(before) else float(sd[best] / before)


def protocol_limits(
    model: SignalModel,
    b_values: ArrayLike,
    values: ArrayLike,
    snr: float,
    candidates: ArrayLike = CANDIDATES,
) -> ProtocolLimits:
    """What a protocol can resolve in a single voxel with Rician noise (Cramer-Rao bound).

    Parameters
    ----------
    model : SignalModel
        What is fitted.
    b_values : array_like, shape (n,)
        b-values of all volumes, repeats included, s/mm2.
    values : array_like, shape (p,)
        True parameters in the order of ``model.parameters``; only ratios to S0 matter.
    snr : float
        S0 over the noise level of a single volume.
    candidates : array_like, shape (k,)
        b-values to try adding a volume at, s/mm2.

    Raises
    ------
    BadInputError
        If the SNR is not positive.
    """
    if not snr > 0:
        raise BadInputError("the SNR must be positive", found=f"{snr:g}")
    truth = np.asarray(values, dtype=np.float64)
    sigma = truth[-1] / snr
    protocol = np.asarray(b_values, dtype=np.float64)
    added = np.asarray(candidates, dtype=np.float64)
    sd = lowest_sd(model, protocol, truth, sigma, noise="rician")
    sd_with = np.array(
        [lowest_sd(model, np.append(protocol, b), truth, sigma, noise="rician") for b in added]
    )
    return ProtocolLimits(model, truth, sd, added, sd_with)
