"""The noise of an image from differences of neighbouring voxels, for scans without usable air."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Median absolute value of a normal distribution, in units of its SD.
_NORMAL_MEDIAN = 0.6745
_FEWEST_DIFFERENCES = 50


def difference_noise_sd(
    image: NDArray[np.floating], mask: NDArray[np.bool_] | None = None, *, step: int = 1
) -> float:
    """SD of the noise, from (a - b - c + d) / 2 over the corners of small squares within slices.

    Constant and sloping tissue cancels, edges along one axis too, and the median of the absolute
    values (Donoho 1995) is little moved by the corners that remain. For noise that is correlated
    between neighbours, as scanners make it by interpolation, this is too low by the factor
    sqrt((1 - rho_x) (1 - rho_y)); a larger step sees less of the correlation and more of the tissue.

    Parameters
    ----------
    image : ndarray, shape (x, y, z)
        z is the slice axis. Voxels without a value (NaN, infinity) are left out.
    mask : ndarray of bool, shape (x, y, z), optional
        Where to look; everywhere if absent or where too few squares lie within.
    step : int
        Edge of the squares, in voxels.

    Returns
    -------
    float
        In units of the image; 0 for a constant image or where there is nothing to compare.
    """
    values = np.asarray(image, dtype=np.float64)
    weight = np.isfinite(values)
    values = np.where(weight, values, 0)
    inside = weight if mask is None else weight & mask
    # Slices of one column or row have differences along one axis only; single voxels along z.
    axes = [axis for axis in (0, 1) if values.shape[axis] > step]
    axes = axes or [axis for axis in (2,) if values.shape[axis] > step]
    if not axes:
        return 0.0
    for axis in axes:
        start, stop = (_cut(values.ndim, axis, part) for part in (slice(None, -step), slice(step, None)))
        values = (values[stop] - values[start]) / np.sqrt(2)
        weight, inside = weight[start] & weight[stop], inside[start] & inside[stop]
    chosen = values[inside] if np.count_nonzero(inside) >= _FEWEST_DIFFERENCES else values[weight]
    if chosen.size == 0:
        return 0.0
    # More than half of all differences are 0 where a scanner has blanked voxels or rounds coarsely.
    return float(np.median(np.abs(chosen)) / _NORMAL_MEDIAN) or float(chosen.std())


def _cut(ndim: int, axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if n == axis else slice(None) for n in range(ndim))
