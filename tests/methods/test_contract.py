"""What every denoiser must do, whichever it is; a new one is tested by being there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Inputs, Method, Output
from napari_dwi.methods.registry import methods_of
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.rician import correct_rician_bias
from napari_dwi.scan import DwiSeries, Volume

from ..synthetic import Scan, make_series
from ..watching import Watch
from .settings import fast_settings, patient_settings

# BM4D takes seconds for the smallest volume, and is no part of what the tests install: see test_bm4d.py.
every_method = pytest.mark.parametrize(
    "method",
    [method for method in methods_of("denoise") if method.name != "bm4d"],
    ids=lambda method: method.name,
)

# Voxels without a value: one in the tissue, a row of air, and a corner.
_MISSING = (
    (np.array([10]), np.array([9]), np.array([2])),
    (np.arange(20), np.zeros(20, int), np.ones(20, int)),
    (np.array([19]), np.array([17]), np.array([3])),
)


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series()


def run(
    method: Method, inputs: Inputs | DwiSeries, *, seed: int = 0, watch: Watch | None = None, **settings: str
) -> Result:
    return run_method(
        method,
        fast_settings(method, **settings),
        Inputs(inputs) if isinstance(inputs, DwiSeries) else inputs,
        seed=seed,
        device="cpu",
        threads=1,
        progress=None if watch is None else watch.progress,
    )


def series_of(output: Output, role: str) -> DwiSeries:
    image = output.image(role)
    assert isinstance(image, DwiSeries)
    return image


def denoised(result: Result) -> np.ndarray:
    return series_of(result.output, "denoised").signal


def with_signal(series: DwiSeries, signal: np.ndarray) -> DwiSeries:
    return replace(series, signal=signal)


@every_method
def test_the_result_is_a_series_like_the_input(method: Method, scan: Scan) -> None:
    result = run(method, scan.series)
    assert [image.role for image in result.output.images][:2] == ["denoised", "residual"]
    for role in ("denoised", "residual"):
        image = series_of(result.output, role)
        assert image.signal.dtype == np.float32
        assert image.signal.shape == scan.series.signal.shape
        assert np.isfinite(image.signal).all()
        assert image.grid.same_as(scan.series.grid)
        np.testing.assert_array_equal(image.b_values.values, scan.series.b_values.values)
        assert image.source is None
    assert result.stem == scan.series.name


@every_method
def test_files_of_a_result_are_named_for_the_method(method: Method, scan: Scan) -> None:
    output = run(method, scan.series).output
    label = method.name.replace("-", "")
    assert output.images[0].ending == f"desc-{label}_dwi"
    assert output.images[1].ending == f"desc-{label}residual_dwi"
    assert len({image.ending for image in output.images}) == len(output.images)


@every_method
def test_input_is_output_and_residual(method: Method, scan: Scan) -> None:
    result = run(method, scan.series)
    residual = series_of(result.output, "residual").signal
    np.testing.assert_array_equal(residual, scan.series.signal - denoised(result))
    assert residual.any()


@every_method
def test_noise_becomes_less(method: Method) -> None:
    scan = make_series(sigma=200)
    result = run_method(method, patient_settings(method), Inputs(scan.series), device="cpu", threads=1)
    after = denoised(result)
    truth, before = scan.truth.signal[scan.tissue], scan.series.signal[scan.tissue]
    assert np.square(after[scan.tissue] - truth).mean() < 0.6 * np.square(before - truth).mean()


@every_method
@pytest.mark.parametrize("missing", _MISSING, ids=["voxel", "row", "corner"])
@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["NaN", "inf"])
def test_voxels_without_a_value_stay_so_and_take_no_others_with_them(
    method: Method, scan: Scan, missing: tuple[np.ndarray, ...], value: float
) -> None:
    signal = scan.series.signal.copy()
    signal[(*missing, 1)] = value
    result = run(method, with_signal(scan.series, signal))
    gone = np.zeros(signal.shape, bool)
    gone[(*missing, 1)] = True
    np.testing.assert_array_equal(np.isnan(denoised(result)), gone)
    np.testing.assert_array_equal(np.isnan(series_of(result.output, "residual").signal), gone)
    assert not np.isinf(denoised(result)).any()


@every_method
def test_a_slice_without_values_does_not_matter_to_the_others(method: Method, scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[:, :, 0, :] = np.nan
    after = denoised(run(method, with_signal(scan.series, signal)))
    assert np.isnan(after[:, :, 0]).all()
    assert np.isfinite(after[:, :, 1:]).all()


@every_method
def test_the_same_seed_gives_the_same_bytes(method: Method, scan: Scan) -> None:
    first, second = (run(method, scan.series, seed=11) for _ in range(2))
    assert denoised(first).tobytes() == denoised(second).tobytes()
    assert first.output.figures == second.output.figures


@every_method
def test_random_numbers_used_elsewhere_change_nothing(method: Method, scan: Scan) -> None:
    import torch

    first = denoised(run(method, scan.series))
    torch.rand(7)
    np.random.random(7)
    assert denoised(run(method, scan.series)).tobytes() == first.tobytes()


@every_method
def test_how_the_voxels_lie_in_memory_does_not_matter(method: Method, scan: Scan) -> None:
    as_read = with_signal(scan.series, np.asfortranarray(scan.series.signal))
    as_made = with_signal(scan.series, np.ascontiguousarray(scan.series.signal))
    np.testing.assert_allclose(denoised(run(method, as_read)), denoised(run(method, as_made)), rtol=1e-4)


@every_method
def test_only_the_volumes_asked_for_come_back(method: Method, scan: Scan) -> None:
    everything = run(method, scan.series)
    some = run(method, scan.series, targets="400")
    for role in ("denoised", "residual"):
        image = series_of(some.output, role)
        np.testing.assert_array_equal(image.b_values.values, [400])
        np.testing.assert_array_equal(image.signal, series_of(everything.output, role).signal[..., [1]])


@every_method
def test_repeats_of_a_b_value_are_all_meant(method: Method) -> None:
    scan = make_series((12, 10, 2), (0, 800, 0, 801))
    result = run(method, scan.series, targets="800")
    np.testing.assert_array_equal(series_of(result.output, "denoised").b_values.values, [800, 801])
    before = scan.series.signal[..., [1, 3]]
    np.testing.assert_array_equal(series_of(result.output, "residual").signal, before - denoised(result))


@every_method
def test_a_b_value_that_is_not_there_is_refused(method: Method, scan: Scan) -> None:
    with pytest.raises(BadInputError, match="no volume at b = 1000"):
        run(method, scan.series, targets="400,1000")


@every_method
def test_progress_never_goes_back_and_ends_at_1(method: Method, scan: Scan) -> None:
    watch = Watch()
    run(method, scan.series, watch=watch)
    assert watch.fractions[0] == 0
    assert watch.fractions[-1] == 1
    assert (np.diff(watch.fractions) >= -1e-12).all()
    assert all(phrase.strip() for phrase in watch.phrases)


@every_method
def test_progress_names_the_b_value_at_work(method: Method, scan: Scan) -> None:
    watch = Watch()
    run(method, scan.series, watch=watch, targets="400")
    assert any("b = 400" in phrase for phrase in watch.phrases)
    assert not any("b = 800" in phrase for phrase in watch.phrases)


@every_method
def test_a_method_looks_often_whether_to_stop(method: Method, scan: Scan) -> None:
    """No time is measured: at least three looks a volume, on volumes done in a blink."""
    watch = Watch()
    run(method, scan.series, watch=watch)
    assert watch.looks >= 3 * len(scan.series.b_values)


@every_method
@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_stop_is_obeyed_early_half_way_and_at_the_end(method: Method, scan: Scan, share: float) -> None:
    undisturbed = Watch()
    expected = denoised(run(method, scan.series, watch=undisturbed))
    stopped = Watch(stop_at=max(1, round(share * undisturbed.looks)))
    with pytest.raises(Stopped):
        run(method, scan.series, watch=stopped)
    # The very look that learnt of the stop was the last.
    assert stopped.looks == max(1, round(share * undisturbed.looks))
    assert denoised(run(method, scan.series)).tobytes() == expected.tobytes()


@every_method
def test_inputs_stay_as_they_are(method: Method, scan: Scan) -> None:
    mask = Volume(scan.tissue.astype(np.float32), scan.series.grid, "mask", name="mask")
    inputs = Inputs(scan.series, (scan.anatomy,), mask)
    arrays = (scan.series.signal, scan.anatomy.data, mask.data)
    before = [array.copy() for array in arrays]
    run(method, inputs)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_method
def test_inputs_may_be_read_only_and_nothing_warns(method: Method, scan: Scan) -> None:
    signal, data = scan.series.signal.copy(), scan.anatomy.data.copy()
    signal.setflags(write=False)
    data.setflags(write=False)
    inputs = Inputs(with_signal(scan.series, signal), (replace(scan.anatomy, data=data),))
    assert run(method, inputs).record.warnings == ()


@every_method
@pytest.mark.parametrize(
    ("shape", "b_values"),
    [
        ((20, 18, 1), (0, 400, 800)),
        ((2, 2, 1), (0, 800)),
        ((12, 10, 3), tuple(range(0, 1600, 100))),
        ((20, 18, 4), (0, 800)),
        ((20, 18, 2), (0, 800)),
        ((1, 18, 20), (0, 800)),
        ((20, 18, 4), (0, 800, 800, 800)),
        ((20, 18, 4), (800, 0)),
        ((20, 18, 4), (50, 400)),
    ],
    ids=str,
)
def test_small_and_unusual_series_work(
    method: Method, shape: tuple[int, int, int], b_values: tuple[float, ...]
) -> None:
    series = make_series(shape, b_values).series
    after = series_of(run(method, series).output, "denoised")
    assert after.signal.shape == (*shape, len(b_values))
    assert np.isfinite(after.signal).all()
    np.testing.assert_array_equal(after.b_values.values, b_values)


@every_method
def test_a_volume_of_zeros_stays_finite(method: Method, scan: Scan) -> None:
    signal = scan.series.signal.copy()
    signal[..., 2] = 0
    result = run(method, with_signal(scan.series, signal))
    assert np.isfinite(denoised(result)).all()
    assert all(math.isfinite(value) for value in result.output.figures.values())


@every_method
@pytest.mark.parametrize("level", [0, 350])
def test_a_constant_stays_constant(method: Method, scan: Scan, level: float) -> None:
    constant = with_signal(scan.series, np.full(scan.series.signal.shape, level, np.float32))
    np.testing.assert_allclose(denoised(run(method, constant)), level, rtol=1e-5, atol=1e-3)


@every_method
def test_anatomy_that_does_not_overlap_changes_nothing_but_may_be_said(method: Method, scan: Scan) -> None:
    nowhere = replace(scan.anatomy, data=np.full_like(scan.anatomy.data, np.nan))
    result = run(method, Inputs(scan.series, (nowhere,)))
    assert np.isfinite(denoised(result)).all()
    if method.name != "bl-inr":
        np.testing.assert_array_equal(denoised(result), denoised(run(method, scan.series)))


@every_method
@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_the_unit_of_the_signal_does_not_matter(method: Method, scan: Scan, factor: float) -> None:
    scaled = with_signal(scan.series, (scan.series.signal * factor).astype(np.float32))
    expected = denoised(run(method, scan.series)) * factor
    after = denoised(run(method, scaled))
    np.testing.assert_allclose(after, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@every_method
def test_a_mask_and_anatomy_are_accepted(method: Method, scan: Scan) -> None:
    mask = Volume((scan.tissue & (np.arange(18) < 9)[:, None]).astype(np.float32), scan.series.grid, "mask")
    anatomy = scan.anatomy.data.copy()
    anatomy[:, :, 0] = np.nan
    result = run(method, Inputs(scan.series, (replace(scan.anatomy, data=anatomy),), mask))
    assert np.isfinite(denoised(result)[mask.data > 0]).all()


@every_method
def test_figures_tell_what_changed_in_every_volume(method: Method, scan: Scan) -> None:
    figures = run(method, scan.series).output.figures
    for volume, b_value in enumerate((0, 400, 800)):
        assert f"mean change, volume {volume}, b = {b_value} (%)" in figures
        assert figures[f"residual SD, volume {volume}, b = {b_value}"] > 0
        for other in ("its neighbours", "the image", "edges"):
            assert -1 <= figures[f"residual with {other} (r), volume {volume}, b = {b_value}"] <= 1
    assert all(isinstance(value, float) and math.isfinite(value) for value in figures.values())


@every_method
def test_it_is_said_what_the_residual_looks_like(method: Method, scan: Scan) -> None:
    (remark,) = run(method, scan.series).output.remarks
    assert "residual" in remark.lower()


@every_method
@pytest.mark.parametrize("correction", ["koay", "gudbjartsson-patz"])
def test_the_noise_floor_is_removed_after_denoising_and_recorded(
    method: Method, scan: Scan, correction: str
) -> None:
    plain = run(method, scan.series, noise_sigma="60")
    corrected = run(method, scan.series, rician_correction=correction, noise_sigma="60")
    expected = correct_rician_bias(denoised(plain), 60, correction)
    np.testing.assert_allclose(denoised(corrected), expected, rtol=1e-5)
    assert (denoised(corrected) >= 0).all()
    assert corrected.record.figures["noise sigma (scanner units)"] == 60
    said = corrected.record.warnings[-1]
    assert f"noise floor removed ({correction}) with sigma 60, as given" in said
    residual = series_of(corrected.output, "residual").signal
    np.testing.assert_array_equal(residual, scan.series.signal - denoised(corrected))


@every_method
def test_the_noise_floor_can_be_removed_first(method: Method, scan: Scan) -> None:
    first = run(method, scan.series, rician_correction="koay", rician_order="before", noise_sigma="60")
    corrected = correct_rician_bias(scan.series.signal, 60).astype(np.float32)
    expected = run(method, with_signal(scan.series, corrected), noise_sigma="60")
    np.testing.assert_allclose(denoised(first), denoised(expected), rtol=1e-4, atol=1e-2)
    assert "before denoising" in first.record.warnings[-1]
    residual = series_of(first.output, "residual").signal
    np.testing.assert_array_equal(residual, scan.series.signal - denoised(first))


@every_method
def test_the_noise_level_is_estimated_where_none_is_given(method: Method) -> None:
    scan = make_series((48, 48, 4))
    result = run(method, scan.series, rician_correction="koay", targets="800")
    assert result.record.figures["noise sigma (scanner units)"] == pytest.approx(60, rel=0.05)
    assert "estimated from the air" in result.record.warnings[-1]


@every_method
def test_without_air_the_noise_level_must_be_given(method: Method, scan: Scan) -> None:
    with pytest.raises(BadInputError, match="the noise level cannot be estimated") as caught:
        run(method, scan.series, rician_correction="koay")
    assert caught.value.remedy
