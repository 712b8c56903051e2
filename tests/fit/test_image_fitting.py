"""Image networks as fit methods: awkward slices, and the record of their training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.scan import DwiSeries, Volume

from ..synthetic import make_grid
from ..watching import Watch
from .curves import make_curves
from .settings import fast_settings

NAMES = ("image-cnn", "di-cnn", "si-cnn")


def run(name: str, inputs: Inputs, watch: Watch | None = None, **settings: str) -> Result:
    method = find_method(name)
    progress = None if watch is None else watch.progress
    return run_method(
        method, fast_settings(method, **settings), inputs, device="cpu", threads=1, progress=progress
    )


def f_map(result: Result) -> np.ndarray:
    image = result.output.image("f")
    assert isinstance(image, Volume)
    return image.data


def training_of(result: Result) -> Mapping[str, object]:
    return result.output.images[0].facts["Training"]


@pytest.mark.parametrize("shape", [(2, 2, 1), (1, 1, 1), (7, 5, 1), (1, 9, 3), (31, 3, 2)], ids=str)
def test_small_and_odd_slices_are_fitted(shape: tuple[int, int, int]) -> None:
    result = run("si-cnn", make_curves("ivim", snr=30, shape=shape).inputs)
    assert np.isfinite(f_map(result)).all()


def test_slices_without_voxels_do_not_matter() -> None:
    curves = make_curves("ivim", snr=30, shape=(6, 6, 4))
    signal = curves.series.signal.copy()
    signal[:, :, 1] = 0
    signal[:, :, 3] = np.nan
    result = run("si-cnn", replace(curves, series=replace(curves.series, signal=signal)).inputs)
    np.testing.assert_array_equal(np.isfinite(f_map(result)).all(axis=(0, 1)), [True, False, True, False])


def test_slices_are_those_across_the_largest_spacing() -> None:
    """The same voxels, stored along another axis, give the same maps."""
    curves = make_curves("ivim", snr=30, shape=(6, 5, 3))
    turned = DwiSeries(
        np.ascontiguousarray(np.moveaxis(curves.series.signal, 2, 0)),
        replace(make_grid((3, 6, 5)), affine=np.diag([9.0, 2, 2, 1])),
        curves.series.b_values,
        "turned",
    )
    upright = replace(curves.series, grid=replace(make_grid((6, 5, 3)), affine=np.diag([2.0, 2, 9, 1])))
    found = []
    for series in (upright, turned):
        mask = Volume(np.ones(series.grid.shape, np.float32), series.grid, "mask")
        found.append(f_map(run("image-cnn", Inputs(series, mask=mask))))
    np.testing.assert_allclose(np.moveaxis(found[1], 0, 2), found[0], rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_sidecars_hold_the_record_of_the_training(name: str, tmp_path: Path) -> None:
    result = run(name, make_curves("ivim", snr=30).inputs, epochs="3")
    save_result(result, tmp_path)
    said = json.loads((tmp_path / "scan_model-ivim_param-f_dwimap.json").read_text("utf-8"))["Training"]
    assert len(said["WarmUpLoss"]) == len(said["WarmUpHeldOutLoss"]) == 3
    assert said["WarmUpLoss"][-1] < said["WarmUpLoss"][0]
    if name == "image-cnn":
        assert said["Iterations"] == []
        assert said["StoppedBy"] is None
    else:
        assert said["StoppedBy"] == "limit"
        assert [one["Epochs"] for one in said["Iterations"]] == [2, 2]
        assert all(0 < one["Replaced"] <= 1 and one["Change"] > 0 for one in said["Iterations"])
        averaged = [one["VoxelsAveraged"] for one in said["Iterations"]]
        assert min(averaged) > 1 if name == "si-cnn" else averaged == [1, 1]


def test_the_loop_ends_by_tolerance_or_at_the_limit_and_says_which() -> None:
    curves = make_curves("ivim", snr=30)
    early = run("si-cnn", curves.inputs, tolerance="0.99", limit="9")
    assert training_of(early)["StoppedBy"] == "tolerance"
    assert early.output.figures["iterations"] < 9
    late = run("si-cnn", curves.inputs, tolerance="0", limit="3")
    assert training_of(late)["StoppedBy"] == "limit"
    assert late.output.figures["iterations"] == 3


def test_figures_tell_whether_renewing_the_signals_paid() -> None:
    figures = run("si-cnn", make_curves("ivim", snr=30).inputs).output.figures
    before, after = (
        figures[f"error of held-out samples {when} renewing (%)"] for when in ("before", "after")
    )
    assert 0 < before < 100
    assert before != after > 0
    assert (
        "error of held-out samples (%)" in run("image-cnn", make_curves("ivim", snr=30).inputs).output.figures
    )


def test_progress_names_the_iteration_and_the_change() -> None:
    watch = Watch()
    run("si-cnn", make_curves("ivim", snr=30).inputs, watch)
    assert any(phrase.startswith("warm-up epoch 1/12, loss") for phrase in watch.phrases)
    assert any(phrase.startswith("iteration 2/2, change 0.") for phrase in watch.phrases)


def test_thresholds_can_be_multiples_of_the_noise() -> None:
    curves = make_curves("ivim", snr=30)
    high = {"thresholds": "noise", "fitting_max": "9", "around_diff": "9"}
    replaced = training_of(run("si-cnn", curves.inputs, **high, noise_sigma="33"))["Iterations"][0]
    assert replaced["Replaced"] < 0.1
    assert replaced["VoxelsAveraged"] > 5
    # Not typed, it is estimated.
    result = run("si-cnn", curves.inputs, **high)
    assert any("units of the noise level" in text for text in result.record.warnings)


def test_s0_comes_back_in_scanner_units_however_the_signal_was_divided() -> None:
    curves = make_curves("ivim", snr=200)
    image = run("image-cnn", curves.inputs, divided_by="voxel").output.image("S0")
    assert isinstance(image, Volume)
    np.testing.assert_allclose(np.median(image.data / curves.truth[..., -1]), 1, atol=0.05)
    wide = run("image-cnn", curves.inputs, divided_by="scan", S0_low="0.2", S0_high="3").output.image("S0")
    assert isinstance(wide, Volume)
    assert np.corrcoef(wide.data.ravel(), curves.truth[..., -1].ravel())[0, 1] > 0.5


def test_bounds_of_s0_that_leave_nothing_are_refused() -> None:
    with pytest.raises(BadInputError, match="bounds of S0"):
        fast_settings(find_method("image-cnn"), S0_low="2")
