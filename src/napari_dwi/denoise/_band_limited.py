"""Band-limited positional encoding (BL-INR, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def band_limited_encoding(
    coordinates: NDArray[np.floating], omega_max: float, n_frequencies: int
) -> NDArray[np.float32]:
    """Encode coordinates along one axis by sines and cosines that fade out at a cut-off.

    With frequencies w equally spaced in [1, omega_max] the features are sin(w p) sinc(w / omega_max)
    and cos(w p) sinc(w / omega_max), where sinc(x) = sin(pi x) / (pi x) is zero at the cut-off.

    Parameters
    ----------
    coordinates : ndarray, shape (n,)
        Positions p along one axis, scaled to [-1, 1]; frequencies count in radians, as printed.
    omega_max : float
        Cut-off frequency.
    n_frequencies : int
        Number of frequencies.

    Returns
    -------
    ndarray, float32, shape (n, 2 * n_frequencies)
        Sines first, then cosines.
    """
    omega = np.linspace(1.0, omega_max, n_frequencies)
    window = np.sinc(omega / omega_max)
    phase = np.asarray(coordinates, dtype=np.float64)[:, None] * omega
    return np.concatenate([np.sin(phase) * window, np.cos(phase) * window], axis=1).astype(np.float32)


def axis_coordinates(n: int) -> NDArray[np.float64]:
    """The voxel centres along an axis of ``n`` voxels, scaled to [-1, 1]; 0 for a single voxel."""
    return np.linspace(-1.0, 1.0, n) if n > 1 else np.zeros(1)
