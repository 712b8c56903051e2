"""What training makes small, and how alike two images are while it can be differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from napari_dwi.superres.training.config import TrainingConfig

# Window and constants of Wang et al. 2004.
_WINDOW = 11
_WINDOW_SD = 1.5
_K1, _K2 = 0.01, 0.03
# Noise that a balanced loss leaves as it is, and what it takes for the least there is.
_USUAL_NOISE, _LEAST_NOISE = 0.05, 0.005


def loss_of(
    made: torch.Tensor, target: torch.Tensor, noise: torch.Tensor, config: TrainingConfig
) -> torch.Tensor:
    """The loss a training configuration asks for.

    Parameters
    ----------
    made, target : tensor, shape (n, 1, h, w)
        In units of the brightest tissue, so that the data range of SSIM is 1.
    noise : tensor, shape (n,)
        SD of the noise of each image; looked at by balanced losses only.
    config : TrainingConfig
        Which loss, alpha, and whether it is balanced.
    """
    made, target = made.float(), target.float()
    weight = torch.ones_like(noise)
    if config.balanced:
        weight = _USUAL_NOISE / noise.clamp(min=_LEAST_NOISE)
    weight = weight[:, None, None, None]
    if config.loss == "mae":
        return (weight * (made - target).abs()).mean()
    mse = (weight * (made - target) ** 2).mean()
    if config.loss == "mse":
        return mse
    return config.alpha * mse + (1 - config.alpha) * (1 - ssim(made, target, data_range=1.0))


def ssim(image: torch.Tensor, other: torch.Tensor, *, data_range: float) -> torch.Tensor:
    """Structural similarity of two stacks of images, mean over all places of the window.

    Parameters
    ----------
    image, other : tensor, shape (n, 1, h, w)
        The images. The window is smaller than 11 where they are.
    data_range : float
        The range of values that counts as full contrast, in the same unit.

    Returns
    -------
    tensor
        A single number up to 1. Its gradient is finite everywhere, constant images included; half
        precision is left before variances are taken, which it could not tell from zero.
    """
    image, other = image.float(), other.float()
    weights = _gaussian(min(_WINDOW, image.shape[2]), image), _gaussian(min(_WINDOW, image.shape[3]), image)

    def mean(values: torch.Tensor) -> torch.Tensor:
        down = functional.conv2d(values, weights[0].reshape(1, 1, -1, 1))
        return functional.conv2d(down, weights[1].reshape(1, 1, 1, -1))

    a, b = mean(image), mean(other)
    variance_a, variance_b = mean(image**2) - a**2, mean(other**2) - b**2
    covariance = mean(image * other) - a * b
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    # Rounding may leave variances a little below zero.
    both = variance_a.clamp(min=0) + variance_b.clamp(min=0) + c2
    alike = (2 * a * b + c1) / (a**2 + b**2 + c1) * (2 * covariance + c2) / both
    return alike.mean()


def _gaussian(size: int, like: torch.Tensor) -> torch.Tensor:
    place = torch.arange(size, dtype=like.dtype, device=like.device) - (size - 1) / 2
    weights = torch.exp(-(place**2) / (2 * _WINDOW_SD**2))
    return weights / weights.sum()
