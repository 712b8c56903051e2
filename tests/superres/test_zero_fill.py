from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.measure.image_quality import psnr
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.k_space import zero_filled
from napari_dwi.physics.pair_simulation import ImagePair, simulate_pair
from napari_dwi.scan import Grid, Volume

from ..synthetic import make_series


def pair(sigma: float, factor: int = 2) -> ImagePair:
    """Slices of a smooth object with an edge, in air."""
    truth = make_series((24 * factor, 24 * factor, 3), sigma=0).truth.signal[..., 0]
    return simulate_pair(truth, sigma, np.random.default_rng(3), factor=factor)


def volume_of(image: np.ndarray) -> Volume:
    return Volume(image, Grid.from_spacing(image.shape, (2, 2, 5)))


def super_resolved(name: str, image: np.ndarray, **settings: object) -> np.ndarray:
    method = find_method(name, "superres")
    parameters = method.parameters.from_values(settings)
    result = run_method(method, parameters, Inputs.of_volume(volume_of(image)))
    fine = result.output.image("super-resolved")
    assert isinstance(fine, Volume)
    return fine.data


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_zero_filling_keeps_every_acquired_voxel(factor: int) -> None:
    low = pair(60, factor).low
    fine = super_resolved("zero-fill", low, factor=factor)
    np.testing.assert_allclose(fine[::factor, ::factor], low, atol=1e-3)


def test_periodic_edges_are_those_of_k_space() -> None:
    low = pair(60).low
    fine = super_resolved("zero-fill", low, edges="periodic")
    np.testing.assert_array_equal(fine, np.maximum(zero_filled(low, 2), 0))


def test_values_below_zero_are_kept_where_the_input_has_them() -> None:
    low = pair(60).low - 500
    fine = super_resolved("zero-fill", low)
    np.testing.assert_allclose(fine[::2, ::2], low, atol=1e-3)
    assert fine.min() == low.min()


@pytest.mark.parametrize("factor", [2, 3])
@pytest.mark.parametrize("known", [True, False], ids=["sigma given", "sigma estimated"])
def test_non_local_means_come_closer_to_the_truth(factor: int, known: bool) -> None:
    simulated = pair(60, factor)
    everywhere = simulated.truth > 0
    peak = float(simulated.truth.max())
    plain = super_resolved("zero-fill", simulated.low, factor=factor)
    better = super_resolved("zero-fill-nlm", simulated.low, factor=factor, noise_sigma=60.0 if known else 0.0)
    gained = psnr(better, simulated.truth, everywhere, peak) - psnr(plain, simulated.truth, everywhere, peak)
    assert gained > 0.8


def test_without_noise_non_local_means_leave_zero_filling_alone() -> None:
    series = make_series(sigma=0).truth
    method = find_method("zero-fill-nlm")
    inputs = Inputs(replace(series, signal=np.full_like(series.signal, 7)))
    output = run_method(method, method.settings(), inputs).output
    assert not output.image("residual").signal.any()
    assert output.figures["noise SD from differences of neighbours, volume 0, b = 0"] == 0
