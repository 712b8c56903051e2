from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_dwi.measure.residual_structure import remarks_on, residual_structure

SHAPE = (40, 36, 10)
EVERYWHERE = np.ones(SHAPE, bool)
RNG = np.random.default_rng(0)
NOISE = RNG.normal(0, 20, SHAPE).astype(np.float32)
# Blocks with edges, and within them even.
IMAGE = (200 + 300 * (np.indices(SHAPE).sum(axis=0) // 9 % 2)).astype(np.float32)


def test_white_noise_has_no_structure() -> None:
    found = residual_structure(NOISE, IMAGE, EVERYWHERE)
    assert found.along == pytest.approx((0, 0, 0), abs=0.03)
    assert abs(found.with_image) < 0.03
    assert abs(found.with_edges) < 0.03
    assert not found.follows_anatomy
    assert "as noise would" in found.sentence()


def test_noise_that_is_alike_in_the_plane_is_told_axis_by_axis() -> None:
    found = residual_structure(gaussian_filter(NOISE, (0.6, 0.6, 0)), IMAGE, EVERYWHERE)
    assert found.along[0] == pytest.approx(found.along[1], abs=0.1)
    assert found.along[0] > 0.3
    assert abs(found.along[2]) < 0.05
    assert "Neighbours in it are alike" in found.sentence()


def test_brightness_taken_from_the_image_is_seen() -> None:
    found = residual_structure(NOISE + 0.1 * IMAGE, IMAGE, EVERYWHERE)
    assert found.with_image > 0.3
    assert found.follows_anatomy
    assert "follows the image" in found.sentence()


def test_blurred_edges_are_seen() -> None:
    blurred = gaussian_filter(IMAGE, (1.2, 1.2, 0))
    found = residual_structure(IMAGE - blurred + NOISE, blurred, EVERYWHERE)
    assert found.with_edges > 0.3
    assert "its edges" in found.sentence()


def test_units_and_offsets_do_not_matter() -> None:
    plain = residual_structure(NOISE + 0.1 * IMAGE, IMAGE, EVERYWHERE)
    other = residual_structure(1e4 * (NOISE + 0.1 * IMAGE) + 5e3, 1e-3 * IMAGE, EVERYWHERE)
    assert (*other.along, other.with_image, other.with_edges) == pytest.approx(
        (*plain.along, plain.with_image, plain.with_edges), abs=1e-3
    )


def test_only_voxels_of_the_mask_with_a_value_count() -> None:
    spoilt, mask = NOISE.copy(), EVERYWHERE.copy()
    mask[:5] = False
    spoilt[:5] = 1e6
    spoilt[20, 20] = np.nan
    clean = np.where(mask, NOISE, 0)
    clean[20, 20] = np.nan
    assert residual_structure(spoilt, IMAGE, mask) == residual_structure(clean, IMAGE, mask)


def test_where_nothing_was_removed_there_is_nothing_to_say() -> None:
    found = residual_structure(np.zeros(SHAPE, np.float32), IMAGE, EVERYWHERE)
    assert math.isnan(found.with_image)
    assert found.sentence() == "There is no residual to judge."
    assert math.isnan(residual_structure(NOISE, IMAGE, ~EVERYWHERE).with_edges)


def test_slices_may_be_stacked_along_any_axis() -> None:
    turned = [np.moveaxis(values, 2, 0) for values in (NOISE, IMAGE, EVERYWHERE)]
    found, plain = residual_structure(*turned, slice_axis=0), residual_structure(NOISE, IMAGE, EVERYWHERE)
    assert found.with_edges == pytest.approx(plain.with_edges)
    assert found.along == pytest.approx((plain.along[2], plain.along[0], plain.along[1]))


def test_it_looks_for_a_stop() -> None:
    asked = []
    residual_structure(NOISE, IMAGE, EVERYWHERE, check=lambda: asked.append(1))
    assert len(asked) > 5


def test_several_residuals_are_judged_together() -> None:
    noise = residual_structure(NOISE, IMAGE, EVERYWHERE)
    anatomy = residual_structure(NOISE + 0.1 * IMAGE, IMAGE, EVERYWHERE)
    nothing = residual_structure(np.zeros(SHAPE, np.float32), IMAGE, EVERYWHERE)
    assert remarks_on({"b = 0": nothing}) == ()
    assert remarks_on({"b = 0": noise, "b = 800": noise}) == ("No residual follows the image or its edges.",)
    (one,) = remarks_on({"b = 0": noise, "b = 800": anatomy})
    assert one.startswith("The residual follows the image")
    assert one.endswith("(b = 800)")
    (both,) = remarks_on({"b = 0": anatomy, "b = 50": noise, "b = 800": anatomy})
    assert "2 of 3 volumes" in both
    assert "b = 0; b = 800" in both
