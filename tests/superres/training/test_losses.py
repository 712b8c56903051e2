from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_dwi.superres.training._losses import loss_of, ssim
from napari_dwi.superres.training.config import TrainingConfig

NOISE = torch.tensor([0.05, 0.1])


@pytest.fixture
def images() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    target = torch.rand(2, 1, 24, 20, generator=random)
    return target + 0.1 * torch.randn(target.shape, generator=random), target


def loss(made: torch.Tensor, target: torch.Tensor, **settings: Any) -> torch.Tensor:
    return loss_of(made, target, NOISE[: len(made)], TrainingConfig(**settings))


def test_the_hybrid_loss_ends_in_its_two_parts(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    made, target = images
    mse = torch.nn.functional.mse_loss(made, target)
    assert float(loss(made, target, loss="mse")) == pytest.approx(float(mse))
    assert float(loss(made, target, loss="hybrid", alpha=1.0)) == pytest.approx(float(mse))
    unlike = 1 - float(ssim(made, target, data_range=1.0))
    assert float(loss(made, target, loss="hybrid", alpha=0.0)) == pytest.approx(unlike)
    between = float(loss(made, target, loss="hybrid", alpha=0.3))
    assert between == pytest.approx(0.3 * float(mse) + 0.7 * unlike)


def test_the_absolute_error_is_a_loss_too(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    made, target = images
    assert float(loss(made, target, loss="mae")) == pytest.approx(float((made - target).abs().mean()))


def test_a_balanced_loss_takes_noise_for_what_it_is(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    made, target = images
    errors = ((made - target) ** 2).mean(dim=(1, 2, 3))
    assert float(loss(made, target, balanced=True)) == pytest.approx(float((errors[0] + errors[1] / 2) / 2))


@pytest.mark.parametrize("data_range", [1.0, 4.0])
def test_ssim_is_that_of_the_field(images: tuple[torch.Tensor, torch.Tensor], data_range: float) -> None:
    from skimage.metrics import structural_similarity

    made, target = (one[0, 0].double().numpy() for one in images)
    _, local = structural_similarity(
        made,
        target,
        data_range=data_range,
        gaussian_weights=True,
        sigma=1.5,
        win_size=11,
        use_sample_covariance=False,
        full=True,
    )
    found = ssim(*(one[:1] for one in images), data_range=data_range)
    assert float(found) == pytest.approx(local[5:-5, 5:-5].mean(), abs=1e-4)


def test_an_image_is_wholly_like_itself(images: tuple[torch.Tensor, torch.Tensor]) -> None:
    assert float(ssim(images[1], images[1], data_range=1.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("level", [0.0, 0.7, 100.0])
@pytest.mark.parametrize("size", [24, 7, 1])
def test_gradients_are_finite_on_constant_patches_and_in_half_precision(
    dtype: torch.dtype, level: float, size: int
) -> None:
    made = torch.full((1, 1, size, size), level, dtype=dtype, requires_grad=True)
    target = torch.full((1, 1, size, size), level, dtype=dtype)
    value = loss(made, target, loss="hybrid", alpha=0.5)
    value.backward()
    assert np.isfinite(value.item())
    assert made.grad is not None
    assert torch.isfinite(made.grad).all()
