from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._rician import rician_likelihood
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import IVIM

from .curves import B_VALUES, make_curves
from .problems import make_problem

# The voxel and b-values of dipy's own test of its IVIM fits.
_DIPY_VOXEL = np.array([0.132, 0.921e-3, 8.85e-3, 1000.0])
_DIPY_B = [0, 10, 20, 30, 40, 60, 80, 100, 120, 140, 160, 180, 200, *range(300, 1001, 100)]


def cost(signal: np.ndarray, values: np.ndarray) -> np.ndarray:
    return ((signal - IVIM.signal(B_VALUES, values)) ** 2).sum(axis=-1)


@pytest.mark.parametrize("fit", ["least squares", "rician"])
def test_dipys_voxel_is_recovered_in_single_precision(fit: str) -> None:
    problem = make_problem("ivim", _DIPY_B)
    signal = IVIM.signal(_DIPY_B, _DIPY_VOXEL[None]).astype(np.float32)
    rician = fit == "rician"
    found = rician_likelihood(signal, problem, 0.01) if rician else least_squares(signal, problem)
    np.testing.assert_allclose(found.values.astype(np.float32), _DIPY_VOXEL[None], rtol=1e-4)


def test_the_sum_of_squares_is_no_larger_than_that_of_curve_fit() -> None:
    curves = make_curves("ivim", snr=20, shape=(60, 1, 1))
    signal = curves.series.signal.reshape(60, -1)
    found = least_squares(signal, make_problem()).values
    peer = np.empty_like(found)
    for n, voxel in enumerate(signal):

        def model(b: np.ndarray, f: float, d: float, d_star: float, s0: float) -> np.ndarray:
            return IVIM.signal(b, np.array([f, d * 1e-3, d_star * 1e-3, s0]))

        low, high = (0, 0, 5, 0), (0.7, 5, 300, 5000)
        best, _ = curve_fit(model, B_VALUES, voxel, p0=(0.2, 1.5, 60, voxel.max()), bounds=(low, high))
        peer[n] = best * [1, 1e-3, 1e-3, 1]
    ours, theirs = cost(signal, found), cost(signal, peer)
    assert (ours < theirs * 1.001).mean() > 0.9
    assert np.median(ours / theirs) < 1.0001


def test_values_stay_within_their_bounds_and_reach_them(rng: np.random.Generator) -> None:
    signal = rng.uniform(0, 1000, (300, 10)).astype(np.float32)
    problem = make_problem()
    shape = least_squares(signal, problem).values[:, :3]
    low, high = problem.bounds.T
    assert (shape >= low).all()
    assert (shape <= high * (1 + 1e-12)).all()
    assert (shape == low).any()


def test_an_average_of_four_counts_as_four_volumes() -> None:
    curves = make_curves("ivim", snr=20, shape=(40, 1, 1))
    signal = curves.series.signal.reshape(40, -1)
    weights = [4 if b == 800 else 1 for b in B_VALUES]
    repeated = np.concatenate([signal, *[signal[:, -1:]] * 3], axis=1)
    averaged = least_squares(signal, make_problem(weights=weights)).values
    expected = least_squares(repeated, make_problem(b_values=[*B_VALUES, 800, 800, 800])).values
    np.testing.assert_allclose(averaged, expected, rtol=1e-3)


def test_rician_likelihood_removes_the_bias_of_the_noise_floor(rng: np.random.Generator) -> None:
    truth = np.tile([2.0e-3, 1.0], (4000, 1))
    problem = make_problem("adc", [0, 500, 1000, 1500])
    signal = add_rician_noise(problem.model.signal(problem.b, truth), 0.05, rng).astype(np.float32)
    plain = least_squares(signal, problem).values[:, 0].mean()
    rician = rician_likelihood(signal, problem, 0.05).values[:, 0].mean()
    assert plain - 2.0e-3 < -0.04e-3
    assert abs(rician - 2.0e-3) < 0.03e-3


def test_the_rician_fit_is_the_most_likely_one(rng: np.random.Generator) -> None:
    from napari_dwi.physics.rician_likelihood import bessel_terms

    curves = make_curves("ivim", snr=15, shape=(200, 1, 1))
    signal = curves.series.signal.reshape(200, -1)
    sigma = 1000 / 15
    problem = make_problem()

    def minus_log_likelihood(values: np.ndarray) -> np.ndarray:
        amplitude = problem.model.signal(problem.b, values) / sigma
        logarithm, _ = bessel_terms(signal / sigma * amplitude)
        return (0.5 * (amplitude - signal / sigma) ** 2 - logarithm).sum(axis=1)

    best = rician_likelihood(signal, problem, sigma).values
    lowest = minus_log_likelihood(best)
    assert (lowest <= minus_log_likelihood(least_squares(signal, problem).values) + 1e-6).all()
    low, high = problem.bounds.T
    for _ in range(20):
        nearby = best * rng.normal(1, 0.02, best.shape)
        nearby[:, :3] = np.clip(nearby[:, :3], low, high)
        assert (lowest <= minus_log_likelihood(nearby) + 0.02).all()
