"""How strong the noise of each volume is, for methods that must be told.

Filters need the SD of the noise within tissue. It is sigma itself where the signal is strong; in a
magnitude image it falls to 0.66 sigma where there is hardly any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.measure.noise_differences import difference_noise_sd
from napari_dwi.measure.noise_level import air_mask, noise_level

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan import DwiSeries

# Noise of interpolated scans differs too little between neighbours; more than this would be anatomy.
_MOST_ALIKE = 3.0
# Above this likeness (see `neighbours_likeness`) noise is not to be treated as white.
LIKE_NEIGHBOURS = 1.2


@dataclass(frozen=True)
class NoiseSd:
    """SD of the noise of one volume within tissue, in scanner units, and how it was found."""

    sd: float
    origin: str


def noise_sds(
    series: DwiSeries, typed_sigma: float, slice_axis: int, check: Callable[[], None]
) -> list[NoiseSd]:
    """The noise of every volume.

    Parameters
    ----------
    series : DwiSeries
        The series.
    typed_sigma : float
        Noise level sigma as the user knows it, in scanner units; 0 estimates it for each volume:
        from the air where that is pure noise, else from differences of neighbouring voxels.
    slice_axis : int
        Axis along which slices are stacked (0 to 2).
    check : callable
        Called often; raises to stop.

    Returns
    -------
    list of NoiseSd
        One for each volume. An SD of 0 means that there is no noise to be seen.
    """
    tissue = foreground_mask(series, check)
    check()
    air = None if typed_sigma else air_mask(series, check)
    found = []
    for volume in range(len(series.b_values)):
        check()
        image = series.signal[..., volume]
        sigma, origin = typed_sigma, "as given"
        if air is not None:
            try:
                sigma, origin = noise_level(series.volumes(np.array([volume])), air), "from the air"
            except BadInputError:
                sigma = 0.0
        if sigma:
            found.append(NoiseSd(sd_of_magnitude(image[tissue], sigma), origin))
        else:
            sd = sd_from_differences(series, volume, tissue, slice_axis)
            found.append(NoiseSd(sd, "from differences of neighbours"))
    return found


def sd_of_magnitude(magnitude: NDArray[np.floating], sigma: float) -> float:
    """SD of Rician noise at the mean of some magnitudes."""
    from napari_dwi.physics.rician import correct_rician_bias, rician_mean

    finite = magnitude[np.isfinite(magnitude)]
    if not finite.size:
        return sigma
    amplitude = float(correct_rician_bias(finite.mean(dtype=np.float64), sigma))
    mean = float(rician_mean(amplitude, sigma))
    # Of strong signals only rounding errors remain of the difference.
    variance = amplitude**2 + 2 * sigma**2 - mean**2 if amplitude < 100 * sigma else sigma**2
    return float(np.sqrt(variance))


def neighbours_likeness(series: DwiSeries, slice_axis: int, check: Callable[[], None]) -> float:
    """How much larger differences of noise are over two voxels than over one; 1 for white noise.

    What the other volumes cannot predict of one is mostly noise, so that there neighbours at two
    voxels' distance can be compared with those at one, which anatomy would hide in the image. The
    mean over all volumes, from 1 to 3. ``check`` is called often and raises to stop.
    """
    tissue = foreground_mask(series, check)
    found = []
    for volume in range(len(series.b_values)):
        check()
        found.append(_likeness(series, volume, tissue, slice_axis))
    return float(np.mean(found))


def sd_from_differences(series: DwiSeries, volume: int, tissue: NDArray[np.bool_], slice_axis: int) -> float:
    """SD of the noise of one volume within tissue, from differences of neighbouring voxels.

    Diagonal differences, which for noise that is alike between neighbours are too small, times how much
    larger those over two voxels are (see `neighbours_likeness`).
    """
    image = np.moveaxis(series.signal[..., volume], slice_axis, 2)
    inside = np.moveaxis(tissue, slice_axis, 2)
    return difference_noise_sd(image, inside) * _likeness(series, volume, tissue, slice_axis)


def _likeness(series: DwiSeries, volume: int, tissue: NDArray[np.bool_], slice_axis: int) -> float:
    inside = np.moveaxis(tissue, slice_axis, 2)
    images = [np.moveaxis(series.signal[..., n], slice_axis, 2) for n in range(len(series.b_values))]
    others = [image for n, image in enumerate(images) if n != volume]
    unpredicted = _unpredicted(images[volume], others, inside)
    near, far = (difference_noise_sd(unpredicted, inside, step=step) for step in (1, 2))
    return min(max(far / near, 1.0), _MOST_ALIKE) if near > 0 else 1.0


def _unpredicted(
    image: NDArray[np.float32], others: list[NDArray[np.float32]], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """What is left of an image after a linear prediction from others, voxel by voxel."""
    columns: list[NDArray[np.floating]] = [np.ones(image.shape), *others]
    used = inside & np.isfinite(image)
    for other in others:
        used = used & np.isfinite(other)
    if np.count_nonzero(used) <= len(columns):
        return image.astype(np.float64)
    predictors = np.stack([column[used] for column in columns], axis=1).astype(np.float64)
    weights = np.linalg.lstsq(predictors, image[used].astype(np.float64), rcond=None)[0]
    prediction = sum(weight * column for weight, column in zip(weights, columns, strict=True))
    return np.asarray(image - prediction, dtype=np.float64)
