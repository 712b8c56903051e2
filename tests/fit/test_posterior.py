from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._posterior import LogNormal, Normal, posterior_mean, prior_draws
from napari_dwi.physics.rician import add_rician_noise

from .problems import make_problem


def test_draws_follow_their_priors_and_stay_within_the_bounds() -> None:
    problem = make_problem("ivim")
    priors = {"f": Normal(0.3, 0.05), "D": LogNormal(1e-3, 1.2)}
    f, d, d_star = prior_draws(problem, priors, 20_000)
    assert f.mean() == pytest.approx(0.3, rel=0.01)
    assert f.std() == pytest.approx(0.05, rel=0.02)
    assert np.median(d) == pytest.approx(1e-3, rel=0.01)
    assert np.log(d).std() == pytest.approx(np.log(1.2), rel=0.02)
    # Without a prior, a rate that spans decades is spread by its logarithm.
    assert np.median(d_star) == pytest.approx(np.sqrt(5e-3 * 0.3), rel=0.02)
    for drawn, (low, high) in zip((f, d, d_star), problem.bounds, strict=True):
        assert low <= drawn.min() <= drawn.max() <= high


def test_draws_of_different_parameters_are_independent() -> None:
    draws = prior_draws(make_problem("ivim-kurtosis"), {}, 8000)
    correlation = np.corrcoef(draws) - np.eye(4)
    assert np.abs(correlation).max() < 0.02


def test_mean_and_sd_are_those_of_the_exact_posterior() -> None:
    b, sigma, prior = np.array([0.0, 400, 800]), 0.05, LogNormal(1.2e-3, 1.5)
    problem = make_problem("adc", b, sigma=sigma)
    signal = np.array([[1.02, 0.66, 0.33]])
    adc = np.linspace(1e-6, 5e-3, 4001)
    s0 = np.linspace(0.5, 1.5, 1001)[:, None, None]
    residual = signal - s0 * np.exp(-b * adc[:, None])
    weight = np.exp(-(residual**2).sum(axis=-1) / (2 * sigma**2)) * prior.density(adc)
    mean = (weight * adc).sum() / weight.sum()
    sd = np.sqrt((weight * (adc - mean) ** 2).sum() / weight.sum())
    mean_s0 = (weight * s0[..., 0]).sum() / weight.sum()
    found = posterior_mean(problem, {"ADC": prior}, 8000)(signal.astype(np.float32))
    # The table corrects for the noise floor, which at SNR 6 and above is small.
    assert found.values[0, 0] == pytest.approx(mean, rel=0.02)
    assert found.values[0, 1] == pytest.approx(mean_s0, rel=0.01)
    assert found.sd is not None
    assert found.sd[0, 0] == pytest.approx(sd, rel=0.05)


def test_truth_drawn_from_the_prior_is_covered_as_often_as_stated(rng: np.random.Generator) -> None:
    sigma = 1 / 20
    problem = make_problem("ivim", sigma=sigma)
    priors = {"f": Normal(0.25, 0.1), "D": LogNormal(1.2e-3, 1.4), "Dstar": LogNormal(50e-3, 1.8)}
    shape = prior_draws(problem, priors, 3001).T
    truth = np.concatenate([shape, np.ones((len(shape), 1))], axis=1)
    signal = add_rician_noise(problem.model.signal(problem.b, truth), sigma, rng).astype(np.float32)
    found = posterior_mean(problem, priors, 8000)(signal)
    assert found.sd is not None
    covered = (np.abs(found.values - truth) < 2 * found.sd).mean(axis=0)
    assert ((covered > 0.93) & (covered < 0.99)).all(), covered
    # Never worse than the prior's own mean.
    assert (np.square(found.values - truth).mean(axis=0)[:3] < shape.var(axis=0)).all()


def test_a_voxel_that_says_nothing_shows_the_prior() -> None:
    problem = make_problem("ivim", sigma=50.0)
    priors = {"Dstar": LogNormal(50e-3, 1.5)}
    signal = np.full((1, 10), 60.0, dtype=np.float32)
    found = posterior_mean(problem, priors, 4000)(signal)
    prior = prior_draws(problem, priors, 4000)[2]
    assert found.sd is not None
    assert found.values[0, 2] == pytest.approx(prior.mean(), rel=0.3)
    assert found.sd[0, 2] == pytest.approx(prior.std(), rel=0.5)


@pytest.mark.parametrize("snr", [150, 1000])
def test_at_high_snr_it_is_as_good_as_least_squares_and_knows_it(snr: int, rng: np.random.Generator) -> None:
    problem = make_problem("ivim", sigma=1 / snr)
    priors = {"f": Normal(0.25, 0.1), "D": LogNormal(1.2e-3, 1.4), "Dstar": LogNormal(50e-3, 1.8)}
    shape = prior_draws(problem, priors, 1001).T
    truth = np.concatenate([shape, np.ones((len(shape), 1))], axis=1)
    signal = (problem.model.signal(problem.b, truth) + rng.normal(0, 1 / snr, (1001, 10))).astype(np.float32)
    found = posterior_mean(problem, priors, 2000)(signal)
    plain = least_squares(signal, problem).values
    error, of_plain = (np.abs(values - truth) for values in (found.values, plain))
    assert (np.median(error, axis=0) < 1.1 * np.median(of_plain, axis=0)).all()
    assert found.sd is not None
    covered = (error < 2 * found.sd).mean(axis=0)
    assert (covered > 0.9).all(), covered


def test_at_high_snr_what_a_voxel_does_not_say_is_taken_from_the_prior() -> None:
    problem = make_problem("ivim", sigma=1e-3)
    signal = problem.model.signal(problem.b, [[0.0, 1e-3, 50e-3, 1.0]]).astype(np.float32)
    found = posterior_mean(problem, {"Dstar": LogNormal(50e-3, 1.5)}, 2000)(signal)
    prior = prior_draws(problem, {"Dstar": LogNormal(50e-3, 1.5)}, 2000)[2]
    assert found.values[0, 1] == pytest.approx(1e-3, rel=0.02)
    assert found.values[0, 2] == pytest.approx(prior.mean(), rel=0.1)
    assert found.sd is not None
    assert found.sd[0, 2] == pytest.approx(prior.std(), rel=0.1)


def test_the_noise_level_must_be_known() -> None:
    with pytest.raises(ValueError, match="noise level"):
        posterior_mean(make_problem(), {}, 1000)
