from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.denoise._stacking import gains, weights_of_mixture


def weights_of(predictions: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Weights of predictions of which the first is expected to be the best."""
    off = predictions - noisy
    return weights_of_mixture(off @ off.T / noisy.size, noisy.size, np.eye(len(predictions))[0])


@pytest.mark.parametrize("n", [2, 3])
def test_independent_errors_are_weighted_by_their_precision(n: int, rng: np.random.Generator) -> None:
    truth = rng.normal(size=200_000)
    sds = np.array([0.2, 0.26, 0.3])[:n]
    predictions = truth + sds[:, None] * rng.normal(size=(n, truth.size))
    noisy = truth + rng.normal(size=truth.size)
    expected = sds**-2.0 / (sds**-2.0).sum()
    np.testing.assert_allclose(weights_of(predictions, noisy), expected, atol=0.05)


def test_weights_are_those_of_the_best_mixture(rng: np.random.Generator) -> None:
    """No mixture from a fine grid of them comes closer, but for what is expected and small shares."""
    noisy = rng.normal(size=3000)
    predictions = noisy * 0.3 + rng.normal(size=(3, 3000)) + np.array([[0.1], [0.4], [-0.5]])

    def loss(weights: np.ndarray) -> float:
        return float(np.square(weights @ predictions - noisy).mean())

    found = weights_of(predictions, noisy)
    assert found.sum() == pytest.approx(1)
    assert ((found == 0) | (found >= 0.15)).all()
    tried = [np.array([i, j, 50 - i - j]) / 50 for i in range(51) for j in range(51 - i)]
    assert loss(found) <= 1.002 * min(map(loss, tried))


def test_where_noise_hides_the_difference_the_weights_are_what_was_expected(rng: np.random.Generator) -> None:
    truth = rng.normal(size=400)
    predictions = truth + 0.01 * rng.normal(size=(2, 400))
    weights = weights_of(predictions, truth + 50 * rng.normal(size=400))
    np.testing.assert_allclose(weights, [1, 0], atol=0.05)


def test_a_prediction_that_can_only_harm_has_no_weight(rng: np.random.Generator) -> None:
    noisy = rng.normal(size=500)
    good = noisy + 0.1 * rng.normal(size=500)
    assert weights_of(np.stack([good, good + 5]), noisy)[1] == pytest.approx(0, abs=0.01)
    assert weights_of(np.stack([good + 5, good]), noisy)[0] == pytest.approx(0, abs=0.01)


def test_predictions_that_are_the_same_can_be_mixed(rng: np.random.Generator) -> None:
    noisy = rng.normal(size=500)
    same = noisy + rng.normal(size=500)
    assert weights_of(np.stack([same, same]), noisy).sum() == pytest.approx(1)
    assert weights_of(np.stack([noisy, noisy]), noisy).sum() == pytest.approx(1)


def test_gains_find_what_is_left_and_are_never_negative(rng: np.random.Generator) -> None:
    parts = rng.normal(size=(3, 1000))
    left = 0.7 * parts[0] + 0.2 * parts[2]
    np.testing.assert_allclose(gains(parts, left), [0.7, 0, 0.2], atol=1e-9)
    assert (gains(parts, -left) >= 0).all()
    np.testing.assert_array_equal(gains(parts[:1], -parts[0]), [0])
