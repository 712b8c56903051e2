from __future__ import annotations

import numpy as np

from napari_dwi.fit._estimator import estimator
from napari_dwi.measure.estimator_quality import ParameterGrid, estimator_quality
from napari_dwi.methods.registry import find_method
from napari_dwi.physics.signal_models import IVIM

from .curves import B_VALUES, make_curves


def test_a_method_gives_for_signals_what_it_gives_for_a_scan() -> None:
    curves = make_curves("ivim")
    method = find_method("least-squares")
    parameters = method.settings().with_settings({"sd_maps": "no"})
    signal = curves.series.signal.reshape(-1, len(B_VALUES))
    found = estimator(method, parameters, B_VALUES)(signal)
    np.testing.assert_allclose(found, curves.truth.reshape(-1, 4), rtol=1e-3)


def test_signals_that_cannot_be_fitted_have_no_estimate() -> None:
    signal = make_curves("ivim").series.signal.reshape(-1, len(B_VALUES)).copy()
    signal[3] = 0
    found = estimator(find_method("least-squares"), find_method("least-squares").settings(), B_VALUES)(signal)
    np.testing.assert_array_equal(np.isnan(found).any(axis=1), np.arange(len(signal)) == 3)


def test_least_squares_has_the_bias_of_the_noise_floor() -> None:
    method = find_method("least-squares")
    estimate = estimator(method, method.settings().with_settings({"sd_maps": "no"}), B_VALUES)
    grid = ParameterGrid.spread(IVIM, [(0.2, 0.4), (1e-3, 3e-3), (50e-3, 60e-3), (1.0, 1.1)], (2, 3, 1, 1))
    marginal = estimator_quality(estimate, grid, B_VALUES, 1 / 15, repeats=300).marginal("D")
    # Tissue that decays into the floor seems to decay less.
    assert marginal.bias[-1] < -0.1e-3
    assert marginal.bias[-1] < marginal.bias[0]
