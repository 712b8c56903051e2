from __future__ import annotations

import numpy as np

from napari_dwi.measure.agreement import agreement


def test_a_shift_is_the_mean_difference_and_noise_the_limits(rng: np.random.Generator) -> None:
    values = rng.uniform(0, 100, 40_000)
    found = agreement(values + rng.normal(3.0, 2.0, values.size), values)
    assert found.n == values.size
    np.testing.assert_allclose([found.mean_difference, found.sd], [3.0, 2.0], atol=0.05)
    low, high = found.limits
    difference = 3.0
    np.testing.assert_allclose([low, high], [difference - 3.92, difference + 3.92], atol=0.1)


def test_the_other_way_round_is_the_opposite(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 100))
    one, other = agreement(first, second), agreement(second, first)
    assert one.mean_difference == -other.mean_difference
    np.testing.assert_allclose(one.limits, -np.array(other.limits)[::-1])


def test_voxels_that_either_has_no_value_for_are_left_out() -> None:
    found = agreement([1.0, np.nan, 3.0, 4.0], [0.0, 5.0, np.nan, 5.0])
    assert (found.n, found.mean_difference) == (2, 0.0)


def test_nothing_to_compare_has_no_numbers() -> None:
    assert np.isnan(agreement([np.nan], [1.0]).mean_difference)
    assert np.isnan(agreement([2.0], [1.0]).limits).all()
