"""The U-Net of the paper, with every choice it was searched over."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from napari_dwi.superres.diffusion.anchored_path import residual_share

if TYPE_CHECKING:
    from napari_dwi.superres.training.config import Activation, Down, NetworkConfig, Up

_LEAK = 0.01


class UNet(nn.Module):
    """Slices on the fine grid in, better ones out.

    Parameters
    ----------
    config : NetworkConfig
        Which choices.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        n_in = config.channels + config.noise_input + (config.guide != "none")
        self.encoders = nn.ModuleList(
            _two_convolutions(before, after, config.activation) for before, after in pairwise((n_in, *widths))
        )
        self.downs = nn.ModuleList(_down(width, config.down) for width in widths[:-1])
        self.ups = nn.ModuleList(_up(coarse, fine, config.up) for fine, coarse in pairwise(widths))
        self.decoders = nn.ModuleList(
            _two_convolutions(2 * width, width, config.activation) for width in widths[:-1]
        )
        self.last = nn.Conv2d(widths[0], 1, kernel_size=1)
        if (path := config.path) is not None:
            # What noise on the path is drawn from, and how strong it is: see `ResidualBank` and
            # `ResidualSpread`. Not learnt, but part of what was.
            tiles = torch.zeros(path.bank_tiles, path.bank_width, path.bank_width)
            self.register_buffer("residual_bank", tiles)
            self.register_buffer("residual_spread", torch.zeros(2))
        for weights in self.parameters():
            if weights.ndim == 4:
                # Saves a third of the time on a processor, for networks as narrow as these.
                weights.data = weights.data.contiguous(memory_format=torch.channels_last)

    def forward(
        self, image: torch.Tensor, noise: torch.Tensor, guide: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The better slices.

        Parameters
        ----------
        image : tensor, shape (n, channels, h, w)
            Zero-filled slices, in units of the brightest tissue. On a path x_t, y if the network sees
            it, and a_t at every voxel.
        noise : tensor, shape (n,)
            SD of the noise of each, in the same unit; not looked at by networks without this input.
        guide : tensor, shape (n, 1, h, w), optional
            What non-local means make of the slices, for networks with this guide.

        Returns
        -------
        tensor, shape (n, 1, h, w)
        """
        n, _, height, width = image.shape
        below, right = (-size % self.config.multiple for size in (height, width))
        start, seen = image, image
        if self.config.guide != "none" and guide is not None:
            start, seen = guide, torch.cat([image, guide], dim=1)
        x = functional.pad(seen, (0, right, 0, below), mode="replicate")
        if self.config.noise_input:
            level = noise.to(x.dtype)[:, None, None, None].expand(n, 1, *x.shape[2:])
            x = torch.cat([x, level], dim=1)
        skipped = []
        for encoder, down in zip(self.encoders, [*self.downs, None], strict=True):
            x = encoder(x)
            if down is not None:
                skipped.append(x)
                x = down(x)
        for up, decoder in zip(reversed(self.ups), reversed(self.decoders), strict=True):
            x = decoder(torch.cat([skipped.pop(), up(x)], dim=1))
        made: torch.Tensor = self.last(x)[..., :height, :width]
        if not self.config.residual:
            return made
        if (path := self.config.path) is not None:
            share: torch.Tensor = residual_share(path.parameterisation, image[:, -1:])
            return image[:, :1] - share * made
        return start + made


def _two_convolutions(before: int, after: int, activation: Activation) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel_size=3, padding=1),
        _activation(activation),
        nn.Conv2d(after, after, kernel_size=3, padding=1),
        _activation(activation),
    )


def _down(width: int, kind: Down) -> nn.Module:
    if kind == "max":
        return nn.MaxPool2d(2)
    if kind == "mean":
        return nn.AvgPool2d(2)
    return nn.Conv2d(width, width, kernel_size=3, stride=2, padding=1)


def _up(coarse: int, fine: int, kind: Up) -> nn.Module:
    if kind == "transposed":
        return nn.ConvTranspose2d(coarse, fine, kernel_size=2, stride=2)
    upsample = (
        nn.Upsample(scale_factor=2, mode=kind)
        if kind == "nearest"
        else nn.Upsample(scale_factor=2, mode=kind, align_corners=False)
    )
    return nn.Sequential(upsample, nn.Conv2d(coarse, fine, kernel_size=3, padding=1))


def _activation(kind: Activation) -> nn.Module:
    if kind == "relu":
        return nn.ReLU()
    if kind == "leaky-relu":
        return nn.LeakyReLU(_LEAK)
    return nn.ELU() if kind == "elu" else nn.PReLU()
