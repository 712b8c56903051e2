"""How good predicted signals are beside measured ones, where the signal without noise is known.

Two phenomena of unsupervised fits ("differences in signal quality"): predictions come closer to the
clean signal than the measurements while training goes on, and the more a prediction differs from its
measurement, the more it is the better one of the two. Definitions from the supplementary materials of
SI-CNN, section A, equations 1 to 5, with |x| for sqrt(x^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class SignalQuality:
    """Mean absolute differences over some samples, in the unit of the signal.

    Parameters
    ----------
    noise : float
        Between measured and clean signal (Noise, Q_n).
    fitting_error : float
        Between predicted and measured signal (Fitting Error).
    recon_error : float
        Between predicted and clean signal (Recon Error, Q_p).
    samples : int
        How many samples; 0 makes the others NaN.
    """

    noise: float
    fitting_error: float
    recon_error: float
    samples: int


def signal_quality(clean: ArrayLike, noisy: ArrayLike, predicted: ArrayLike) -> SignalQuality:
    """The quality of measured and predicted signals.

    Parameters
    ----------
    clean, noisy, predicted : array_like of one shape
        Signals without noise, measured, and predicted by a fit; samples with a NaN do not count.

    Raises
    ------
    BadInputError
        If the shapes differ.
    """
    return _mean_of(*_differences(clean, noisy, predicted))


def quality_by_fitting_error(
    clean: ArrayLike, noisy: ArrayLike, predicted: ArrayLike, edges: Sequence[float]
) -> tuple[SignalQuality, ...]:
    """The quality of signals grouped by their fitting error.

    Parameters
    ----------
    clean, noisy, predicted
        As for `signal_quality`.
    edges : sequence of float
        Rising edges of the groups: n edges make n groups, each from an edge (included) to the next
        (excluded), the last without end.

    Returns
    -------
    tuple of SignalQuality
        One for each group.
    """
    noise, fitting, recon = _differences(clean, noisy, predicted)
    if not len(edges) or (np.diff(edges) <= 0).any():
        raise BadInputError("the edges of fitting errors must rise", found=", ".join(map(str, edges)))
    group = np.searchsorted(np.asarray(edges, dtype=float), fitting, side="right") - 1
    return tuple(
        _mean_of(noise[group == n], fitting[group == n], recon[group == n]) for n in range(len(edges))
    )


def predictions_surpass_measurements(by_epoch: Sequence[SignalQuality]) -> bool:
    """Phenomenon 1: the predictions of the last epoch are better than the measurements.

    They must also be better than those of the first epoch.
    """
    first, last = by_epoch[0], by_epoch[-1]
    return last.recon_error < last.noise and last.recon_error < first.recon_error


def gap_grows_with_fitting_error(by_fitting_error: Sequence[SignalQuality]) -> bool:
    """Phenomenon 2: from group to group the measurements lose more and more to the predictions."""
    gaps = [group.noise - group.recon_error for group in by_fitting_error if group.samples]
    return len(gaps) > 1 and bool((np.diff(gaps) > 0).all())


def _differences(
    clean: ArrayLike, noisy: ArrayLike, predicted: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    true, measured, guess = (np.asarray(signal, dtype=np.float64) for signal in (clean, noisy, predicted))
    if not true.shape == measured.shape == guess.shape:
        raise BadInputError(
            "signals to compare must have one shape",
            found=f"{true.shape}, {measured.shape} and {guess.shape}",
        )
    known = np.isfinite(true) & np.isfinite(measured) & np.isfinite(guess)
    true, measured, guess = true[known], measured[known], guess[known]
    return np.abs(measured - true), np.abs(guess - measured), np.abs(guess - true)


def _mean_of(
    noise: NDArray[np.float64], fitting: NDArray[np.float64], recon: NDArray[np.float64]
) -> SignalQuality:
    if not len(noise):
        return SignalQuality(float("nan"), float("nan"), float("nan"), 0)
    return SignalQuality(float(noise.mean()), float(fitting.mean()), float(recon.mean()), len(noise))
