"""How the noise of a simulated scan is distributed over its volumes and its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.scan.b_values import BValues

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL_VOLUMES = "all volumes noisy"
CLEAN_PRIORS = "clean priors"
NOISE_MODES = (ALL_VOLUMES, CLEAN_PRIORS)

# Correlation of noise between neighbours in the plane, as measured on repeats of scanners that
# interpolate their images.
SCANNER_CORRELATION = 0.5
_MOST_CORRELATED = 0.7


@dataclass(frozen=True, kw_only=True)
class ScanNoise:
    """What the noise of a simulated scan is like, besides its level.

    Parameters
    ----------
    mode : str
        ``"all volumes noisy"``: every volume has the same sigma, as on a scanner. ``"clean priors"``:
        only the volumes at ``noisy_b_value`` have, and all others only the little noise of the
        anatomical images, as if they came from a better scan.
    noisy_b_value : float
        The b-value that is noisy among clean priors, s/mm2.
    in_plane_correlation : float
        Correlation of the noise with that of the next voxel along each axis of the slice; 0 is white
        noise, `SCANNER_CORRELATION` that of many scanners.

    Raises
    ------
    BadInputError
        If the mode is unknown or the correlation is not from 0 to 0.7.
    """

    mode: str = ALL_VOLUMES
    noisy_b_value: float = 0.0
    in_plane_correlation: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in NOISE_MODES:
            raise BadInputError(
                "no such kind of noise", expected="one of " + ", ".join(NOISE_MODES), found=self.mode
            )
        if not 0 <= self.in_plane_correlation <= _MOST_CORRELATED:
            raise BadInputError(
                "noise cannot be correlated like this",
                expected=f"a number from 0 to {_MOST_CORRELATED:g}",
                found=f"{self.in_plane_correlation:g}",
            )


def noisy_volumes(
    signal: NDArray[np.float32],
    b_values: BValues,
    sigma: float,
    prior_sigma: float,
    noise: ScanNoise,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Magnitudes of a noise-free series.

    Parameters
    ----------
    signal : ndarray, float32, shape (x, y, z, n)
        Noise-free signal in scanner units.
    b_values : BValues
        Of the volumes.
    sigma, prior_sigma : float
        Noise level of noisy volumes, and of clean priors (never more than that of the others).
    noise : ScanNoise
        Which volumes are noisy, and how.
    rng : numpy.random.Generator
        Where the noise is drawn from.

    Raises
    ------
    BadInputError
        If no volume has the b-value that is to be noisy.
    """
    sigmas = np.full(len(b_values), sigma)
    if noise.mode == CLEAN_PRIORS:
        sigmas[:] = min(prior_sigma, sigma)
        sigmas[b_values.indices(noise.noisy_b_value)] = sigma
    noisy = np.empty_like(signal)
    for n, level in enumerate(sigmas):
        noisy[..., n] = add_rician_noise(signal[..., n], float(level), rng, noise.in_plane_correlation)
    return noisy
