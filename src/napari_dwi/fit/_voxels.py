"""From the volumes of a scan to the voxels that are fitted and back, a part at a time.

Large scans take seconds to go through; between two parts a stop is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.fit._problem import FITTED, NO_DECAY, NO_SIGNAL, NO_VALUE, OUTSIDE, SATURATED, Voxels
from napari_dwi.physics.signal_models import UNWEIGHTED_B

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Values looked at between two looks whether to stop: some hundredths of a second.
_VALUES = 1_000_000
# The largest numbers of 8 to 16 bits, which signals that were cut off have.
_LARGEST_STORED = tuple(2.0**bits - 1 for bits in (8, 10, 11, 12, 13, 14, 15, 16))
_FEWEST_CUT_OFF = 3


def screened(
    signal: NDArray[np.float32],
    b: NDArray[np.float64],
    inside: NDArray[np.bool_],
    check: Callable[[], None],
) -> NDArray[np.uint8]:
    """Which voxels can be fitted, and why the others cannot.

    Parameters
    ----------
    signal : ndarray, float32, shape (x, y, z, n_b)
        The volumes to fit.
    b : ndarray, shape (n_b,)
        b-values in s/mm2.
    inside : ndarray of bool, shape (x, y, z)
        The mask.
    check : callable
        Called often; raises to stop.

    Returns
    -------
    ndarray, uint8, shape (x, y, z)
        `FITTED` where there is something to fit.
    """
    highest = max(_highest(signal[slab]) for slab in _slabs(signal.shape, check))
    status = np.empty(inside.shape, dtype=np.uint8)
    for slab in _slabs(signal.shape, check):
        status[slab] = _screened(signal[slab], b, inside[slab], highest)
    return status


def gathered(signal: NDArray[np.float32], inside: NDArray[np.bool_], check: Callable[[], None]) -> Voxels:
    """The voxels of a mask, shape and check as for `screened`."""
    parts = [signal[slab][inside[slab]] for slab in _slabs(signal.shape, check)]
    return Voxels(np.concatenate(parts), inside)


def put_back(
    values: NDArray[np.float32], voxels: Voxels, images: NDArray[np.float32], check: Callable[[], None]
) -> None:
    """Write a row of values (n_voxels, n_b) for each voxel into images (x, y, z, n_b)."""
    first = 0
    for slab in _slabs(images.shape, check):
        here = voxels.inside[slab]
        count = int(here.sum())
        images[slab][here] = values[first : first + count]
        first += count


def _slabs(shape: tuple[int, ...], check: Callable[[], None]) -> Iterator[slice]:
    """Parts along the first axis, which is the slowest in the order of the voxels of a mask."""
    step = max(1, _VALUES * shape[0] // max(1, int(np.prod(shape))))
    for first in range(0, shape[0], step):
        check()
        yield slice(first, first + step)


def _highest(signal: NDArray[np.float32]) -> float:
    return float(signal[np.isfinite(signal)].max(initial=0))


def _screened(
    signal: NDArray[np.float32], b: NDArray[np.float64], inside: NDArray[np.bool_], highest: float
) -> NDArray[np.uint8]:
    finite = np.isfinite(signal).all(axis=-1)
    lowest = signal[..., int(b.argmin())]
    # A value that is the largest of the whole series at several b-values was cut off there, unless
    # rounding made two alike.
    cut_off = signal == highest
    span = np.where(cut_off, b, -np.inf).max(axis=-1) - np.where(cut_off, b, np.inf).min(axis=-1)
    often = cut_off.sum(axis=-1) >= (2 if highest in _LARGEST_STORED else _FEWEST_CUT_OFF)
    constant = (signal == signal[..., :1]).all(axis=-1)
    status = np.full(inside.shape, FITTED, dtype=np.uint8)
    status[(span > UNWEIGHTED_B) & often] = SATURATED
    status[constant] = NO_DECAY
    status[finite & (lowest <= 0)] = NO_SIGNAL
    status[~finite] = NO_VALUE
    status[~inside] = OUTSIDE
    return status
