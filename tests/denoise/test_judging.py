from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_dwi.denoise._judging import judged_result
from napari_dwi.physics.rician import rician_mean

from ..synthetic import make_series

SCAN = make_series((40, 36, 4), sigma=30.0)
EXPECTED = rician_mean(SCAN.truth.signal, 30.0).astype(np.float32)
ALL = np.arange(3)


def never() -> None:
    """Nobody asks to stop."""


def test_the_truth_leaves_a_residual_like_noise() -> None:
    judged = judged_result(SCAN.series, ALL, SCAN.series.signal, EXPECTED, never)
    assert judged.remarks == ("No residual follows the image or its edges.",)
    assert abs(judged.figures["residual with the image (r), volume 0, b = 0"]) < 0.1


def test_the_noise_floor_in_a_residual_is_no_anatomy() -> None:
    judged = judged_result(SCAN.series, ALL, SCAN.series.signal, SCAN.truth.signal, never)
    assert judged.remarks == ("No residual follows the image or its edges.",)
    assert judged.figures["residual with the image (r), volume 0, b = 0"] < 0


def test_noise_that_was_left_is_not_taken_for_anatomy() -> None:
    half = (SCAN.series.signal + EXPECTED) / 2
    judged = judged_result(SCAN.series, ALL, SCAN.series.signal, half, never)
    assert judged.remarks == ("No residual follows the image or its edges.",)


def test_blurring_is_found_and_said() -> None:
    blurred = np.stack([gaussian_filter(SCAN.series.signal[..., n], (3, 3, 0)) for n in ALL], axis=3)
    judged = judged_result(SCAN.series, ALL, SCAN.series.signal, blurred, never)
    assert "anatomy was changed with the noise" in judged.remarks[0]
    assert judged.figures["residual with edges (r), volume 0, b = 0"] > 0.15


def test_a_single_target_is_held_against_the_other_volumes() -> None:
    darker = SCAN.truth.signal[..., 1:2] * np.float32(0.7)
    judged = judged_result(SCAN.series, ALL[1:2], SCAN.series.signal[..., 1:2], darker, never)
    assert judged.figures["residual with the image (r), volume 1, b = 400"] > 0.3
    assert next(iter(judged.figures)) == "mean change, volume 1, b = 400 (%)"


def test_where_nothing_changed_nothing_is_said() -> None:
    judged = judged_result(SCAN.series, ALL, SCAN.series.signal, SCAN.series.signal, never)
    assert judged.remarks == ()
    assert judged.figures["residual SD, volume 0, b = 0"] == 0


def test_volumes_without_any_value_are_left_out() -> None:
    signal = SCAN.series.signal.copy()
    signal[..., 1] = np.nan
    series = replace(SCAN.series, signal=signal)
    judged = judged_result(series, ALL, signal, signal * np.float32(0.9), never)
    assert not any("volume 1" in name for name in judged.figures)
