from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import BValues, DwiSeries
from napari_dwi.scan.averaging import averaged, is_directional, trace_weighted

from .builder import las_grid, rotation

# A voxel of white matter, mm2/s, turned against the axes of the scanner.
TENSOR = rotation() @ np.diag([1.7e-3, 0.4e-3, 0.2e-3]) @ rotation().T
ORTHOGONAL = rotation((40, 10, 70)).T
ALONG_X = np.array([[1.0, 0, 0]])
NONE = np.zeros((1, 3))


def signal_of(b_values: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Gaussian diffusion in the tensor: S = 1000 exp(-b gT D g)."""
    return 1000 * np.exp(-b_values * np.einsum("ni,ij,nj->n", directions, TENSOR, directions))


def series_of(
    b_values: Any, directions: np.ndarray | None = None, signal: np.ndarray | None = None
) -> DwiSeries:
    """Every voxel the same, unless a signal is given for each volume."""
    b = BValues(np.asarray(b_values, dtype=float), directions)
    if signal is None:
        signal = signal_of(b.values, np.zeros((len(b), 3)) if directions is None else directions)
    grid = las_grid()
    return DwiSeries(np.broadcast_to(signal, (*grid.shape, len(b))).astype(np.float32), grid, b)


def three_directions(b_value: float = 1000, repeats: int = 1) -> DwiSeries:
    directions = np.concatenate([NONE, *[ORTHOGONAL] * repeats])
    return series_of([0, *[b_value] * 3 * repeats], directions)


@pytest.mark.parametrize("b_value", [50, 1000, 2500])
def test_the_geometric_mean_of_three_orthogonal_directions_is_the_trace(b_value: float) -> None:
    trace = trace_weighted(three_directions(b_value))
    expected = 1000 * np.exp(-b_value * np.trace(TENSOR) / 3)
    np.testing.assert_allclose(trace.signal[..., 1], expected, rtol=1e-6)
    np.testing.assert_allclose(trace.signal[..., 0], 1000, rtol=1e-6)
    assert trace.b_values.distinct == (0, b_value)
    assert trace.b_values.directions is None


def test_the_arithmetic_mean_lies_above_the_trace_in_anisotropic_tissue() -> None:
    series = three_directions()
    mean = trace_weighted(series, "arithmetic").signal[..., 1]
    np.testing.assert_allclose(mean, series.signal[..., 1:].mean(axis=-1), rtol=1e-6)
    assert (mean > trace_weighted(series).signal[..., 1]).all()


def test_a_direction_measured_more_often_counts_no_more_than_the_others() -> None:
    directions = np.concatenate([NONE, ORTHOGONAL, -ORTHOGONAL[:1], 2 * ORTHOGONAL[:1]])
    signal = signal_of(np.array([0, *[800.0] * 5]), np.concatenate([NONE, ORTHOGONAL, *[ORTHOGONAL[:1]] * 2]))
    # Noise of the repeats that an arithmetic mean takes away and a geometric one would not.
    signal[[1, 4, 5]] += -30, 10, 20
    trace = trace_weighted(series_of([0, *[800] * 5], directions, signal))
    np.testing.assert_allclose(trace.signal[..., 1], 1000 * np.exp(-800 * np.trace(TENSOR) / 3), rtol=1e-6)
    assert trace.notes == ("b = 800: geometric mean of 3 directions, 1 to 3 repeats of each",)


def test_repeats_of_every_direction_are_named() -> None:
    assert trace_weighted(three_directions(repeats=2)).notes == (
        "b = 1000: geometric mean of 3 directions, 2 repeats of each",
    )


def test_b_values_come_out_rising_and_as_the_mean_of_what_was_stored() -> None:
    directions = np.concatenate([ORTHOGONAL, NONE, ORTHOGONAL, NONE])
    series = series_of([929.75, 930, 930.25, 4e-3, 200, 200, 200, 0], directions)
    trace = trace_weighted(series)
    np.testing.assert_allclose(trace.b_values.values, [0.002, 200, 930])
    np.testing.assert_allclose(
        trace.signal[0, 0, 0, 1:], 1000 * np.exp(-np.array([200, 930]) * np.trace(TENSOR) / 3), rtol=1e-3
    )
    assert trace.notes[0] == "b = 0: mean of 2 repeats"


def test_every_voxel_has_the_mean_of_its_own_signals() -> None:
    rng = np.random.default_rng(4)
    signal = rng.uniform(1, 900, (6, 5, 4, 4))
    trace = trace_weighted(series_of([0, *[700] * 3], np.concatenate([NONE, ORTHOGONAL]), signal))
    stored = signal.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(trace.signal[..., 1], np.cbrt(stored[..., 1:].prod(axis=-1)), rtol=1e-6)
    assert trace.signal.dtype == np.float32


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "expected"),
    [((100, 0, 400), 0), ((100, -5, 400), 0), ((100, np.nan, 400), np.nan), ((0, np.nan, 400), np.nan)],
)
def test_a_missing_value_stays_missing_and_no_signal_stays_none(
    values: tuple[float, ...], expected: float
) -> None:
    series = series_of([0, *[700] * 3], np.concatenate([NONE, ORTHOGONAL]), np.array([900, *values]))
    np.testing.assert_array_equal(trace_weighted(series).signal[..., 1], np.float32(expected))


def test_the_mean_that_the_scanner_made_itself_is_left_out() -> None:
    directions = np.concatenate([NONE, ORTHOGONAL, NONE])
    signal = np.append(signal_of(np.array([0, *[800.0] * 3]), directions[:4]), 5)
    trace = trace_weighted(series_of([0, *[800] * 4], directions, signal))
    np.testing.assert_allclose(trace.signal[..., 1], 1000 * np.exp(-800 * np.trace(TENSOR) / 3), rtol=1e-6)
    assert trace.notes[1] == "b = 800: the scanner's own mean of the directions is left out"


def test_directions_that_leave_out_a_side_are_told_of() -> None:
    directions = np.concatenate([NONE, ORTHOGONAL[:2]])
    assert trace_weighted(series_of([0, 800, 800], directions)).notes == (
        "b = 800: geometric mean of 2 directions",
        "b = 800: the directions are not spread evenly, so this is not quite the trace",
    )


@pytest.mark.parametrize(
    ("b_values", "directions", "expected"),
    [
        ([0, 800, 800, 800], None, False),
        ([0, 800, 800, 800], np.zeros((4, 3)), False),
        ([0, 800, 800], np.concatenate([NONE, ALONG_X, -ALONG_X]), False),
        ([0, 800, 1200], np.concatenate([NONE, ORTHOGONAL[:2]]), False),
        ([0, 0, 0, 800], np.concatenate([ORTHOGONAL, NONE]), False),
        ([0, 800, 800], np.concatenate([NONE, ORTHOGONAL[:2]]), True),
        ([0, 800, 800, 800], np.concatenate([NONE, np.full((1, 3), np.nan), ORTHOGONAL[:2]]), True),
    ],
    ids=[
        "no directions",
        "trace",
        "one axis",
        "one per b",
        "only at b = 0",
        "two",
        "one unreadable",
    ],
)
def test_directional_is_what_has_several_directions_at_one_b_value(
    b_values: list[float], directions: np.ndarray | None, expected: bool
) -> None:
    series = series_of(b_values, directions, np.ones(len(b_values)))
    assert is_directional(series) == expected
    if not expected:
        with pytest.raises(BadInputError, match=r"not measured along several .*Average its repeats"):
            trace_weighted(series)


def test_repeats_are_averaged_arithmetically() -> None:
    signal = np.array([900, 1100, 400, 500, 600, 100.0])
    mean = averaged(series_of([0, 0, 400, 400, 400, 800], None, signal))
    np.testing.assert_allclose(mean.signal[1, 2, 3], [1000, 500, 100])
    assert mean.b_values.values.tolist() == [0, 400, 800]
    assert mean.notes == ("b = 0: mean of 2 repeats", "b = 400: mean of 3 repeats")


def test_a_series_of_one_volume_per_b_value_keeps_its_numbers() -> None:
    series = series_of([800, 0, 400])
    mean = averaged(series)
    np.testing.assert_array_equal(mean.signal, series.signal[..., [1, 2, 0]])
    assert mean.notes == ()


def test_the_series_itself_is_left_as_it_was() -> None:
    series = three_directions()
    before = series.signal.copy()
    trace = trace_weighted(series)
    np.testing.assert_array_equal(series.signal, before)
    assert (trace.name, trace.grid) == (series.name, series.grid)
