from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.measure.lesion_contrast import contrast_recovery, surroundings

LESION = np.zeros((20, 20, 3), dtype=bool)
LESION[8:12, 8:12, 1] = True
TISSUE = np.zeros_like(LESION)
TISSUE[2:18, 2:18] = True
TRUTH = np.where(LESION, 300.0, np.where(TISSUE, 100.0, 0.0))
AROUND = surroundings(LESION, TISSUE & ~LESION)


@pytest.mark.parametrize("left", [1.0, 0.25, 0.0, -0.5])
def test_a_lesion_that_fades_keeps_that_share_of_its_contrast(left: float) -> None:
    image = np.where(LESION, 100 + 200 * left, TRUTH) + 17
    assert contrast_recovery(image, TRUTH, LESION, AROUND) == pytest.approx(left)


def test_the_ring_lies_in_the_tissue_of_the_same_slices_clear_of_the_lesion() -> None:
    assert AROUND.any()
    assert not (AROUND & ~TISSUE).any()
    assert not AROUND[..., [0, 2]].any()
    assert not AROUND[7:13, 8:12, 1].any()
    assert AROUND[6, 10, 1]
    assert not AROUND[2, 10, 1]
    assert not surroundings(np.zeros_like(LESION), TISSUE).any()


def test_what_has_no_value_is_left_out_and_nothing_to_compare_is_nan() -> None:
    image = TRUTH.copy()
    image[9, 9, 1] = np.nan
    assert contrast_recovery(image, TRUTH, LESION, AROUND) == pytest.approx(1)
    assert math.isnan(contrast_recovery(TRUTH, TRUTH, LESION, np.zeros_like(LESION)))
    assert math.isnan(contrast_recovery(TRUTH, np.ones_like(TRUTH), LESION, AROUND))
