"""Slices of shapes that no patient ever had: what a network can learn edges, folds and texture from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Drawn so many times finer, so that voxels at edges hold a mixture.
_FINER = 2
_ELLIPSES = (4, 40)
_FOLD_VOXELS = (3.0, 12.0)
_TEXTURE = 0.06
_SHADING = 0.25
_AIR = 0.01
# Borders that cross a slice at an angle are ramps, each as wide as its own angle makes it; otherwise a
# network takes every soft edge for a sharp one that was blurred.
_RAMP_VOXELS = (0.3, 6.0)
# Nor are scanners sharp.
_SOFT_SHARE = 0.7
_SOFTNESS_VOXELS = (0.2, 1.3)


def shape_image(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One slice: a body of ellipses, folds, thin lines and spots in air, shaded and textured.

    Parameters
    ----------
    size : int
        Voxels along each side.
    rng : numpy.random.Generator
        Where everything is drawn from.

    Returns
    -------
    ndarray, float32, shape (size, size)
        0 in air; the brightest tissue is about 1.
    """
    n = _FINER * size
    body = _ellipse(n, rng, centre=0.08, axes=(0.33, 0.6))
    image = np.full((n, n), rng.uniform(0.3, 0.9))
    for _ in range(rng.integers(*_ELLIPSES)):
        _paint(image, _ellipse(n, rng, centre=0.5, axes=(0.01, 0.3)), rng.uniform(0.05, 1.0))
    for _ in range(rng.integers(2, 6)):
        _fold(image, rng)
    shape = (n // _FINER, _FINER, n // _FINER, _FINER)
    coarse = (body * image).reshape(shape).mean(axis=(1, 3))
    if rng.random() < _SOFT_SHARE:
        coarse = _smoothed(coarse, rng.uniform(*_SOFTNESS_VOXELS))
    texture = 1 + rng.uniform(0, _TEXTURE) * _smooth_noise(size, rng.uniform(0.5, 3.0), rng)
    shading = 1 + rng.uniform(0, _SHADING) * _smooth_noise(size, size / 3, rng)
    shaded = np.clip(coarse * texture * shading, 0, None)
    tissue = shaded[shaded > _AIR]
    brightest = float(np.percentile(tissue, 99)) if tissue.size else 1.0
    return np.asarray(shaded / brightest, dtype=np.float32)


def _paint(image: NDArray[np.float64], share: NDArray[np.float64], value: float) -> None:
    """Fill a share of every sample with a tissue."""
    image += share * (value - image)


def _fold(image: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Paint a part of the image as folded tissue, with thin lines between the folds or without."""
    n = image.shape[0]
    alike = rng.uniform(*_FOLD_VOXELS) * _FINER / 2
    field = _smooth_noise(n, alike, rng)
    region = _ellipse(n, rng, centre=0.35, axes=(0.1, 0.45))
    first, second, line = rng.uniform(0.05, 1.0, 3)
    # Such noise rises by about its SD over the distance it is alike.
    if rng.random() < 0.6:
        _paint(image, region * _share(alike * (field - rng.uniform(-0.5, 0.5)), rng), first)
    if rng.random() < 0.5:
        _paint(image, region * _share(alike * (rng.uniform(-1.5, -0.5) - field), rng), second)
    if rng.random() < 0.5:
        _paint(image, region * _share(alike * (rng.uniform(0.05, 0.25) - np.abs(field)), rng), line)


def _ellipse(
    n: int, rng: np.random.Generator, *, centre: float, axes: tuple[float, float]
) -> NDArray[np.float64]:
    """The share of every sample that a turned ellipse fills, with a border of its own softness.

    ``centre`` and ``axes`` as shares of the image, small axes more often.
    """
    x0, y0 = rng.uniform(-centre, centre, 2) * n
    a, b = np.exp(rng.uniform(np.log(axes[0]), np.log(axes[1]), 2)) * n
    angle = rng.uniform(0, np.pi)
    place = np.arange(n) - n / 2
    x, y = place[:, None] - x0, place - y0
    along = (x * np.cos(angle) + y * np.sin(angle)) / a
    across = (y * np.cos(angle) - x * np.sin(angle)) / b
    radius = np.hypot(along, across)
    slope = np.hypot(along / a, across / b) / np.maximum(radius, 1e-9)
    return _share((1 - radius) / np.maximum(slope, 1e-9), rng)


def _share(depth: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Share of tissue in samples so deep below its border: a ramp of any width."""
    width = _FINER * np.exp(rng.uniform(*np.log(_RAMP_VOXELS)))
    return np.asarray(np.clip(0.5 + depth / width, 0, 1))


def _smooth_noise(n: int, sigma: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise that is alike over ``sigma`` samples, with a mean of 0 and an SD of 1."""
    noise = _smoothed(rng.normal(size=(n, n)), sigma)
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-12))


def _smoothed(image: NDArray[np.floating], sigma: float) -> NDArray[np.float64]:
    """An image after a Gaussian of ``sigma`` samples."""
    keep = [np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(n)) ** 2) for n in image.shape]
    return np.asarray(np.fft.ifft2(np.fft.fft2(image) * keep[0][:, None] * keep[1]).real)
