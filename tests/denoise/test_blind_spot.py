from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_dwi.denoise._blind_network import BlindNetwork
from napari_dwi.denoise._blind_spot import SliceTraining, denoise_slices, train
from napari_dwi.denoise._masked_voxels import HiddenGrid, HiddenVoxels, with_neighbours
from napari_dwi.denoise._slice_networks import MultiMaskNetwork, UNet
from napari_dwi.denoise._slice_pairs import SlicePairs, pair
from napari_dwi.methods.method import Context

SHAPE = (1, 1, 24, 20)


def slices(seed: int = 0) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def everywhere() -> torch.Tensor:
    return torch.ones(SHAPE, dtype=torch.bool)


@pytest.mark.parametrize("voxel", [(10, 10), (0, 0), (23, 19), (0, 7)], ids=str)
@pytest.mark.parametrize("apart", [1, 2])
def test_the_blind_network_never_sees_the_voxel_it_predicts(voxel: tuple[int, int], apart: int) -> None:
    torch.manual_seed(0)
    noisy = slices().requires_grad_()
    predicted = BlindNetwork(apart).predict(MultiMaskNetwork(4), noisy, Context())
    predicted[0, 0, *voxel].backward()
    assert noisy.grad is not None
    assert noisy.grad[0, 0, *voxel] == 0
    assert noisy.grad.abs().sum() > 0


@pytest.mark.parametrize("voxel", [(10, 10), (0, 0), (23, 19), (0, 7)], ids=str)
def test_a_hidden_grid_never_shows_the_voxel_that_is_predicted(voxel: tuple[int, int]) -> None:
    torch.manual_seed(0)
    noisy = slices().requires_grad_()
    predicted = HiddenGrid(4).predict(UNet(2), noisy, Context())
    predicted[0, 0, *voxel].backward()
    assert noisy.grad is not None
    assert noisy.grad[0, 0, *voxel] == 0
    assert noisy.grad.abs().sum() > 0


def test_hidden_voxels_take_the_mean_of_visible_neighbours() -> None:
    noisy = torch.arange(9.0).reshape(1, 1, 3, 3)
    hidden = torch.zeros(1, 1, 3, 3, dtype=torch.bool)
    hidden[..., 1, 1] = True
    assert with_neighbours(noisy, hidden)[0, 0, 1, 1] == pytest.approx(4)
    hidden[..., 0, 0] = True
    assert with_neighbours(noisy, hidden)[0, 0, 0, 0] == pytest.approx(2)
    visible = torch.where(hidden, torch.zeros(()), with_neighbours(noisy, hidden) - noisy)
    assert (visible == 0).all()


def test_replaced_voxels_are_others_from_nearby() -> None:
    """A network that gives back what it is shown is never right about a hidden voxel."""
    task = HiddenVoxels(share=0.5, reach=3)
    different = torch.arange(float(np.prod(SHAPE))).reshape(SHAPE)
    random = torch.Generator().manual_seed(0)
    seen: list[torch.Tensor] = []

    class Mirror(nn.Module):
        def forward(self, shown: torch.Tensor) -> torch.Tensor:
            seen.append(shown)
            return shown

    assert task.loss(Mirror(), different, everywhere(), random) >= 1
    changed = seen[0] != different
    assert 0.4 < changed.float().mean() < 0.6
    x, y = torch.div(seen[0], SHAPE[3], rounding_mode="floor"), seen[0] % SHAPE[3]
    away_x = (x - torch.arange(SHAPE[2])[:, None]).abs()
    away_y = (y - torch.arange(SHAPE[3])).abs()
    assert max(away_x.max(), away_y.max()) <= 3


def test_a_pair_shares_the_image_and_no_voxel() -> None:
    first, second = pair(torch.full(SHAPE, 3.0))
    assert first.shape == (1, 1, 12, 10)
    assert (first == 3).all()
    assert (second == 3).all()
    noisy = slices().requires_grad_()
    pair(noisy)[0].sum().backward()
    assert noisy.grad is not None
    used_by_first = noisy.grad != 0
    noisy.grad = None
    pair(noisy)[1].sum().backward()
    assert not (used_by_first & (noisy.grad != 0)).any()


@pytest.mark.parametrize(
    "task",
    [HiddenGrid(4), HiddenVoxels(0.1, 3), SlicePairs(), BlindNetwork(1)],
    ids=lambda task: type(task).__name__,
)
def test_voxels_without_a_value_are_never_learnt(task: HiddenGrid) -> None:
    noisy = slices()
    known = everywhere()
    known[..., :8] = False
    spoilt = noisy.clone()
    spoilt[..., :8] = 1000

    class Blank(nn.Module):
        def forward(self, shown: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(shown)

    def loss(values: torch.Tensor) -> float:
        return float(task.loss(Blank(), values, known, torch.Generator().manual_seed(3)))

    assert loss(spoilt) == pytest.approx(loss(noisy))
    assert loss(noisy) > 0


def test_training_goes_back_to_where_held_out_voxels_were_predicted_best() -> None:
    """A network of one number that grows with every step, and is best at 1."""

    class Number(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.value = nn.Parameter(torch.zeros(()))

    class Growing(SlicePairs):
        def loss(
            self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
        ) -> torch.Tensor:
            del noisy, targets, random
            return -network.get_parameter("value")

        def held_out_loss(
            self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
        ) -> torch.Tensor | None:
            del noisy, held_out
            return (network.get_parameter("value") - 1).square()

    network = Number()
    train(network, slices(), everywhere(), Growing(), SliceTraining(200, 1, 0.02), Context(), 0)
    assert network.value.item() == pytest.approx(1, abs=0.25)


def test_slices_of_any_size_come_back_as_they_went_in() -> None:
    torch.manual_seed(0)
    image = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)
    known = np.ones(image.shape, dtype=bool)
    made = denoise_slices(image, known, UNet(2), HiddenGrid(4), SliceTraining(2, 1, 1e-3), 4, Context(), 0)
    assert made.shape == image.shape
    assert np.isfinite(made).all()
