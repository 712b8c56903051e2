from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.paired_test import paired_test

RNG = np.random.default_rng(0)
SECOND = RNG.normal(30, 1, 14).tolist()
BETTER = [value + gain for value, gain in zip(SECOND, RNG.uniform(0.1, 2, 14), strict=True)]


def test_better_in_every_case_is_significant() -> None:
    found = paired_test(BETTER, SECOND)
    assert found.n == 14
    assert found.median_difference > 0
    # All of one sign: 2 / 2^14.
    assert found.p == pytest.approx(2 / 2**14)
    assert found.warnings == ()


def test_the_order_of_the_two_only_turns_the_sign() -> None:
    one, other = paired_test(BETTER, SECOND), paired_test(SECOND, BETTER)
    assert one.p == other.p
    assert one.median_difference == -other.median_difference


def test_five_cases_can_never_be_significant_and_that_is_said() -> None:
    found = paired_test(BETTER[:5], SECOND[:5])
    assert found.p == pytest.approx(0.0625)
    assert "at least 6" in found.warnings[0]


def test_slices_of_one_patient_are_not_independent_and_that_is_said() -> None:
    found = paired_test(BETTER, SECOND, subjects=["a"] * 7 + ["b"] * 7)
    assert "14 images come from 2 patients" in found.warnings[0]
    assert not paired_test(BETTER, SECOND, subjects=[f"patient {n}" for n in range(14)]).warnings


def test_equal_values_do_not_differ() -> None:
    assert paired_test(SECOND, SECOND).p == 1


def test_pairs_without_a_value_do_not_count() -> None:
    assert paired_test([np.nan, *BETTER], [30.0, *SECOND]) == paired_test(BETTER, SECOND)


@pytest.mark.parametrize(
    ("first", "second"), [([1.0, 2.0], [1.0]), ([np.nan], [1.0]), ([], [])], ids=["lengths", "NaN", "none"]
)
def test_what_makes_no_pairs_is_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(BadInputError):
        paired_test(first, second)
