from __future__ import annotations

import numpy as np

from napari_dwi.measure.binned_errors import binned_errors

EDGES = np.linspace(0, 10, 6)


def test_errors_are_told_apart_by_the_true_value(rng: np.random.Generator) -> None:
    true = rng.uniform(0, 10, 50_000)
    # Shrunk to the middle, with noise that grows.
    found = binned_errors(5 + 0.5 * (true - 5) + rng.normal(0, 0.1 + 0.1 * true), true, EDGES)
    np.testing.assert_allclose(found.bias, -0.5 * (found.centres - 5), atol=0.05)
    assert (np.diff(found.sd) > 0).all()
    share = 1 - 1 / found.count
    np.testing.assert_allclose(found.rmse**2, found.bias**2 + share * found.sd**2, rtol=1e-9)
    assert found.count.sum() == true.size


def test_what_has_no_value_or_lies_outside_is_left_out() -> None:
    found = binned_errors([1.5, np.nan, 3.0, 12.0, 11.0], [1.0, 1.0, np.nan, 10.0, 10.5], EDGES)
    np.testing.assert_array_equal(found.count, [1, 0, 0, 0, 1])
    assert (found.bias[0], found.bias[-1]) == (0.5, 2.0)
    assert np.isnan(found.bias[1:-1]).all()
    assert np.isnan(found.sd).all()


def test_nothing_to_sort_leaves_empty_bins() -> None:
    found = binned_errors([], [], EDGES)
    assert (found.count == 0).all()
    assert np.isnan(found.rmse).all()
