"""Fits of real scans: what is known of them, and that unusual protocols are fitted at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.fit import fit_signal
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import DwiSeries, Volume, open_series, open_volume, resample_to

_LIVER, _PANCREAS, _KIDNEY = 2, 1, 3


def fitted(name: str, series: DwiSeries, mask: Volume | None = None, **settings: str) -> Result:
    method = find_method(name, "fit")
    return run_method(method, method.settings().with_settings(settings), Inputs(series, mask=mask))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("least-squares", {}),
        ("segmented", {}),
        ("maximum-likelihood", {}),
        ("maximum-likelihood", {"noise": "gaussian"}),
        # With the noise level of these means, so that the prior counts for little.
        ("bayes", {"sigma": 0.5}),
    ],
    ids=["least-squares", "segmented", "rician", "gaussian", "bayes"],
)
def test_the_mean_signal_of_organs_gives_what_is_known_of_them(
    shared_data: Path, name: str, settings: dict[str, Any]
) -> None:
    folder = shared_data / "abdomen_volunteer1"
    series = open_series(folder / "dwi_mean_per_b.nii.gz")
    organs = open_volume(folder / "rois_dseg.nii.gz").data
    means = [series.signal[organs == organ].mean(axis=0) for organ in (_LIVER, _PANCREAS, _KIDNEY)]
    found = fit_signal(means, series.b_values.values, method=name, **settings)
    np.testing.assert_allclose(found["f"], [0.34, 0.27, 0.18], rtol=0.15)
    np.testing.assert_allclose(found["D"], [0.66e-3, 1.9e-3, 2.0e-3], rtol=0.15)


@pytest.mark.parametrize("name", ["least-squares", "segmented", "maximum-likelihood"])
def test_voxel_by_voxel_the_organs_come_out_alike_where_the_noise_is_small(
    shared_data: Path, name: str
) -> None:
    folder = shared_data / "abdomen_volunteer1"
    series = open_series(folder / "dwi_mean_per_b.nii.gz")
    organs = replace(open_volume(folder / "rois_dseg.nii.gz"), kind="mask")
    output = fitted(name, series, organs).output
    f, d = (output.image(role).data for role in ("f", "D"))
    for organ, expected_f, expected_d in ((_LIVER, 0.34, 0.66e-3), (_PANCREAS, 0.27, 1.9e-3)):
        inside = organs.data == organ
        assert np.nanmean(f[inside]) == pytest.approx(expected_f, rel=0.15)
        assert np.nanmean(d[inside]) == pytest.approx(expected_d, rel=0.15)


@pytest.mark.parametrize("name", ["least-squares", "maximum-likelihood", "bayes", "segmented"])
def test_a_series_without_b_0_is_fitted(shared_data: Path, name: str) -> None:
    folder = shared_data / "spinalcord_ivim_7t"
    series = open_series(folder / "dwi_rl.nii.gz", bval=folder / "bval_rl.txt")
    cord = resample_to(replace(open_volume(folder / "cord_seg_dilated.nii.gz"), kind="mask"), series.grid)
    output = fitted(name, series, cord).output
    f, d, d_star = (output.image(role).data[cord.data > 0] for role in ("f", "D", "Dstar"))
    assert np.isfinite(d).mean() > 0.95
    assert 0.3e-3 < np.nanmedian(d) < 2e-3
    assert np.nanmedian(d) < np.nanmedian(d_star)
    assert 0 < np.nanmedian(f) < 0.7


@pytest.mark.parametrize("name", ["log-linear", "least-squares", "maximum-likelihood", "bayes"])
def test_water_has_the_adc_of_water(shared_data: Path, name: str) -> None:
    folder = shared_data / "water_phantom"
    series = open_series(folder / "WATER__DIB2019__FWF_DIG_LTE_pt1_11.nii.gz")
    mask = np.zeros(series.grid.shape, np.float32)
    mask[36:56, 36:56, 12] = 1
    output = fitted(name, series, Volume(mask, series.grid, "mask"), model="adc", noise_sigma="13").output
    adc = output.image("ADC").data[mask > 0]
    # Between 18 and 22 degrees Celsius.
    assert 1.85e-3 < np.nanmedian(adc) < 2.15e-3
    assert np.nanstd(adc) < 0.1e-3
