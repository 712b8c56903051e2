"""Pairs of coarser slices whose noise is independent, out of one (Zero-Shot Noise2Noise)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from napari_dwi.methods.method import Context


class SlicePairs:
    """The network gives the noise of a slice; it is learnt from pairs of the slice's coarser images."""

    def loss(
        self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """Each of a pair predicts the other, and coarsening before or after denoising is the same."""
        del random
        first, second = pair(noisy)
        known = torch.minimum(*pair(targets.to(noisy.dtype))) == 1
        clean_first, clean_second = first - network(first), second - network(second)
        residual = (clean_first - second).square() + (clean_second - first).square()
        after_first, after_second = pair(noisy - network(noisy))
        consistency = (clean_first - after_first).square() + (clean_second - after_second).square()
        total: torch.Tensor = ((residual + consistency) * known).sum()
        return total / (2 * known.sum().clamp(min=1))

    def held_out_loss(
        self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
    ) -> torch.Tensor | None:
        """Nothing: the network is too small to learn noise by heart, and the paper stops it nowhere."""
        del network, noisy, held_out
        return None

    def predict(self, network: nn.Module, noisy: torch.Tensor, context: Context) -> torch.Tensor:
        """The slices without what the network takes for their noise."""
        context.progress.check()
        denoised: torch.Tensor = noisy - network(noisy)
        return denoised


def pair(slices: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two slices of half the size: the means of the two diagonals of every square of 2 x 2 voxels."""
    a, b = slices[..., 0::2, 0::2], slices[..., 0::2, 1::2]
    c, d = slices[..., 1::2, 0::2], slices[..., 1::2, 1::2]
    return (a + d) / 2, (b + c) / 2
