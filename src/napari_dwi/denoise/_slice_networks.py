"""Small convolutional networks for single slices, (batch, 1, x, y) in and out."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

# Multiples that slices must have along x and y.
UNET_MULTIPLE = 4
_MASKED_KERNEL = 5
# Larger than half the masked kernel, so that later layers never lead back to the blind voxel.
_DILATION = 3
_DILATED_LAYERS = 3


class UNet(nn.Module):
    """A U-Net (Ronneberger et al. 2015) of three levels; ``width`` channels at full resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fine = _two_layers(1, width)
        self.middle = _two_layers(width, 2 * width)
        self.coarse = _two_layers(2 * width, 4 * width)
        self.middle_again = _two_layers(6 * width, 2 * width)
        self.fine_again = _two_layers(3 * width, width)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        """Denoised slices."""
        fine = self.fine(slices)
        middle = self.middle(nn.functional.avg_pool2d(fine, 2))
        coarse = self.coarse(nn.functional.avg_pool2d(middle, 2))
        middle = self.middle_again(torch.cat([_doubled(coarse), middle], dim=1))
        fine = self.fine_again(torch.cat([_doubled(middle), fine], dim=1))
        return cast("torch.Tensor", self.last(fine))


class PlainNetwork(nn.Sequential):
    """The three layers of ZS-N2N (Mansour and Heckel 2023); gives the noise, not the image."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 1, 1),
        )


class MultiMaskNetwork(nn.Module):
    """Branches that are blind to different parts of a voxel's neighbourhood (MM-BSN), joined.

    Every branch begins with a convolution of 5 x 5 voxels without its mask: the voxel alone, its
    row, its column, or its square of 3 x 3; later layers are dilated so that none of them leads back
    to the voxel itself.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(_MaskedConvolution(width, mask) for mask in _masks())
        self.rest = nn.ModuleList(_dilated_layers(width) for _ in self.first)
        self.join = nn.Sequential(
            nn.Conv2d(width * len(self.first), width, 1), nn.ReLU(), nn.Conv2d(width, 1, 1)
        )

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        """Every voxel as its surroundings predict it."""
        branches = [rest(first(slices)) for first, rest in zip(self.first, self.rest, strict=True)]
        return cast("torch.Tensor", self.join(torch.cat(branches, dim=1)))


class _MaskedConvolution(nn.Conv2d):
    """A convolution whose weights are zero within a mask."""

    seen: torch.Tensor

    def __init__(self, width: int, mask: torch.Tensor) -> None:
        super().__init__(1, width, _MASKED_KERNEL, padding=_MASKED_KERNEL // 2)
        self.register_buffer("seen", 1 - mask)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        seen: torch.Tensor = self._conv_forward(slices, self.weight * self.seen, self.bias)
        return seen


def _masks() -> list[torch.Tensor]:
    centre = _MASKED_KERNEL // 2
    voxel, row, column, square = (torch.zeros(_MASKED_KERNEL, _MASKED_KERNEL) for _ in range(4))
    voxel[centre, centre] = 1
    row[:, centre] = 1
    column[centre, :] = 1
    square[centre - 1 : centre + 2, centre - 1 : centre + 2] = 1
    return [voxel, row, column, square]


def _dilated_layers(width: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.ReLU()]
    for _ in range(_DILATED_LAYERS):
        layers += [nn.Conv2d(width, width, 3, padding=_DILATION, dilation=_DILATION), nn.ReLU()]
    return nn.Sequential(*layers)


def _two_layers(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(after, after, 3, padding=1),
        nn.LeakyReLU(0.1),
    )


def _doubled(slices: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(slices, scale_factor=2.0, mode="nearest")
