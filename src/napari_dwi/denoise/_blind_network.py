"""Learning with a network that is blind by its architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from napari_dwi.methods.method import Context


@dataclass(frozen=True)
class BlindNetwork:
    """Every voxel is learnt from its surroundings, by the mean absolute error as in MM-BSN.

    Parameters
    ----------
    apart : int
        Slices are split into ``apart`` squared coarser ones of every so many voxels, and the results
        put together again.
    """

    apart: int

    def loss(
        self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """Mean absolute error at all targets."""
        del random
        return mean_absolute_error(self._applied(network, noisy), noisy, targets)

    def held_out_loss(
        self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
    ) -> torch.Tensor | None:
        """Mean absolute error at held-out voxels."""
        return mean_absolute_error(self._applied(network, noisy), noisy, held_out)

    def predict(self, network: nn.Module, noisy: torch.Tensor, context: Context) -> torch.Tensor:
        """Every voxel as its surroundings predict it."""
        context.progress.check()
        return self._applied(network, noisy)

    def _applied(self, network: nn.Module, noisy: torch.Tensor) -> torch.Tensor:
        n_x, n_y = (n - n % self.apart for n in noisy.shape[2:])
        split = nn.functional.pixel_unshuffle(noisy[..., :n_x, :n_y], self.apart).transpose(0, 1)
        joined = nn.functional.pixel_shuffle(network(split).transpose(0, 1), self.apart)
        return nn.functional.pad(joined, (0, noisy.shape[3] - n_y, 0, noisy.shape[2] - n_x))


def mean_absolute_error(image: torch.Tensor, noisy: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference at some voxels; 0 if there are none."""
    return ((image - noisy).abs() * where).sum() / where.sum().clamp(min=1)
