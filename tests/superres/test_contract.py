"""What every super-resolution method must do, whichever it is; a new one is tested by being there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Inputs, Method, Output
from napari_dwi.methods.registry import methods_of
from napari_dwi.methods.running import Result, run_method
from napari_dwi.methods.single_slice import run_on_slice
from napari_dwi.scan import DwiSeries, Volume

from ..methods.settings import fast_settings
from ..synthetic import Scan, make_series
from ..watching import Watch

every_method = pytest.mark.parametrize("method", methods_of("superres"), ids=lambda method: method.name)


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series()


def run(method: Method, inputs: Inputs | DwiSeries, *, watch: Watch | None = None, **settings: str) -> Result:
    return run_method(
        method,
        fast_settings(method, **settings),
        Inputs(inputs) if isinstance(inputs, DwiSeries) else inputs,
        device="cpu",
        threads=1,
        progress=None if watch is None else watch.progress,
    )


def values_of(output: Output, role: str = "super-resolved") -> np.ndarray:
    image = output.image(role)
    return image.signal if isinstance(image, DwiSeries) else image.data


@every_method
def test_a_series_becomes_one_with_finer_slices_over_the_same_places(method: Method, scan: Scan) -> None:
    result = run(method, scan.series)
    assert [image.role for image in result.output.images] == ["super-resolved", "residual"]
    for role in ("super-resolved", "residual"):
        image = result.output.image(role)
        assert isinstance(image, DwiSeries)
        assert image.signal.shape == (40, 36, 4, 3)
        assert image.signal.dtype == np.float32
        assert np.isfinite(image.signal).all()
        assert image.source is None
        np.testing.assert_array_equal(image.b_values.values, scan.series.b_values.values)
        voxels = np.argwhere(np.ones(scan.series.grid.shape, bool))
        apart_mm = image.grid.to_mm(voxels * [2, 2, 1]) - scan.series.grid.to_mm(voxels)
        assert np.abs(apart_mm).max() < 1e-6


@every_method
def test_the_anatomy_stays_where_it_was(method: Method, scan: Scan) -> None:
    """The coarse image is found in every second voxel of the fine one, not between them."""
    clean = replace(scan.truth, signal=scan.truth.signal + 1)
    # An estimate would take the edges of so small an image for noise.
    known = {"noise_sigma": "20"} if "noise_sigma" in method.settings().as_dict() else {}
    fine = values_of(run(method, clean, **known).output)
    coarse = clean.signal
    here = np.square(fine[::2, ::2] - coarse).mean()
    for apart in (fine[1::2, ::2], fine[::2, 1::2]):
        assert here < 0.5 * np.square(apart - coarse).mean()


@every_method
def test_files_are_named_for_super_resolution_and_for_what_they_were_made_of(
    method: Method, scan: Scan
) -> None:
    output = run(method, scan.series).output
    assert [image.ending for image in output.images] == ["desc-superres_dwi", "desc-superresresidual_dwi"]
    result = run(method, Inputs.of_volume(replace(scan.anatomy, name="sub-01_T1w")))
    assert result.stem == "sub-01"
    assert [image.ending for image in result.output.images] == [
        "desc-superres_T1w",
        "desc-superresresidual_T1w",
    ]


@every_method
def test_a_single_image_becomes_a_single_image(method: Method, scan: Scan) -> None:
    result = run(method, Inputs.of_volume(scan.anatomy))
    fine, residual = (result.output.image(role) for role in ("super-resolved", "residual"))
    assert isinstance(fine, Volume)
    assert isinstance(residual, Volume)
    assert (fine.kind, residual.kind) == ("anatomy", "residual")
    assert fine.grid.shape == residual.grid.shape == (40, 36, 4)
    assert fine.source is None


@every_method
def test_zero_filled_input_is_result_and_residual(method: Method, scan: Scan) -> None:
    from napari_dwi.methods.registry import find_method

    result = run(method, scan.series)
    # Zero-filling alone changes only what would be below zero.
    plain = run(find_method("zero-fill"), scan.series).output
    start = values_of(plain) + values_of(plain, "residual")
    together = values_of(result.output) + values_of(result.output, "residual")
    np.testing.assert_allclose(together, start, atol=1e-3)


@every_method
@pytest.mark.parametrize("shape", [(17, 20, 2), (33, 18, 1), (25, 1, 3), (2, 2, 1), (3, 16, 15)], ids=str)
def test_odd_and_unusual_sizes_work(method: Method, shape: tuple[int, int, int]) -> None:
    series = make_series(shape).series
    fine = values_of(run(method, series).output)
    assert fine.shape == (2 * shape[0], 2 * shape[1], shape[2], 3)
    assert np.isfinite(fine).all()


@every_method
def test_slices_may_be_stacked_along_any_axis(method: Method) -> None:
    axial = make_series((16, 14, 3)).series
    turned = replace(
        axial,
        signal=np.ascontiguousarray(axial.signal.transpose(2, 0, 1, 3)),
        grid=replace(axial.grid, shape=(3, 16, 14), affine=axial.grid.affine[:, [2, 0, 1, 3]]),
    )
    fine, fine_turned = (values_of(run(method, series).output) for series in (axial, turned))
    assert fine_turned.shape == (3, 32, 28, 3)
    np.testing.assert_allclose(fine_turned.transpose(1, 2, 0, 3), fine, rtol=1e-4, atol=1e-2)


@every_method
@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["NaN", "inf"])
def test_voxels_without_a_value_take_none_but_those_beside_them(
    method: Method, scan: Scan, value: float
) -> None:
    signal = scan.series.signal.copy()
    signal[10, 9, 2, 1] = value
    fine = values_of(run(method, replace(scan.series, signal=signal)).output)
    gone = np.zeros(fine.shape, bool)
    gone[19:22, 17:20, 2, 1] = True
    np.testing.assert_array_equal(np.isnan(fine), gone)
    assert not np.isinf(fine).any()


@every_method
@pytest.mark.parametrize("level", [0, 350])
def test_a_constant_stays_constant(method: Method, scan: Scan, level: float) -> None:
    constant = replace(scan.series, signal=np.full(scan.series.signal.shape, level, np.float32))
    np.testing.assert_allclose(values_of(run(method, constant).output), level, rtol=1e-5, atol=1e-3)


@every_method
def test_magnitudes_do_not_fall_below_zero(method: Method, scan: Scan) -> None:
    assert values_of(run(method, scan.series).output).min() >= 0


@every_method
@pytest.mark.parametrize("factor", [1e4, 1e-4])
def test_the_unit_of_the_signal_does_not_matter(method: Method, scan: Scan, factor: float) -> None:
    scaled = replace(scan.series, signal=(scan.series.signal * factor).astype(np.float32))
    expected = values_of(run(method, scan.series).output) * factor
    after = values_of(run(method, scaled).output)
    np.testing.assert_allclose(after, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@every_method
def test_outside_of_a_mask_nothing_but_zero_filling_is_done(method: Method, scan: Scan) -> None:
    inside = np.zeros(scan.series.grid.shape, np.float32)
    inside[:10] = 1
    result = run(method, Inputs(scan.series, mask=Volume(inside, scan.series.grid, "mask")))
    whole = run(method, scan.series).output
    np.testing.assert_array_equal(values_of(result.output)[:20], values_of(whole)[:20])
    start = np.maximum(values_of(whole) + values_of(whole, "residual"), 0)
    np.testing.assert_allclose(values_of(result.output)[20:], start[20:], atol=1e-3)


@every_method
def test_the_same_input_gives_the_same_bytes_and_stays_as_it_is(method: Method, scan: Scan) -> None:
    before = scan.series.signal.copy()
    before.setflags(write=False)
    first, second = (run(method, replace(scan.series, signal=before)) for _ in range(2))
    assert values_of(first.output).tobytes() == values_of(second.output).tobytes()
    assert all(math.isfinite(value) for value in first.output.figures.values())
    np.testing.assert_array_equal(before, scan.series.signal)


@every_method
def test_progress_never_goes_back_and_names_the_b_value(method: Method, scan: Scan) -> None:
    watch = Watch()
    run(method, scan.series, watch=watch)
    assert watch.fractions[0] == 0
    assert watch.fractions[-1] == 1
    assert (np.diff(watch.fractions) >= -1e-12).all()
    for b_value in (0, 400, 800):
        assert any(f"b = {b_value}" in phrase for phrase in watch.phrases)
    assert watch.looks >= 3 * len(scan.series.b_values)


@every_method
@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_a_stop_is_obeyed_early_half_way_and_at_the_end(method: Method, scan: Scan, share: float) -> None:
    undisturbed = Watch()
    run(method, scan.series, watch=undisturbed)
    stop_at = max(1, round(share * undisturbed.looks))
    stopped = Watch(stop_at=stop_at)
    with pytest.raises(Stopped):
        run(method, scan.series, watch=stopped)
    assert stopped.looks == stop_at


@every_method
def test_a_trial_on_a_slice_gives_that_slice_on_the_fine_grid(method: Method, scan: Scan) -> None:
    parameters = fast_settings(method).with_settings(
        {"noise_sigma": "60"} if "noise_sigma" in method.settings().as_dict() else {}
    )
    trial = run_on_slice(method, parameters, Inputs(scan.series), 2, 1, device="cpu")
    whole = run_method(method, parameters, Inputs(scan.series), device="cpu")
    image = trial.output.image("super-resolved")
    assert image.grid.same_as(whole.output.image("super-resolved").grid)
    fine = values_of(trial.output)
    assert np.isnan(np.delete(fine, 1, axis=2)).all()
    np.testing.assert_allclose(fine[:, :, 1], values_of(whole.output)[:, :, 1], rtol=0.02, atol=5)


@every_method
def test_a_trial_across_the_slices_is_refused(method: Method, scan: Scan) -> None:
    with pytest.raises(BadInputError, match="within the slices that were acquired"):
        run_on_slice(method, fast_settings(method), Inputs(scan.series), 0, 5, device="cpu")
