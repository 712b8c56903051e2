from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.estimator_quality import EstimatorQuality, ParameterGrid, estimator_quality
from napari_dwi.physics.signal_models import ADC, IVIM_DFAST

B = np.array([0.0, 400.0, 800.0])
GRID = ParameterGrid.spread(ADC, [(0.5e-3, 2.5e-3), (0.8, 1.2)], (5, 3))


def log_slope(signal: np.ndarray) -> np.ndarray:
    """ADC and S0 from the first and last b-value alone."""
    adc = np.log(signal[:, 0] / signal[:, -1]) / B[-1]
    return np.stack([adc, signal[:, 0]], axis=-1).astype(np.float64)


def measured(estimate: object = log_slope, sigma: float = 0.02, **options: int) -> EstimatorQuality:
    return estimator_quality(estimate, GRID, B, sigma, **{"repeats": 400} | options)


def test_an_exact_estimator_without_noise_has_no_error() -> None:
    quality = measured(sigma=0.0)
    np.testing.assert_allclose(quality.bias, 0, atol=1e-6)
    np.testing.assert_allclose(quality.rmse, 0, atol=1e-6)
    np.testing.assert_allclose(quality.gain("ADC"), 1, atol=1e-3)
    assert (quality.count == 400).all()


def test_the_scatter_is_that_of_error_propagation() -> None:
    sd = measured(sigma=0.005, repeats=2000).sd
    adc, s0 = np.moveaxis(GRID.truth, -1, 0)
    last = s0 * np.exp(-B[-1] * adc)
    expected = 0.005 / B[-1] * np.sqrt(s0**-2.0 + last**-2.0)
    np.testing.assert_allclose(sd[..., 0], expected, rtol=0.08)
    np.testing.assert_allclose(sd[..., 1], 0.005, rtol=0.08)


def test_error_is_bias_and_scatter() -> None:
    def shifted(signal: np.ndarray) -> np.ndarray:
        return log_slope(signal) + np.array([0.1e-3, 0.0])

    plain, biased = measured(), measured(shifted)
    np.testing.assert_allclose(biased.bias[..., 0] - plain.bias[..., 0], 0.1e-3, rtol=1e-6)
    np.testing.assert_allclose(biased.sd, plain.sd, rtol=1e-6)
    share = 1 - 1 / 400
    np.testing.assert_allclose(biased.rmse**2, biased.bias**2 + share * biased.sd**2, rtol=1e-9)


def test_an_estimator_that_always_says_the_same_sees_no_differences() -> None:
    quality = measured(lambda signal: np.tile([1.5e-3, 1.0], (len(signal), 1)))
    np.testing.assert_allclose(quality.gain("ADC"), 0, atol=1e-9)
    marginal = quality.marginal("ADC")
    np.testing.assert_allclose(marginal.bias, 1.5e-3 - marginal.true, atol=1e-12)
    np.testing.assert_allclose(marginal.sd, 0, atol=1e-12)
    np.testing.assert_allclose(marginal.rmse, np.abs(marginal.bias), atol=1e-12)
    tail, head = quality.arrows("S0", "ADC")
    assert tail.shape == (3, 5, 2)
    np.testing.assert_allclose(tail[:, 0, 0], GRID.axes[1])
    np.testing.assert_allclose(head, np.broadcast_to([1.0, 1.5e-3], head.shape))


def test_a_marginal_averages_over_the_other_parameters() -> None:
    quality = measured()
    marginal = quality.marginal("ADC")
    np.testing.assert_array_equal(marginal.true, GRID.axes[0])
    np.testing.assert_allclose(marginal.bias, quality.bias[..., 0].mean(axis=1))
    np.testing.assert_allclose(marginal.rmse**2, (quality.rmse[..., 0] ** 2).mean(axis=1))


def test_voxels_without_a_value_do_not_count() -> None:
    def picky(signal: np.ndarray) -> np.ndarray:
        found = log_slope(signal)
        found[::4, 0] = np.nan
        return found

    quality = measured(picky)
    assert (quality.count == 300).all()
    np.testing.assert_allclose(quality.mean, measured().mean, rtol=0.02)


def test_where_nothing_has_a_value_there_is_no_quality() -> None:
    quality = measured(lambda signal: np.full((len(signal), 2), np.nan))
    assert np.isnan(quality.mean).all()
    assert np.isnan(quality.sd).all()


def test_the_noise_is_the_same_for_every_estimator_and_never_all_of_it_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_dwi.measure.estimator_quality._ROWS", 1000)
    sizes: list[int] = []
    shares: list[float] = []

    def counted(signal: np.ndarray) -> np.ndarray:
        sizes.append(len(signal))
        return log_slope(signal)

    quality = estimator_quality(counted, GRID, B, 0.02, repeats=400, on_share=shares.append)
    assert max(sizes) <= 1000
    assert sum(sizes) == 15 * 400
    assert shares == sorted(shares)
    assert shares[-1] == 1
    np.testing.assert_array_equal(quality.mean, estimator_quality(log_slope, GRID, B, 0.02, repeats=400).mean)


def test_the_grid_of_the_paper() -> None:
    ranges = [(0.1, 0.5), (0.4e-3, 3e-3), (10e-3, 150e-3), (0.8, 1.2)]
    grid = ParameterGrid.spread(IVIM_DFAST, ranges, (10, 10, 10, 1))
    assert grid.shape == (10, 10, 10, 1)
    # Two of the values named in the paper's figure 12.
    np.testing.assert_allclose(grid.axes[1][[1, 8]], [0.69e-3, 2.71e-3], atol=0.005e-3)
    np.testing.assert_allclose(grid.axes[3], [1.0])


@pytest.mark.parametrize("axes", [(np.array([1e-3]),), (np.array([2e-3, 1e-3]), np.array([1.0]))], ids=len)
def test_a_grid_that_is_none_is_refused(axes: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(BadInputError, match="grid"):
        ParameterGrid(ADC, axes)
