"""Finer and coarser samples of an image by way of its k-space, as a scanner would have acquired it.

Both directions keep the field of view and the place of the first sample: sample ``n`` of the coarse
image lies exactly on sample ``factor * n`` of the fine one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST_FACTOR = 2
_IN_PLANE = (0, 1)


def zero_filled(image: NDArray[Any], factor: int, axes: Sequence[int] = _IN_PLANE) -> NDArray[Any]:
    """Finer samples of an image: its k-space in the middle of a larger one that is empty outside.

    Parameters
    ----------
    image : ndarray, real or complex
        The image; without NaN.
    factor : int
        How many samples become of one along each axis, 2 or more.
    axes : sequence of int
        Along which axes.

    Returns
    -------
    ndarray
        ``fine[factor * n] == image[n]`` along these axes. Real where ``image`` is, and in its precision.
        Values between samples of a magnitude image may be a little below zero (Gibbs ringing).

    Raises
    ------
    BadInputError
        If the factor is less than 2.

    Notes
    -----
    The Nyquist frequency of an even number of samples stands for both its signs; half of it goes to
    each, so that real images stay real.
    """
    _check(factor)
    fine = image
    for axis in axes:
        fine = _along(fine, axis, factor * image.shape[axis], float(factor))
    return fine


def zero_filled_within_edges(
    image: NDArray[Any], factor: int, axes: Sequence[int] = _IN_PLANE
) -> NDArray[Any]:
    """As `zero_filled`, of an image that is mirrored at its edges.

    To k-space the last sample is a neighbour of the first. Where tissue reaches an edge of the image,
    zero-filling makes ringing of the step between the two; the mirrored image has no such step.
    """
    _check(factor)
    fine = image
    for axis in axes:
        size = image.shape[axis]
        beyond = [(0, max(0, size - 2)) if n == axis else (0, 0) for n in range(image.ndim)]
        mirrored = zero_filled(np.pad(fine, beyond, mode="reflect"), factor, (axis,))
        fine = np.take(mirrored, np.arange(factor * size), axis=axis)
    return fine


def k_space_cropped(image: NDArray[Any], factor: int, axes: Sequence[int] = _IN_PLANE) -> NDArray[Any]:
    """Coarser samples of an image: only the middle of its k-space, as a scan of less resolution.

    Parameters
    ----------
    image : ndarray, real or complex
        The image; without NaN.
    factor : int
        How many samples become one along each axis, 2 or more.
    axes : sequence of int
        Along which axes.

    Returns
    -------
    ndarray
        The inverse of `zero_filled`. Real where ``image`` is, and in its precision.

    Raises
    ------
    BadInputError
        If the factor is less than 2 or does not divide the number of samples.
    """
    _check(factor)
    coarse = image
    for axis in axes:
        size, rest = divmod(image.shape[axis], factor)
        if rest or not size:
            raise BadInputError(
                "this image cannot be made coarser by a whole factor",
                expected=f"a multiple of {factor} samples along every axis",
                found=image.shape[axis],
            )
        coarse = _along(coarse, axis, size, 1 / factor)
    return coarse


def _check(factor: int) -> None:
    if factor < _SMALLEST_FACTOR:
        raise BadInputError("not a factor of resolution", expected="2 or more", found=factor)


def _along(image: NDArray[Any], axis: int, size: int, scale: float) -> NDArray[Any]:
    """Another number of samples along one axis; ``scale`` keeps their values."""
    before = np.moveaxis(np.fft.fft(image, axis=axis), axis, -1)
    after = np.zeros((*before.shape[:-1], size), before.dtype)
    known = min(size, before.shape[-1])
    half = (known + 1) // 2
    after[..., :half] = before[..., :half]
    if half > 1:
        after[..., 1 - half :] = before[..., 1 - half :]
    if known % 2 == 0:
        nyquist = known // 2
        if size == known:
            after[..., nyquist] = before[..., nyquist] + before[..., -nyquist]
        else:
            after[..., [nyquist, -nyquist]] = before[..., [nyquist]] / 2
    samples = np.moveaxis(np.fft.ifft(after * scale, axis=-1), -1, axis)
    if np.iscomplexobj(image):
        return samples
    return samples.real.astype(np.result_type(image.dtype, np.float32), copy=False)
