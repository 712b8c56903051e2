from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.scan import BValues, format_b_value


@pytest.mark.parametrize("values", [[], [[0, 800]], 800.0])
def test_only_a_list_of_numbers_makes_b_values(values: object) -> None:
    with pytest.raises(BadInputError, match="list of numbers"):
        BValues(np.array(values, dtype=float))


@pytest.mark.parametrize(("value", "named"), [(np.nan, "nan"), (np.inf, "inf"), (-5.0, "-5")])
def test_a_b_value_that_cannot_be_is_refused_by_name(value: float, named: str) -> None:
    with pytest.raises(BadInputError, match=f"found {named}"):
        BValues(np.array([0, value, 800]))


def test_directions_must_be_as_many_as_the_b_values() -> None:
    with pytest.raises(BadInputError, match=r"expected shape \(2, 3\), found shape \(3, 3\)"):
        BValues(np.array([0, 800]), np.eye(3))


def test_b_values_cannot_be_changed_through_the_arrays_they_were_made_from() -> None:
    values, directions = np.array([0.0, 800]), np.zeros((2, 3))
    b_values = BValues(values, directions)
    values[:], directions[:] = 7, 7
    assert b_values.distinct == (0, 800)
    assert b_values.directions is not None
    assert not b_values.directions.any()
    with pytest.raises(ValueError, match="read-only"):
        b_values.values[0] = 7


def test_what_the_scanner_stored_beside_the_nominal_value_counts_as_one() -> None:
    b_values = BValues(np.array([929.75, 0, 4.99, 930, 0.003, 5]))
    np.testing.assert_allclose(b_values.distinct, (0.0015, 4.995, 929.875))
    assert b_values.indices(930).tolist() == [0, 3]
    assert b_values.indices(0).tolist() == [1, 4]


def test_close_low_b_values_stay_apart() -> None:
    assert BValues(np.array([0, 10, 20, 30, 50])).distinct == (0, 10, 20, 30, 50)


def test_a_b_value_that_was_not_acquired_is_refused_with_those_that_were() -> None:
    with pytest.raises(BadInputError, match=r"no volume at b = 500 .*0 100 800"):
        BValues(np.array([0, 100, 800])).indices(500)


def test_a_subset_keeps_order_directions_and_origin() -> None:
    b_values = BValues(np.array([0, 100, 800]), np.eye(3), "a text")
    part = b_values.subset([2, 0])
    assert (part.values.tolist(), part.origin, len(part)) == ([800, 0], "a text", 2)
    assert part.directions is not None
    assert part.directions.tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("b_value", "text"), [(0, "0"), (100, "100"), (929.75, "929.75"), (1.5, "1.5"), (0.001, "0")]
)
def test_b_values_are_written_as_readers_write_them(b_value: float, text: str) -> None:
    assert format_b_value(b_value) == text


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=30))
def test_every_volume_belongs_to_exactly_one_distinct_b_value(values: list[float]) -> None:
    b_values = BValues(np.array(values))
    assert list(b_values.distinct) == sorted(set(b_values.distinct))
    volumes = [volume for b in b_values.distinct for volume in b_values.indices(b)]
    assert sorted(volumes) == list(range(len(values)))
