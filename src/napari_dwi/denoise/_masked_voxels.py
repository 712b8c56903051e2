"""Blind spots by hiding: voxels are replaced before the network sees them, and it must guess them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from napari_dwi.methods.method import Context


@dataclass(frozen=True)
class HiddenGrid:
    """Noise2Self: every voxel of a grid is replaced by the mean of its neighbours.

    Parameters
    ----------
    width : int
        Spacing of the grid, in voxels; there are ``width`` squared grids.
    """

    width: int

    def loss(
        self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """Mean squared error at a grid drawn at random."""
        phase = int(torch.randint(self.width**2, (1,), generator=random))
        hidden = self._grid(noisy, phase)
        return mean_squared_error(network(with_neighbours(noisy, hidden)), noisy, hidden & targets)

    def held_out_loss(
        self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
    ) -> torch.Tensor | None:
        """Mean squared error at held-out voxels, hidden."""
        return mean_squared_error(network(with_neighbours(noisy, held_out)), noisy, held_out)

    def predict(self, network: nn.Module, noisy: torch.Tensor, context: Context) -> torch.Tensor:
        """Every voxel as predicted where it was hidden."""
        denoised = torch.zeros_like(noisy)
        for phase in range(self.width**2):
            context.progress.check()
            hidden = self._grid(noisy, phase)
            denoised = torch.where(hidden, network(with_neighbours(noisy, hidden)), denoised)
        return denoised

    def _grid(self, noisy: torch.Tensor, phase: int) -> torch.Tensor:
        hidden = torch.zeros_like(noisy, dtype=torch.bool)
        hidden[..., phase // self.width :: self.width, phase % self.width :: self.width] = True
        return hidden


@dataclass(frozen=True)
class HiddenVoxels:
    """Noise2Void: a few voxels are replaced by others from their surroundings.

    Parameters
    ----------
    share : float
        Share of voxels hidden at a time.
    reach : int
        Replacements come from so far away at most, in voxels.
    """

    share: float
    reach: int

    def loss(
        self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """Mean squared error at hidden voxels drawn at random."""
        drawn = torch.rand(noisy.shape, generator=random).to(noisy.device)
        hidden = targets & (drawn < self.share)
        steps = torch.randint(-self.reach, self.reach + 1, (2, *noisy.shape), generator=random)
        return mean_squared_error(network(_replaced(noisy, hidden, steps.to(noisy.device))), noisy, hidden)

    def held_out_loss(
        self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
    ) -> torch.Tensor | None:
        """Mean squared error at held-out voxels, replaced by the mean of their neighbours."""
        return mean_squared_error(network(with_neighbours(noisy, held_out)), noisy, held_out)

    def predict(self, network: nn.Module, noisy: torch.Tensor, context: Context) -> torch.Tensor:
        """The network's image of the slices as they are."""
        context.progress.check()
        denoised: torch.Tensor = network(noisy)
        return denoised


def mean_squared_error(image: torch.Tensor, noisy: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Mean squared difference at some voxels; 0 if there are none."""
    return ((image - noisy).square() * where).sum() / where.sum().clamp(min=1)


def with_neighbours(noisy: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Slices in which hidden voxels are the mean of those around them (diagonal ones count half)."""
    kernel = torch.tensor([[0.5, 1.0, 0.5], [1.0, 0.0, 1.0], [0.5, 1.0, 0.5]], device=noisy.device)
    kernel = kernel[None, None]
    seen = (~hidden).to(noisy.dtype)
    total = nn.functional.conv2d(noisy * seen, kernel, padding=1)
    weight = nn.functional.conv2d(seen, kernel, padding=1)
    return torch.where(hidden, total / weight.clamp(min=0.5), noisy)


def _replaced(noisy: torch.Tensor, hidden: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
    """Slices in which each hidden voxel is the one a step away, or the other way at the border."""
    n_x, n_y = noisy.shape[2:]
    x = torch.arange(n_x, device=noisy.device)[:, None]
    y = torch.arange(n_y, device=noisy.device)[None, :]
    # A step of nothing would show the voxel itself.
    still = (steps == 0).all(dim=0)
    step_x, step_y = torch.where(still, 1, steps[0]), steps[1]
    from_x = torch.where((x + step_x < 0) | (x + step_x >= n_x), x - step_x, x + step_x).clamp(0, n_x - 1)
    from_y = torch.where((y + step_y < 0) | (y + step_y >= n_y), y - step_y, y + step_y).clamp(0, n_y - 1)
    other = noisy.flatten(2).gather(2, (from_x * n_y + from_y).flatten(2)).view_as(noisy)
    return torch.where(hidden, other, noisy)
