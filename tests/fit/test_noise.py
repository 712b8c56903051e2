from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit._noise import estimated_noise, repeats_sigma, residual_sigma
from napari_dwi.fit._problem import Voxels
from napari_dwi.measure.rician_sigma import BACKGROUND, REPEATS
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import BValues

from ..synthetic import make_series
from .curves import B_VALUES, make_curves
from .problems import make_problem


def test_the_residuals_of_the_true_curves_give_the_noise_level(rng: np.random.Generator) -> None:
    problem = make_problem("adc", [0, 100, 200, 300, 400, 600, 800], weights=[1, 1, 1, 1, 4, 4, 4])
    truth = np.tile([1e-3, 100.0], (20_000, 1))
    noise = rng.normal(0, 3, (20_000, 7)) / np.sqrt(problem.weights)
    signal = problem.model.signal(problem.b, truth) + noise
    # True values leave all 7 degrees of freedom, of which 5 are expected.
    assert residual_sigma(signal, truth, problem) == pytest.approx(3 * np.sqrt(7 / 5), rel=0.03)


def test_voxels_that_do_not_follow_the_model_do_not_count(rng: np.random.Generator) -> None:
    problem = make_problem("adc", [0, 200, 400, 600, 800])
    truth = np.tile([1e-3, 100.0], (10_000, 1))
    signal = problem.model.signal(problem.b, truth) + rng.normal(0, 3, (10_000, 5))
    plain = residual_sigma(signal, truth, problem)
    signal[:1000] *= rng.uniform(0.2, 3, (1000, 5))
    truth[1000:1500] = np.nan
    assert residual_sigma(signal, truth, problem) == pytest.approx(plain, rel=0.1)


def test_as_many_parameters_as_b_values_leave_no_residual() -> None:
    problem = make_problem("adc", [0, 800])
    assert np.isnan(residual_sigma(np.ones((5, 2)), np.ones((5, 2)), problem))


def test_air_is_asked_first_and_the_fit_where_there_is_none() -> None:
    scan = make_series((48, 48, 4))
    inside = scan.tissue
    problem = make_problem("adc", [0, 400, 800])
    found = estimated_noise(scan.series, Voxels(scan.series.signal[inside], inside), problem, Progress())
    assert found.sigma == pytest.approx(60, rel=0.05)
    assert "air" in found.origin
    curves = make_curves("ivim", snr=30, shape=(20, 20, 4))
    everywhere = np.ones((20, 20, 4), bool)
    voxels = Voxels(curves.series.signal[everywhere], everywhere)
    found = estimated_noise(curves.series, voxels, make_problem("ivim"), Progress())
    assert found.sigma == pytest.approx(1000 / 30, rel=0.1)
    assert "residual" in found.origin


def test_repeats_give_the_noise_level_where_there_is_no_air() -> None:
    curves = make_curves("ivim", (0.0,) * 6 + B_VALUES[1:], snr=30, shape=(20, 20, 4))
    everywhere = np.ones((20, 20, 4), bool)
    voxels = Voxels(curves.series.signal[everywhere], everywhere)
    problem = make_problem("ivim", curves.series.b_values.values)
    found = estimated_noise(curves.series, voxels, problem, Progress())
    assert found.sigma == pytest.approx(1000 / 30, rel=0.05)
    assert "repeats" in found.origin


def test_gradient_directions_are_no_repeats() -> None:
    curves = make_curves("adc", (0.0, 800.0, 800.0), snr=30)
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], float)
    series = replace(curves.series, b_values=BValues(np.array([0.0, 800, 800]), directions))
    with pytest.raises(BadInputError, match="no volume was repeated"):
        repeats_sigma(series, np.ones(series.grid.shape, bool))


@pytest.mark.parametrize("source", [BACKGROUND, REPEATS])
def test_a_source_that_is_named_is_not_replaced_by_another(source: str) -> None:
    curves = make_curves("ivim", snr=30)
    inside = np.ones(curves.series.grid.shape, bool)
    voxels = Voxels(curves.series.signal[inside], inside)
    with pytest.raises(BadInputError, match="noise level cannot be estimated"):
        estimated_noise(curves.series, voxels, make_problem(), Progress(), source)


def test_without_air_and_residual_the_level_must_be_typed() -> None:
    curves = make_curves("adc", (0, 800), snr=30)
    inside = np.ones(curves.series.grid.shape, bool)
    voxels = Voxels(curves.series.signal[inside], inside)
    with pytest.raises(BadInputError, match="noise level cannot be estimated") as caught:
        estimated_noise(curves.series, voxels, make_problem("adc", [0, 800]), Progress())
    assert "noise_sigma" in str(caught.value)
