from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.measure.image_quality import psnr, ssim, ssim_3d

from ..synthetic import make_series

SCAN = make_series((32, 30, 3))
TRUTH = SCAN.truth.signal[..., 0]
NOISY = SCAN.series.signal[..., 0]
PEAK = float(TRUTH.max())


def test_psnr_of_a_constant_offset_follows_from_its_definition() -> None:
    shifted = (TRUTH + 50).astype(np.float32)
    assert psnr(shifted, TRUTH, SCAN.tissue, 1000.0) == pytest.approx(20 * math.log10(1000 / 50), rel=1e-5)


def test_psnr_of_equal_images_is_infinite() -> None:
    assert psnr(TRUTH, TRUTH, SCAN.tissue, PEAK) == math.inf


def test_psnr_counts_the_mask_only() -> None:
    spoilt = NOISY.copy()
    spoilt[~SCAN.tissue] = np.nan
    assert psnr(spoilt, TRUTH, SCAN.tissue, PEAK) == psnr(NOISY, TRUTH, SCAN.tissue, PEAK)


def test_psnr_falls_by_6_db_when_the_error_doubles() -> None:
    error = NOISY - TRUTH
    once, twice = (psnr(TRUTH + factor * error, TRUTH, SCAN.tissue, PEAK) for factor in (1, 2))
    assert once - twice == pytest.approx(20 * math.log10(2), abs=1e-3)


def test_ssim_of_equal_images_is_1() -> None:
    assert ssim(TRUTH, TRUTH, SCAN.tissue, PEAK) == pytest.approx(1)


def test_ssim_falls_with_the_noise() -> None:
    error = NOISY - TRUTH
    values = [ssim(TRUTH + factor * error, TRUTH, SCAN.tissue, PEAK) for factor in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.9


def test_ssim_looks_at_slices_one_by_one() -> None:
    spoilt = TRUTH.copy()
    spoilt[..., 2] = 0
    mask = SCAN.tissue.copy()
    mask[..., 2] = False
    assert ssim(spoilt, TRUTH, mask, PEAK) == pytest.approx(1)


def test_ssim_averages_over_the_mask() -> None:
    left, right = SCAN.tissue.copy(), SCAN.tissue.copy()
    left[16:], right[:16] = False, False
    parts = [ssim(NOISY, TRUTH, mask, PEAK) * mask.sum() for mask in (left, right)]
    assert ssim(NOISY, TRUTH, SCAN.tissue, PEAK) * SCAN.tissue.sum() == pytest.approx(sum(parts))


@pytest.mark.parametrize("figure", [psnr, ssim])
def test_a_common_factor_changes_nothing(figure: object) -> None:
    plain = figure(NOISY, TRUTH, SCAN.tissue, PEAK)  # type: ignore[operator]
    scaled = figure(NOISY * 8, TRUTH * 8, SCAN.tissue, PEAK * 8)  # type: ignore[operator]
    assert scaled == pytest.approx(plain, rel=1e-6)


def test_ssim_in_three_directions_needs_as_many_slices_as_its_window() -> None:
    thick = make_series((24, 22, 12))
    truth, noisy = (series.signal[..., 0] for series in (thick.truth, thick.series))
    assert ssim_3d(truth, truth, thick.tissue, PEAK) == pytest.approx(1)
    assert 0 < ssim_3d(noisy, truth, thick.tissue, PEAK) < 0.95
    assert math.isnan(ssim_3d(NOISY, TRUTH, SCAN.tissue, PEAK))
