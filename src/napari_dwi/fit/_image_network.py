"""A convolutional network from the slices of all b-values to maps of parameters, and back to the signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    # decay(b, values): b (n_b, 1, 1), shape parameters (n_slices, n, height, width).
    Decay = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# Voxels on every side that a map is made from: three convolutions of 3 x 3.
REACH = 3


class ImageNetwork(nn.Sequential):
    """Three convolutions of 3 x 3 with ELU and dropout, one of 1 x 1, and a sigmoid.

    Slices (n, n_b, height + 6, width + 6) give maps (n, n_parameters, height, width) between 0 and 1:
    every value is made from the 7 x 7 voxels around it, and from nothing that padding made up.
    """

    def __init__(self, n_b: int, n_parameters: int, width: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for n_in in (n_b, *[width] * (REACH - 1)):
            layers += [nn.Conv2d(n_in, width, 3), nn.ELU(), nn.Dropout(dropout)]
        super().__init__(*layers, nn.Conv2d(width, n_parameters, 1), nn.Sigmoid())


class Decoder(nn.Module):
    """The signal model behind the network: parameters between bounds, and the signal they explain.

    Parameters
    ----------
    model : str
        Name of the signal model, one of `MODELS`.
    b_values : sequence of float
        b-values in s/mm2.
    bounds : sequence of pairs
        Lowest and highest value of every parameter, S0 last and divided like the signal.
    """

    b: torch.Tensor
    low: torch.Tensor
    width: torch.Tensor

    def __init__(self, model: str, b_values: Sequence[float], bounds: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        low, high = torch.tensor(bounds, dtype=torch.float32).T[..., None, None]
        self.register_buffer("b", torch.tensor(b_values, dtype=torch.float32)[:, None, None])
        self.register_buffer("low", low)
        self.register_buffer("width", high - low)
        self._decay = _DECAYS[model]

    def values(self, units: torch.Tensor) -> torch.Tensor:
        """Parameters (n, n_parameters, height, width) of what the network says."""
        return self.low + self.width * units

    def signal(self, values: torch.Tensor) -> torch.Tensor:
        """The signal (n, n_b, height, width) of parameters."""
        return values[:, -1:] * self._decay(self.b, values[:, :-1])

    def forward(self, units: torch.Tensor) -> torch.Tensor:
        """The signal of what the network says."""
        return self.signal(self.values(units))


def _monoexponential(b: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    return torch.exp(-b * shape[:, 0:1])


def _ivim(b: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    f, d, d_star = shape[:, 0:1], shape[:, 1:2], shape[:, 2:3]
    return (1 - f) * torch.exp(-b * d) + f * torch.exp(-b * d_star)


def _ivim_dfast(b: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    f, d, d_fast = shape[:, 0:1], shape[:, 1:2], shape[:, 2:3]
    return torch.exp(-b * d) * (1 - f + f * torch.exp(-b * d_fast))


# The formulas of `napari_dwi.physics.signal_models`, differentiable; a test holds them together.
_DECAYS: dict[str, Decay] = {"ivim": _ivim, "ivim-dfast": _ivim_dfast, "adc": _monoexponential}
