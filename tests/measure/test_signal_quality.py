"""Quality of measured and predicted signals, on samples small enough to reckon by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.signal_quality import (
    SignalQuality,
    gap_grows_with_fitting_error,
    predictions_surpass_measurements,
    quality_by_fitting_error,
    signal_quality,
)

CLEAN = np.array([1.0, 1.0, 1.0, 1.0])
NOISY = np.array([1.1, 0.8, 1.4, 1.0])
PREDICTED = np.array([1.05, 0.9, 1.0, 1.1])


def test_the_three_measures_are_mean_absolute_differences() -> None:
    quality = signal_quality(CLEAN, NOISY, PREDICTED)
    assert quality.noise == pytest.approx((0.1 + 0.2 + 0.4 + 0.0) / 4)
    assert quality.fitting_error == pytest.approx((0.05 + 0.1 + 0.4 + 0.1) / 4)
    assert quality.recon_error == pytest.approx((0.05 + 0.1 + 0.0 + 0.1) / 4)
    assert quality.samples == 4


def test_groups_of_fitting_error_include_their_lower_edge_and_the_last_has_no_end() -> None:
    small, middle, large = quality_by_fitting_error(
        np.zeros(4), np.zeros(4), [0.0, 0.25, 0.5, 9.0], [0.0, 0.25, 0.5]
    )
    assert (small.samples, middle.samples, large.samples) == (1, 1, 2)
    assert large.recon_error == pytest.approx(4.75)


def test_groups_together_are_the_whole() -> None:
    rng = np.random.default_rng(0)
    clean, noisy, predicted = rng.normal(size=(3, 500))
    groups = quality_by_fitting_error(clean, noisy, predicted, [0.0, 0.5, 1.0, 2.0])
    whole = signal_quality(clean, noisy, predicted)
    assert sum(group.samples for group in groups) == whole.samples
    assert sum(group.samples * group.noise for group in groups) / 500 == pytest.approx(whole.noise)


def test_samples_without_a_value_do_not_count_and_an_empty_group_has_no_quality() -> None:
    noisy = np.where([True, False, False, False], np.nan, NOISY)
    assert signal_quality(CLEAN, noisy, PREDICTED).samples == 3
    (_, empty) = quality_by_fitting_error(CLEAN, NOISY, PREDICTED, [0.0, 5.0])
    assert empty.samples == 0
    assert math.isnan(empty.noise)


def test_predictions_surpass_measurements_only_if_they_became_better_than_these() -> None:
    worse, better = SignalQuality(1.0, 1.0, 1.5, 9), SignalQuality(1.0, 1.0, 0.5, 9)
    assert predictions_surpass_measurements([worse, better])
    assert not predictions_surpass_measurements([better, worse])
    assert not predictions_surpass_measurements([better, better])


def test_the_gap_must_grow_from_every_group_to_the_next_that_has_samples() -> None:
    groups = [SignalQuality(noise, 0.0, 1.0, 5) for noise in (1.0, 1.5, 3.0)]
    empty = SignalQuality(math.nan, math.nan, math.nan, 0)
    assert gap_grows_with_fitting_error(groups)
    assert gap_grows_with_fitting_error([groups[0], empty, *groups[1:]])
    assert not gap_grows_with_fitting_error(groups[::-1])
    assert not gap_grows_with_fitting_error(groups[:1])


def test_a_prediction_between_clean_and_noisy_shows_the_second_phenomenon() -> None:
    """The proof of the paper: where the correction is against the noise, the gap is the correction."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.1, 20_000)
    groups = quality_by_fitting_error(np.ones(20_000), 1 + noise, 1 + 0.2 * noise, [0.0, 0.05, 0.1, 0.2])
    assert gap_grows_with_fitting_error(groups)
    for group in groups:
        assert group.noise - group.recon_error == pytest.approx(group.fitting_error)


def test_signals_of_different_shape_and_edges_that_fall_are_refused() -> None:
    with pytest.raises(BadInputError, match="one shape"):
        signal_quality(CLEAN, NOISY[:3], PREDICTED)
    with pytest.raises(BadInputError, match="must rise"):
        quality_by_fitting_error(CLEAN, NOISY, PREDICTED, [0.1, 0.1])
