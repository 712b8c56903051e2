from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.rician_sigma import BACKGROUND, REPEATS, RESIDUAL, RicianSigma, rician_sigma
from napari_dwi.scan import BValues, DwiSeries

from ..synthetic import make_grid, make_series

SHAPE = (56, 48, 4)


def never() -> None:
    """Nobody asks to stop."""


def block(sigmas: tuple[float, ...], b_values: BValues, *, low: float = 200.0) -> DwiSeries:
    """Tissue in the middle of air, with a noise level for every slice."""
    clean = np.zeros((*SHAPE[:2], len(sigmas), len(b_values)))
    clean[16:40, 12:36] = np.where(b_values.values == 0, 1000.0, low)
    noise = np.random.default_rng(0).normal(0, 1, (2, *clean.shape)) * np.reshape(sigmas, (1, 1, 1, -1, 1))
    signal = np.hypot(clean + noise[0], noise[1]).astype(np.float32)
    return DwiSeries(signal, make_grid(clean.shape[:3]), b_values)


TWICE = BValues(np.array([0.0, 0.0, 800.0, 800.0]))


@pytest.mark.parametrize("source", [BACKGROUND, REPEATS])
def test_one_level_is_found_for_all_slices_where_they_are_alike(source: str) -> None:
    found = rician_sigma(block((50.0,) * 4, TWICE), source, 2, never)
    assert found.of_slices.shape == (4,)
    assert not found.varies
    assert found.mean == pytest.approx(50, rel=0.06)


@pytest.mark.parametrize("source", [BACKGROUND, REPEATS])
def test_slices_that_differ_get_levels_of_their_own(source: str) -> None:
    found = rician_sigma(block((30.0, 30.0, 45.0, 60.0), TWICE), source, 2, never)
    assert found.varies
    assert found.of_slices == pytest.approx([30, 30, 45, 60], rel=0.15)
    assert found.along(2).shape == (1, 1, 4, 1)


def test_the_other_volumes_tell_the_level_where_there_is_neither_air_nor_a_repeat() -> None:
    scan = make_series((48, 48, 6), sigma=60)
    cut = scan.series.signal[14:34, 14:34]
    series = DwiSeries(cut, make_grid(cut.shape[:3]), scan.series.b_values)
    with pytest.raises(BadInputError):
        rician_sigma(series, BACKGROUND, 2, never)
    with pytest.raises(BadInputError, match="no volume is repeated"):
        rician_sigma(series, REPEATS, 2, never)
    assert rician_sigma(series, RESIDUAL, 2, never).mean == pytest.approx(60, rel=0.2)


def test_repeats_at_low_signal_are_not_taken_for_less_noisy() -> None:
    weak = block((50.0,) * 4, BValues(np.array([800.0, 800.0])), low=60.0)
    assert rician_sigma(weak, REPEATS, 2, never).mean == pytest.approx(50, rel=0.12)


def test_volumes_along_different_directions_are_no_repeats() -> None:
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 0, 0]], float)
    b_values = BValues(np.array([0.0, 800.0, 800.0, 800.0]), directions)
    assert rician_sigma(block((50.0,) * 4, b_values), REPEATS, 2, never).mean == pytest.approx(50, rel=0.1)
    two = block((50.0,) * 4, BValues(np.array([0.0, 800.0, 800.0]), directions[:3]))
    with pytest.raises(BadInputError, match="no volume is repeated"):
        rician_sigma(two, REPEATS, 2, never)


def test_a_typed_level_is_taken_as_it_is() -> None:
    found = rician_sigma(block((50.0,) * 4, TWICE), BACKGROUND, 2, never, typed=12.5)
    assert found.of_slices.tolist() == [12.5] * 4
    assert found.origin == "as given"


def test_a_blanked_background_is_noticed() -> None:
    series = block((50.0,) * 4, TWICE)
    assert rician_sigma(series, REPEATS, 2, never).blanked == 0
    signal = series.signal.copy()
    signal[:8] = 0
    assert rician_sigma(replace(series, signal=signal), REPEATS, 2, never).blanked > 0.1


def test_slices_may_lie_along_another_axis() -> None:
    assert RicianSigma(np.arange(3.0), "").along(0).shape == (3, 1, 1, 1)


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(BadInputError, match="no such source"):
        rician_sigma(block((50.0,) * 4, TWICE), "stars", 2, never)
