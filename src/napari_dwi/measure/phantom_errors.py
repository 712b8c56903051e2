"""How far measured ADC maps are from the known values of a phantom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TubeError:
    """One tube of a phantom; mm2/s.

    Parameters
    ----------
    name : str
        Name of the tube.
    n : int
        Voxels with a value.
    true : float
        ADC known from the laboratory.
    mean : float
        Mean of the map.
    bias : float
        Mean minus truth.
    mae : float
        Mean over the voxels of the absolute difference from the truth.
    """

    name: str
    n: int
    true: float
    mean: float
    bias: float
    mae: float


def tube_errors(
    adc: NDArray[np.floating],
    labels: NDArray[np.floating],
    names: Mapping[int, str],
    known: Mapping[str, float],
) -> tuple[TubeError, ...]:
    """Compare an ADC map with the known values of tubes.

    Parameters
    ----------
    adc : ndarray, shape (x, y, z)
        mm2/s; voxels without a value (NaN) are left out.
    labels : ndarray, shape (x, y, z)
        Whole numbers, one for each tube.
    names : mapping of int to str
        What the numbers mean.
    known : mapping of str to float
        True ADC by name, mm2/s; tubes that are not named are left out.

    Returns
    -------
    tuple of TubeError
        In the order of ``names``; NaN for a tube without any value.
    """
    found = []
    for code, name in names.items():
        if name not in known:
            continue
        values = adc[(labels == code) & np.isfinite(adc)].astype(np.float64)
        if not values.size:
            found.append(TubeError(name, 0, known[name], np.nan, np.nan, np.nan))
            continue
        mean = float(values.mean())
        mae = float(np.abs(values - known[name]).mean())
        found.append(TubeError(name, values.size, known[name], mean, mean - known[name], mae))
    return tuple(found)
