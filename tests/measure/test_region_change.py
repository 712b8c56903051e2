from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.region_change import region_changes
from napari_dwi.scan import Volume

from ..synthetic import make_grid, make_series

SCAN = make_series()
LABELS = Volume(SCAN.tissue.astype(np.float32), SCAN.series.grid, "labels")


def test_an_even_offset_moves_the_mean_and_keeps_the_spread() -> None:
    brighter = replace(SCAN.series, signal=SCAN.series.signal * np.float32(1.5))
    for change in region_changes(SCAN.series, brighter, LABELS, {1: "tissue"}):
        assert change.region == "tissue"
        assert change.mean_change == pytest.approx(0.5, rel=1e-4)
        assert change.sd_ratio == pytest.approx(1.5, rel=1e-4)


def test_the_truth_has_less_spread_and_nearly_the_mean_of_the_noisy_image() -> None:
    first, *_ = region_changes(SCAN.series, SCAN.truth, LABELS)
    assert first.b_value == 0
    assert first.sd_ratio < 1
    assert abs(first.mean_change) < 0.02


def test_regions_elsewhere_are_refused() -> None:
    other = Volume(np.ones((4, 4, 2), np.float32), make_grid((4, 4, 2)), "labels")
    with pytest.raises(BadInputError):
        region_changes(SCAN.series, SCAN.truth, other)
