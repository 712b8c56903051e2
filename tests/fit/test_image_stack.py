"""Voxels as a stack of slices, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_dwi.fit._image_network import Decoder
from napari_dwi.fit._image_parameters import MODELS
from napari_dwi.fit._image_stack import image_stack
from napari_dwi.fit._problem import Voxels
from napari_dwi.physics.signal_models import find_model

from .curves import make_curves
from .problems import make_problem

SHAPE = (7, 5, 6)


def voxels(fraction: float = 0.5) -> tuple[Voxels, np.ndarray]:
    """Some voxels of a volume with a margin and an empty slice across every axis."""
    rng = np.random.default_rng(0)
    inside = rng.random(SHAPE) < fraction
    inside[0], inside[:, 0], inside[:, :, 0], inside[3], inside[:, 2], inside[:, :, 4] = (False,) * 6
    image = rng.uniform(100, 200, (*SHAPE, 3)).astype(np.float32)
    return Voxels(np.ascontiguousarray(image[inside]), inside), image


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_volume_without_empty_ones_and_margins(axis: int) -> None:
    chosen, image = voxels()
    stack = image_stack(chosen, make_problem("adc", (0, 400, 800)), axis, "scan")
    slices = np.moveaxis(np.where(chosen.inside[..., None], image, 0), axis, 0)
    mask = np.moveaxis(chosen.inside, axis, 0)
    used = mask.any(axis=(1, 2))
    assert len(stack.signal) == used.sum() < SHAPE[axis]
    rows, columns = (np.flatnonzero(mask.any(axis=(0, other))) for other in (2, 1))
    box = np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    np.testing.assert_array_equal(stack.inside, mask[used][box])
    scanner = stack.signal * stack.scale[0]
    np.testing.assert_allclose(np.moveaxis(scanner, 1, -1), slices[used][box], rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_values_come_back_to_their_voxels(axis: int) -> None:
    chosen, _ = voxels()
    stack = image_stack(chosen, make_problem("adc", (0, 400, 800)), axis, "scan")
    values = np.arange(2.0 * len(chosen.signal)).reshape(-1, 2)
    np.testing.assert_array_equal(stack.at_voxels(stack.as_maps(values)), values)


def test_signals_are_divided_by_the_mean_at_the_lowest_b_value() -> None:
    chosen, _ = voxels()
    problem = make_problem("adc", (800, 0, 0.5), weights=(1, 3, 1))
    mean = chosen.signal[:, 1:] @ np.array([0.75, 0.25], np.float32)
    own = image_stack(chosen, problem, 2, "voxel")
    np.testing.assert_allclose(own.scale, mean, rtol=1e-5)
    np.testing.assert_allclose(
        own.at_voxels(own.signal), (chosen.signal / mean[:, None])[:, own.order], rtol=1e-5
    )
    together = image_stack(chosen, problem, 2, "scan")
    np.testing.assert_allclose(together.scale, mean.mean(), rtol=1e-5)


def test_volumes_come_by_rising_b_value() -> None:
    chosen, _ = voxels()
    stack = image_stack(chosen, make_problem("adc", (800, 0, 400)), 2, "voxel")
    assert stack.order.tolist() == [1, 2, 0]


def test_hardly_any_signal_at_b_0_does_not_rule_the_rest() -> None:
    signal = np.array([[1000.0, 500.0], [1e-6, 500.0]], np.float32)
    chosen = Voxels(signal, np.ones((2, 1, 1), bool))
    stack = image_stack(chosen, make_problem("adc", (0, 800)), 2, "voxel")
    assert np.isfinite(stack.signal).all()
    assert stack.signal.max() < 10


@pytest.mark.parametrize("name", MODELS)
def test_the_signal_behind_the_network_is_that_of_the_signal_model(name: str) -> None:
    model = find_model(name)
    curves = make_curves(model, shape=(4, 3, 1))
    bounds = [parameter.bounds for parameter in model.shape]
    decoder = Decoder(name, curves.series.b_values.values.tolist(), [*bounds, (0.7, 1.3)])
    values = torch.from_numpy(curves.truth[:, :, 0].transpose(2, 0, 1)[None].astype(np.float32))
    found = decoder.signal(values)[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(found, curves.series.signal[:, :, 0], rtol=1e-4)


def test_units_of_the_network_lie_between_the_bounds() -> None:
    decoder = Decoder("adc", [0, 800], [(0.0, 4e-3), (0.7, 1.3)])
    values = decoder.values(torch.tensor([0.25, 0.5])[None, :, None, None])
    torch.testing.assert_close(values[0, :, 0, 0], torch.tensor([1e-3, 1.0]))
