"""The Rician noise level sigma of a series, slice by slice where slices differ.

Three things can tell it: the air around the patient, repeats of the same volume, and what the other
volumes cannot predict of one. Air is the only one that is noise and nothing else; the others measure the
standard deviation within tissue, from which sigma follows by the fixed point of Koay and Basser.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.measure.noise_level import air_mask, noise_level
from napari_dwi.measure.noise_sigma import sd_from_differences, sd_of_magnitude
from napari_dwi.scan.averaging import repeated_volumes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan import DwiSeries

BACKGROUND, REPEATS, RESIDUAL = "background", "repeats", "residual"
SOURCES = (BACKGROUND, REPEATS, RESIDUAL)

_ORIGINS = {
    BACKGROUND: "estimated from the air",
    REPEATS: "estimated from repeats",
    RESIDUAL: "estimated from what the other volumes do not predict",
}

# Median absolute value of a normal distribution, in units of its SD.
_NORMAL_MEDIAN = 0.6745
_FEWEST_VOXELS = 500
# Slices differ if their levels spread more than this; less is within what single slices can tell.
_SLICES_DIFFER = 0.1
_FIXED_POINT_STEPS = 30
# More of the background than this at exactly zero was blanked by the scanner.
_BLANKED = 0.01


@dataclass(frozen=True, eq=False)
class RicianSigma:
    """A noise level.

    Parameters
    ----------
    of_slices : ndarray, float64, shape (n_slices,)
        Sigma in scanner units; the same throughout unless slices differ.
    origin : str
        How it was found, in words.
    blanked : float
        Share of the background that is exactly zero, which only processing makes it.
    """

    of_slices: NDArray[np.float64]
    origin: str
    blanked: float = 0.0

    @property
    def mean(self) -> float:
        """Mean over the slices."""
        return float(self.of_slices.mean())

    @property
    def varies(self) -> bool:
        """Whether slices have levels of their own."""
        return bool(np.ptp(self.of_slices) > 0)

    def along(self, slice_axis: int) -> NDArray[np.float64]:
        """Sigma shaped to broadcast against volumes (x, y, z, n) whose slices are stacked along an axis."""
        shape = [1, 1, 1, 1]
        shape[slice_axis] = self.of_slices.size
        return self.of_slices.reshape(shape)


def rician_sigma(
    series: DwiSeries, source: str, slice_axis: int, check: Callable[[], None], typed: float = 0.0
) -> RicianSigma:
    """The noise level of a series.

    Parameters
    ----------
    series : DwiSeries
        The series.
    source : str
        One of `SOURCES`: what to estimate it from.
    slice_axis : int
        Axis along which slices are stacked (0 to 2).
    check : callable
        Called often; raises to stop.
    typed : float
        Sigma as the user knows it, in scanner units; 0 estimates it.

    Raises
    ------
    BadInputError
        If the source is unknown, or is not there or cannot tell.

    References
    ----------
    Koay and Basser, Analytically exact correction scheme for signal extraction from noisy magnitude
    MR signals. J Magn Reson 179 (2006) 317-322.
    """
    if source not in SOURCES:
        raise BadInputError("no such source of the noise level", expected="one of " + ", ".join(SOURCES))
    n_slices = series.grid.shape[slice_axis]
    if typed:
        return RicianSigma(np.full(n_slices, typed), "as given", _blanked_share(series, check))
    check()
    found = {BACKGROUND: _from_air, REPEATS: _from_repeats, RESIDUAL: _from_residual}[source](
        series, slice_axis, check
    )
    return RicianSigma(found, _ORIGINS[source], _blanked_share(series, check))


def _from_air(series: DwiSeries, slice_axis: int, check: Callable[[], None]) -> NDArray[np.float64]:
    air = air_mask(series, check)
    of_slices = np.full(series.grid.shape[slice_axis], np.nan)
    for z in range(of_slices.size):
        check()
        within = np.zeros_like(air)
        cut = tuple(slice(z, z + 1) if axis == slice_axis else slice(None) for axis in range(3))
        within[cut] = air[cut]
        try:
            of_slices[z] = noise_level(series, within, check=check)
        except BadInputError:
            continue
    if 2 * np.count_nonzero(np.isfinite(of_slices)) > of_slices.size and _differ(of_slices):
        return _between(of_slices)
    return np.full(of_slices.size, noise_level(series, air, check=check))


def _from_repeats(series: DwiSeries, slice_axis: int, check: Callable[[], None]) -> NDArray[np.float64]:
    groups = repeated_volumes(series)
    if not groups:
        raise BadInputError(
            "the noise level cannot be estimated: no volume is repeated",
            expected="two volumes of the same b-value and direction",
            remedy="Type the noise level, or estimate it from the air.",
        )
    check()
    # The brightest, whose noise is nearest to sigma itself.
    repeats = max(groups, key=lambda group: float(np.nanmean(series.signal[..., group[0]])))
    signal = np.moveaxis(series.signal[..., repeats], slice_axis, 2).astype(np.float64)
    inside = np.moveaxis(foreground_mask(series, check), slice_axis, 2)
    # Neighbours in time, between which a patient moves least.
    differences = np.abs(np.diff(signal, axis=3)) / np.sqrt(2)
    mean = signal.mean(axis=3)
    inside = inside & np.isfinite(mean)

    def level(chosen: NDArray[np.bool_]) -> float:
        # The brighter half, where the noise is nearly sigma itself.
        bright = chosen & (mean >= np.median(mean[chosen]))
        return _sigma_from_sd(float(np.median(differences[bright])) / _NORMAL_MEDIAN, mean[bright])

    if np.count_nonzero(inside) < _FEWEST_VOXELS:
        raise BadInputError(
            "the noise level cannot be estimated: too little tissue",
            expected=f"{_FEWEST_VOXELS} voxels with a value in all repeats",
            found=int(np.count_nonzero(inside)),
        )
    of_slices = np.full(inside.shape[2], np.nan)
    for z in range(of_slices.size):
        check()
        within = np.zeros_like(inside)
        within[..., z] = inside[..., z]
        if np.count_nonzero(within) >= _FEWEST_VOXELS:
            of_slices[z] = level(within)
    return _between(of_slices) if _differ(of_slices) else np.full(of_slices.size, level(inside))


def _from_residual(series: DwiSeries, slice_axis: int, check: Callable[[], None]) -> NDArray[np.float64]:
    if len(series.b_values) < 2:
        raise BadInputError(
            "the noise level cannot be estimated: there is no other volume to predict this one from",
            remedy="Type the noise level, or estimate it from the air.",
        )
    tissue = foreground_mask(series, check)
    found = []
    for volume in range(len(series.b_values)):
        check()
        magnitude = series.signal[..., volume][tissue]
        magnitude = magnitude[np.isfinite(magnitude)]
        if magnitude.size:
            sd = sd_from_differences(series, volume, tissue, slice_axis)
            found.append(_sigma_from_sd(sd, magnitude))
    return np.full(series.grid.shape[slice_axis], float(np.median(found)) if found else 0.0)


def _sigma_from_sd(sd: float, magnitude: NDArray[np.floating]) -> float:
    """Sigma for which magnitudes of this mean have this standard deviation."""
    sigma = sd
    mean = np.array([magnitude.mean(dtype=np.float64)])
    for _ in range(_FIXED_POINT_STEPS):
        expected = sd_of_magnitude(mean, sigma) if sigma else 0.0
        if not expected:
            return sigma
        sigma *= sd / expected
    return float(sigma)


def _differ(of_slices: NDArray[np.float64]) -> bool:
    known = of_slices[np.isfinite(of_slices)]
    return known.size > 1 and bool(known.std() > _SLICES_DIFFER * known.mean())


def _between(of_slices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slices that cannot tell their level are taken to lie between those that can."""
    known = np.flatnonzero(np.isfinite(of_slices))
    return np.interp(np.arange(of_slices.size), known, of_slices[known])


def _blanked_share(series: DwiSeries, check: Callable[[], None]) -> float:
    """Share of the background that is exactly zero at all b-values."""
    outside = ~foreground_mask(series, check)
    if not outside.any():
        return 0.0
    share = float((series.signal[outside] == 0).all(axis=1).mean())
    return share if share > _BLANKED else 0.0
