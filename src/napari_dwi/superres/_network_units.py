"""Scans in the units networks were trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.superres._brightness import brightest_tissue

if TYPE_CHECKING:
    from napari_dwi.superres._super_resolving import FineVolume


def network_units(volume: FineVolume, noise_range: tuple[float, float]) -> tuple[np.float32, float]:
    """What to divide a volume by for a network, and what it is to be told of the noise.

    Parameters
    ----------
    volume : FineVolume
        The zero-filled volume.
    noise_range : (float, float)
        Lowest and highest noise the network has seen, in units of the brightest tissue. A scan noisier
        than any of those is shown to it darker, so that it knows the noise at least.

    Returns
    -------
    float32, float
        In scanner units, and in the unit that it is.
    """
    low, high = noise_range
    scale = np.float32(max(brightest_tissue(volume.image), volume.noise_sd / high))
    return scale, max(low, float(volume.noise_sd / scale))
