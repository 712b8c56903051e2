from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._readout import mean_signal, read_fit
from napari_dwi.methods.method import Inputs, Output
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.signal_models import IVIM
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

B = np.array([0, 20, 50, 100, 200, 400, 800.0])
SHAPE = (4, 3, 2)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    rng = np.random.default_rng(3)
    low, high = np.array([[0.1, 0.6e-3, 0.02, 800], [0.4, 2e-3, 0.1, 1200]])
    return rng.uniform(low, high, (*SHAPE, 4))


@pytest.fixture(scope="module")
def series(truth: np.ndarray) -> DwiSeries:
    grid = Grid(SHAPE, np.diag([2, 2, 4, 1.0]))
    return DwiSeries(IVIM.signal(B, truth).astype(np.float32), grid, BValues(B))


@pytest.fixture(scope="module")
def fit(series: DwiSeries) -> Output:
    method = find_method("least-squares")
    everywhere = Volume(np.ones(SHAPE, np.float32), series.grid, "mask")
    settings = method.parameters.from_values({"model": "ivim"})
    return run_method(method, settings, Inputs(series, mask=everywhere), device="cpu", threads=1).output


def at(*voxels: tuple[int, int, int]) -> np.ndarray:
    chosen = np.zeros(SHAPE, bool)
    chosen[tuple(np.transpose(voxels))] = True
    return chosen


def test_a_voxel_reads_its_own_values_and_the_curve_passes_through_its_signal(
    fit: Output, series: DwiSeries, truth: np.ndarray
) -> None:
    readout = read_fit(fit, at((1, 2, 0)), B)
    assert readout is not None
    assert readout.model is IVIM
    assert readout.n == 1
    np.testing.assert_allclose(readout.mean, truth[1, 2, 0], rtol=1e-3)
    np.testing.assert_allclose(readout.curve, series.signal[1, 2, 0], rtol=1e-3)
    assert np.isnan(readout.spread).all()
    assert readout.status == ""


def test_a_region_reads_the_mean_over_its_voxels(fit: Output, series: DwiSeries, truth: np.ndarray) -> None:
    voxels = at((0, 0, 0), (3, 1, 1), (2, 2, 1))
    readout = read_fit(fit, voxels, B)
    assert readout is not None
    assert readout.n == 3
    np.testing.assert_allclose(readout.mean, truth[voxels].mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(readout.spread, truth[voxels].std(axis=0, ddof=1), rtol=1e-2)
    np.testing.assert_allclose(readout.curve, series.signal[voxels].mean(axis=0), rtol=1e-3)


def test_voxels_outside_the_fit_say_why_or_nothing(series: DwiSeries) -> None:
    method = find_method("least-squares")
    half = np.zeros(SHAPE, np.float32)
    half[:2] = 1
    inputs = Inputs(series, mask=Volume(half, series.grid, "mask"))
    output = run_method(method, method.settings(), inputs, device="cpu", threads=1).output
    assert read_fit(output, at((3, 0, 0)), B) is None
    readout = read_fit(output, at((0, 0, 0), (3, 0, 0)), B)
    assert readout is not None
    assert readout.n == 1
    assert "1 outside the mask" in readout.status


def test_what_is_no_fit_has_no_readout(series: DwiSeries) -> None:
    method = find_method("gaussian")
    output = run_method(method, method.settings(), Inputs(series), device="cpu").output
    assert read_fit(output, at((0, 0, 0)), B) is None


def test_the_measured_decay_is_the_mean_of_the_voxels_that_have_a_signal(series: DwiSeries) -> None:
    signal = series.signal.copy()
    signal[0, 0, 0, 2] = np.nan
    holed = DwiSeries(signal, series.grid, series.b_values)
    voxels = at((0, 0, 0), (1, 1, 1), (3, 2, 0))
    b_values, mean, spread = mean_signal(holed, voxels)
    np.testing.assert_array_equal(b_values, B)
    values = signal[voxels].astype(float)
    np.testing.assert_allclose(mean, np.nanmean(values, axis=0))
    np.testing.assert_allclose(spread, np.nanstd(values, axis=0, ddof=1))
    _, _, of_one = mean_signal(holed, at((1, 1, 1)))
    assert np.isnan(of_one).all()
