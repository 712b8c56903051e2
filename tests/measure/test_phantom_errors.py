from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.measure.phantom_errors import tube_errors

LABELS = np.repeat(np.arange(4.0), 100).reshape(20, 20, 1)
NAMES = {1: "water", 2: "polymer", 3: "empty"}
KNOWN = {"water": 1.1e-3, "polymer": 0.4e-3, "empty": 1e-3}


def test_bias_and_mean_absolute_error_of_every_tube() -> None:
    adc = np.full(LABELS.shape, 1e-3)
    adc[LABELS == 2] = np.tile([0.3e-3, 0.5e-3], 50)
    adc[LABELS == 3] = np.nan
    water, polymer, empty = tube_errors(adc, LABELS, NAMES, KNOWN)
    assert (water.name, water.n, water.true) == ("water", 100, 1.1e-3)
    assert water.bias == pytest.approx(-0.1e-3)
    assert water.mae == pytest.approx(0.1e-3)
    assert polymer.bias == pytest.approx(0, abs=1e-12)
    assert polymer.mae == pytest.approx(0.1e-3)
    assert empty.n == 0
    assert math.isnan(empty.mae)


def test_tubes_without_a_known_value_are_left_out() -> None:
    found = tube_errors(np.ones(LABELS.shape), LABELS, NAMES, {"water": 1e-3})
    assert [tube.name for tube in found] == ["water"]
