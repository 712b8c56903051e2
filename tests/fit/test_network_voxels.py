from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._network_voxels import noisy_signal, training_voxels
from napari_dwi.fit._problem import FitProblem
from napari_dwi.fit._rician import rician_likelihood
from napari_dwi.methods.progress import Progress

from .recipes import LABEL_BOUNDS, labelled, small_recipe

QUIET = Progress()


def test_true_parameters_lie_evenly_within_their_ranges() -> None:
    recipe = small_recipe(snr=1e6)
    shape = training_voxels(recipe, QUIET).label[:, :3]
    low, high = np.array(recipe.ranges[:3]).T
    share = (shape - low) / (high - low)
    assert share.min() >= -1e-6
    assert share.max() <= 1 + 1e-6
    np.testing.assert_allclose(share.mean(axis=0), 0.5, atol=0.05)
    np.testing.assert_allclose(share.std(axis=0), 12**-0.5, atol=0.02)


@pytest.mark.parametrize("lowest", [0.0, 50.0])
def test_signals_and_labels_belong_together_over_the_signal_of_the_lowest_b(lowest: float) -> None:
    b_values = (lowest, 100.0, 200.0, 400.0, 800.0)
    recipe = small_recipe(b_values=b_values, averaged=(1,) * 5, snr=1e6)
    voxels = training_voxels(recipe, QUIET)
    np.testing.assert_allclose(voxels.signal[:, 0], 1, rtol=1e-6)
    expected = recipe.signal_model.signal(b_values, voxels.label.astype(np.float64))
    np.testing.assert_allclose(voxels.signal, expected, atol=1e-4)


def test_the_noise_is_that_of_the_snr_at_the_lowest_b_and_less_for_averages() -> None:
    recipe = small_recipe(snr=20.0, averaged=(4, *(1,) * 9))
    truth = np.tile(np.mean(recipe.ranges, axis=1), (4000, 1))
    signal = noisy_signal(recipe, truth, np.random.default_rng(0))
    np.testing.assert_allclose(signal[:, 0].std(), 1 / 20 / 2, rtol=0.05)
    np.testing.assert_allclose(signal[:, 1].std(), 1 / 20, rtol=0.05)


def test_weak_signals_lie_in_the_noise_floor() -> None:
    recipe = small_recipe(b_values=(0.0, 50.0, 200.0, 1000.0, 20_000.0), averaged=(1,) * 5, snr=10.0)
    truth = np.tile(np.mean(recipe.ranges, axis=1), (4000, 1))
    signal = noisy_signal(recipe, truth, np.random.default_rng(0))
    np.testing.assert_allclose(signal[:, -1].mean(), 0.1 * np.sqrt(np.pi / 2), rtol=0.03)


@pytest.mark.parametrize("noise", ["gaussian", "rician"])
def test_labels_are_the_most_likely_parameters_of_the_signal(noise: str) -> None:
    recipe = labelled(label_noise=noise)
    voxels = training_voxels(recipe, QUIET)
    one = np.ones(len(recipe.b_values))
    # What is left of single measurements is their SNR, which differs between voxels as S0 does.
    problem = FitProblem(
        recipe.signal_model, np.array(recipe.b_values), one, np.array(LABEL_BOUNDS), recipe.sigma
    )
    if noise == "gaussian":
        expected = least_squares(voxels.signal, problem).values
        np.testing.assert_allclose(voxels.label, expected, rtol=1e-2)
    else:
        expected = rician_likelihood(voxels.signal, problem, recipe.sigma).values
        assert np.median(np.abs(voxels.label / expected - 1)) < 0.02


def test_a_hybrid_label_lies_between_truth_and_likelihood() -> None:
    true, between, likely = (
        training_voxels(labelled(alpha=alpha, drop_at_bounds=False), QUIET) for alpha in (1e-9, 0.25, 1.0)
    )
    np.testing.assert_array_equal(true.signal, likely.signal)
    np.testing.assert_allclose(between.label, 0.75 * true.label + 0.25 * likely.label, rtol=1e-4, atol=1e-7)


def test_labels_at_a_bound_are_left_out_unless_they_are_wanted() -> None:
    kept = training_voxels(labelled(drop_at_bounds=False), QUIET).label
    dropped = training_voxels(labelled(), QUIET).label
    highest = np.float32(LABEL_BOUNDS[2][1])
    assert (kept[:, 2] >= 0.9999 * highest).mean() > 0.02
    assert (dropped[:, 2] < 0.9999 * highest).all()
    assert 0.5 * len(kept) < len(dropped) < len(kept)


def test_bounds_that_leave_no_label_are_refused() -> None:
    nowhere = ((0.9, 0.91), (4.9e-3, 5e-3), (0.29, 0.3))
    with pytest.raises(BadInputError, match="no training voxel can be labelled") as caught:
        training_voxels(labelled(label_bounds=nowhere), QUIET)
    assert caught.value.remedy


def test_labelling_can_be_stopped() -> None:
    looks = 0

    def at_the_second_look() -> bool:
        nonlocal looks
        looks += 1
        return looks == 2

    with pytest.raises(Stopped):
        training_voxels(labelled(), Progress(stop_asked=at_the_second_look))
