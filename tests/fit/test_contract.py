"""What every fit method must do, for every signal model it knows; a new one is tested by being there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Inputs, Method, Output
from napari_dwi.methods.registry import methods_of
from napari_dwi.methods.repeating import read_recipe, repeat
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.physics.signal_models import find_model
from napari_dwi.scan import BValues, DwiSeries, Volume

from ..synthetic import files_below, save_series
from ..watching import Watch
from .curves import B_VALUES, SHAPE, Curves, make_curves
from .settings import accuracy, coverage, fast_settings, is_exact, looks_at_neighbours

every_method = pytest.mark.parametrize("method", methods_of("fit"), ids=lambda method: method.name)
every_model = pytest.mark.parametrize(
    ("method", "model"),
    [(method, model) for method in methods_of("fit") for model in method.models],
    ids=lambda value: value if isinstance(value, str) else value.name,
)


def run(
    method: Method,
    inputs: Inputs | Curves,
    model: str | None = None,
    *,
    seed: int = 0,
    watch: Watch | None = None,
    **settings: str,
) -> Result:
    return run_method(
        method,
        fast_settings(method, model=model or method.models[0], **settings),
        inputs.inputs if isinstance(inputs, Curves) else inputs,
        seed=seed,
        device="cpu",
        threads=1,
        progress=None if watch is None else watch.progress,
    )


def maps(output: Output, model: str, suffix: str = "") -> np.ndarray:
    """The maps of all parameters, (..., p)."""
    return np.stack([data_of(output, name + suffix) for name in find_model(model).names], axis=-1)


def data_of(output: Output, role: str) -> np.ndarray:
    image = output.image(role)
    assert isinstance(image, Volume)
    return image.data


def residual_of(output: Output) -> DwiSeries:
    image = output.image("residual")
    assert isinstance(image, DwiSeries)
    return image


def curves_for(method: Method, **options: object) -> Curves:
    return make_curves(method.models[0], **options)


def with_signal(curves: Curves, signal: np.ndarray) -> Curves:
    return replace(curves, series=replace(curves.series, signal=signal.astype(np.float32)))


def statuses(output: Output) -> np.ndarray:
    codes = next(image for image in output.images if image.role == "status").display.codes
    return np.vectorize(codes.__getitem__)(data_of(output, "status").astype(int))


@every_model
def test_curves_without_noise_give_their_parameters(method: Method, model: str) -> None:
    curves = make_curves(model)
    found = maps(run(method, curves, model, noise_sigma="1").output, model)
    error = np.median(np.abs(found / curves.truth - 1), axis=(0, 1, 2))
    # Of the largest models a prior or a table decides what the curve leaves open.
    loose = 3 if model in ("triexp", "ivim-kurtosis") and not is_exact(method) else 1
    limit = np.full(len(error), accuracy(method) * loose)
    np.testing.assert_array_less(error, limit)


@every_model
def test_the_result_has_all_maps_with_units_and_screen_settings(method: Method, model: str) -> None:
    signal_model = find_model(model)
    output = run(method, make_curves(model, snr=50), model, noise_sigma="20").output
    roles = [image.role for image in output.images]
    names = list(signal_model.names)
    assert roles == [*names, *(f"{name} SD" for name in names), "R2", "status", "residual"]
    assert len({image.ending for image in output.images}) == len(roles)
    for image, parameter in zip(output.images, signal_model.parameters, strict=False):
        assert image.ending == f"model-{signal_model.entity}_param-{parameter.name}_dwimap"
        assert image.unit == parameter.unit
        assert image.display is not None
        assert image.display.limits == parameter.screen_limits
        assert image.facts["Formula"] == signal_model.formula
    for image in output.images[:-1]:
        assert isinstance(image.image, Volume)
        assert image.image.data.dtype == np.float32
        assert image.image.data.shape == SHAPE
        assert image.image.source is None


@every_method
def test_residual_and_fitted_signal_make_the_input(method: Method) -> None:
    curves = curves_for(method, snr=50)
    model = find_model(method.models[0])
    output = run(method, curves, noise_sigma="20").output
    residual = residual_of(output)
    fitted = model.signal(curves.series.b_values.values, maps(output, model.name).astype(np.float64))
    known = np.isfinite(residual.signal).all(axis=-1)
    assert known.mean() > 0.9
    expected = (curves.series.signal - fitted)[known]
    np.testing.assert_allclose(residual.signal[known], expected, atol=0.02)
    np.testing.assert_array_equal(residual.b_values.values, B_VALUES)


@every_method
def test_standard_deviations_cover_the_error(method: Method) -> None:
    curves = curves_for(method, snr=60, shape=(20, 20, 3))
    model = method.models[0]
    output = run(method, curves, noise_sigma=f"{1000 / 60}").output
    good = statuses(output) == "fitted"
    error = np.abs(maps(output, model) - curves.truth)[good]
    sd = maps(output, model, " SD")[good]
    covered = (error < 2 * sd).mean(axis=0)
    assert (covered > coverage(method)).all(), covered


@every_method
def test_without_standard_deviations_there_are_none(method: Method) -> None:
    roles = [
        image.role for image in run(method, curves_for(method), noise_sigma="1", sd_maps="no").output.images
    ]
    assert not any(role.endswith(" SD") for role in roles)


@every_method
@pytest.mark.parametrize(
    ("voxel", "status"),
    [
        (np.zeros(10), "no signal at the lowest b-value"),
        (np.full(10, -5.0), "no signal at the lowest b-value"),
        (np.full(10, 300.0), "the same signal in every volume"),
        (np.full(10, np.nan), "no value in some volume"),
        (np.r_[np.inf, np.full(9, 100.0)], "no value in some volume"),
        (np.r_[800, np.nan, np.full(8, 100.0)], "no value in some volume"),
        (np.r_[np.full(5, 4095.0), np.full(5, 2000.0)], "saturated at several b-values"),
    ],
    ids=["zero", "negative", "constant", "NaN", "inf", "one NaN", "saturated"],
)
def test_voxels_that_cannot_be_fitted_have_no_value_and_take_no_others_with_them(
    method: Method, voxel: np.ndarray, status: str
) -> None:
    curves = curves_for(method, snr=50)
    signal = curves.series.signal.copy()
    signal[3, 2, 1] = voxel
    before = run(method, curves, noise_sigma="20")
    after = run(method, with_signal(curves, signal), noise_sigma="20")
    gone = np.zeros(SHAPE, bool)
    gone[3, 2, 1] = True
    model = method.models[0]
    np.testing.assert_array_equal(np.isnan(maps(after.output, model)).any(axis=-1)[gone], True)
    others = maps(after.output, model)[~gone]
    assert np.isfinite(others).all()
    if not looks_at_neighbours(method):
        np.testing.assert_allclose(others, maps(before.output, model)[~gone], rtol=1e-3, atol=1e-6)
    assert statuses(after.output)[3, 2, 1] == status
    assert np.isnan(residual_of(after.output).signal[3, 2, 1]).all()
    assert not any("divide" in text or "invalid" in text for text in after.record.warnings)


@every_method
def test_a_few_negative_values_at_high_b_do_not_matter(method: Method) -> None:
    curves = curves_for(method, snr=50)
    signal = curves.series.signal.copy()
    signal[0, 0, 0, -1] = -1.0
    output = run(method, with_signal(curves, signal), noise_sigma="20").output
    assert np.isfinite(maps(output, method.models[0])[0, 0, 0]).all()


@every_method
def test_only_the_mask_is_fitted(method: Method) -> None:
    curves = curves_for(method)
    mask = np.zeros(SHAPE, np.float32)
    mask[2:5, 1:4] = 1
    inputs = replace(curves.inputs, mask=replace(curves.mask, data=mask))
    output = run(method, inputs, noise_sigma="1").output
    np.testing.assert_array_equal(np.isfinite(maps(output, method.models[0])).all(axis=-1), mask > 0)
    np.testing.assert_array_equal(statuses(output) == "outside the mask", mask == 0)


@every_method
def test_an_empty_mask_is_refused(method: Method) -> None:
    curves = curves_for(method)
    inputs = replace(curves.inputs, mask=replace(curves.mask, data=np.zeros(SHAPE, np.float32)))
    with pytest.raises(BadInputError, match="no voxel to fit"):
        run(method, inputs, noise_sigma="1")


@every_model
def test_too_few_b_values_are_refused_with_the_number_needed(method: Method, model: str) -> None:
    needed = find_model(model).fewest_b_values
    curves = make_curves(model, B_VALUES[-needed + 1 :])
    with pytest.raises(BadInputError, match=f"expected at least {needed} different b-values"):
        run(method, curves, model, noise_sigma="1")


@every_method
@pytest.mark.parametrize(
    ("b_values", "said"),
    [
        ((0.0,) * 6, "only b = 0"),
        ((800.0,) * 6, "too few b-values"),
        (tuple(b / 1000 for b in B_VALUES), "another unit"),
        (tuple(b / 400 for b in B_VALUES), "another unit"),
    ],
    ids=["unweighted", "one b-value", "ms/um2", "ms/um2 to 2"],
)
def test_b_values_that_say_nothing_are_refused(
    method: Method, b_values: tuple[float, ...], said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        run(method, curves_for(method, b_values=b_values), noise_sigma="1")


@every_model
def test_the_order_of_the_volumes_does_not_matter(method: Method, model: str) -> None:
    curves = make_curves(model, snr=50)
    order = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5]
    shuffled = replace(curves, series=curves.series.volumes(order))
    expected = maps(run(method, curves, model, noise_sigma="20").output, model)
    found = maps(run(method, shuffled, model, noise_sigma="20").output, model)
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-6)


@every_method
@pytest.mark.parametrize("factor", [1024.0, 1 / 1024])
def test_the_unit_of_the_signal_matters_to_s0_alone(method: Method, factor: float) -> None:
    curves = curves_for(method, snr=50)
    scaled = with_signal(curves, curves.series.signal * factor)
    expected = maps(run(method, curves, noise_sigma="20").output, method.models[0])
    found = maps(run(method, scaled, noise_sigma=f"{20 * factor}").output, method.models[0])
    np.testing.assert_allclose(found[..., :-1], expected[..., :-1], rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(found[..., -1], expected[..., -1] * factor, rtol=1e-3)


@every_method
def test_the_same_seed_gives_the_same_bytes(method: Method) -> None:
    curves = curves_for(method, snr=30)
    first, second = (run(method, curves, seed=11, noise_sigma="30") for _ in range(2))
    for one, other in zip(first.output.images, second.output.images, strict=True):
        values = [
            image.signal if isinstance(image, DwiSeries) else image.data for image in (one.image, other.image)
        ]
        assert values[0].tobytes() == values[1].tobytes()
    assert first.output.figures == second.output.figures


@pytest.mark.parametrize(
    "method",
    [method for method in methods_of("fit") if not looks_at_neighbours(method)],
    ids=lambda method: method.name,
)
def test_voxels_do_not_know_of_each_other(method: Method) -> None:
    curves = curves_for(method, snr=30)
    half = np.zeros(SHAPE, np.float32)
    half[::2] = 1
    whole = maps(run(method, curves, noise_sigma="30").output, method.models[0])[::2]
    masked = replace(curves.inputs, mask=replace(curves.mask, data=half))
    alone = maps(run(method, masked, noise_sigma="30").output, method.models[0])[::2]
    np.testing.assert_allclose(alone, whole, rtol=1e-3, atol=1e-6)


@every_method
def test_repeats_count_as_often_as_they_were_measured(method: Method) -> None:
    curves = curves_for(method, b_values=(*B_VALUES, *B_VALUES, 800.0, 800.0), snr=30)
    output = run(method, curves, noise_sigma="30").output
    facts = output.images[0].facts
    assert sum(facts["VolumesAveraged"]) == 22
    assert np.isfinite(maps(output, method.models[0])).all(axis=-1).mean() > 0.9


@every_method
def test_only_the_b_values_named_are_fitted(method: Method) -> None:
    curves = curves_for(method)
    signal = curves.series.signal.copy()
    signal[..., 3] = 7.0
    chosen = ",".join(f"{b:g}" for b in B_VALUES if b != 30)
    output = run(method, with_signal(curves, signal), noise_sigma="1", b_values=chosen).output
    error = np.median(np.abs(maps(output, method.models[0]) / curves.truth - 1), axis=(0, 1, 2))
    np.testing.assert_array_less(error, accuracy(method) * 1.5)
    assert len(residual_of(output).b_values) == 9


@every_method
def test_no_volume_at_b_0_is_needed(method: Method) -> None:
    curves = curves_for(method, b_values=(5, 10, 20, 30, 50, 75, 150, 250, 600, 700, 800))
    found = maps(run(method, curves, noise_sigma="1").output, method.models[0])
    error = np.median(np.abs(found / curves.truth - 1), axis=(0, 1, 2))
    np.testing.assert_array_less(error, accuracy(method) * 1.5)


@every_method
def test_it_can_be_stopped_at_every_look(method: Method) -> None:
    curves = curves_for(method)
    # What a method keeps for the next fit is there then.
    run(method, curves, noise_sigma="1")
    watch = Watch()
    run(method, curves, watch=watch, noise_sigma="1")
    assert watch.fractions == sorted(watch.fractions)
    assert watch.fractions[-1] == 1
    for look in range(1, watch.looks + 1):
        with pytest.raises(Stopped):
            run(method, curves, watch=Watch(look), noise_sigma="1")


@every_method
def test_many_voxels_give_many_looks(method: Method) -> None:
    # What a method keeps for the next fit is there then.
    run(method, curves_for(method), noise_sigma="1", sd_maps="no")
    few, many = Watch(), Watch()
    run(method, curves_for(method), watch=few, noise_sigma="1", sd_maps="no")
    run(method, curves_for(method, shape=(64, 64, 9)), watch=many, noise_sigma="1", sd_maps="no")
    assert many.looks > few.looks


@every_method
def test_inputs_stay_as_they_are_and_nothing_warns(method: Method) -> None:
    curves = curves_for(method, snr=50)
    before = curves.series.signal.copy()
    curves.series.signal.setflags(write=False)
    curves.mask.data.setflags(write=False)
    warnings = run(method, curves, noise_sigma="20").record.warnings
    np.testing.assert_array_equal(curves.series.signal, before)
    assert not [text for text in warnings if "bound" not in text]


@every_method
def test_a_saved_fit_can_be_made_again_to_the_same_bytes(method: Method, tmp_path: Path) -> None:
    curves = curves_for(method, snr=30)
    series = save_series(curves.series, tmp_path / "scan_dwi.nii.gz")
    result = run(method, Inputs(series), noise_sigma="30", b_values="0,10,20,50,100,200,400,800")
    save_result(result, tmp_path / "one")
    entity = find_model(method.models[0]).entity
    recipe = read_recipe(tmp_path / "one" / f"scan_model-{entity}_param-S0_dwimap.json")
    save_result(repeat(recipe), tmp_path / "two")
    first, second = files_below(tmp_path / "one"), files_below(tmp_path / "two")
    assert set(first) == set(second)
    images = [name for name in first if name.endswith(".nii.gz")]
    assert len(images) > 5
    assert all(first[name] == second[name] for name in images)
    said = json.loads(first[f"scan_model-{entity}_desc-status_dwimap.json"])
    assert said["StatusCodes"]["1"] == "fitted"
    assert said["Model"] == method.models[0]


@every_method
def test_b_values_that_differ_by_rounding_are_repeats(method: Method) -> None:
    curves = curves_for(method, b_values=(*B_VALUES, *B_VALUES))
    values = np.array([*B_VALUES, *(b + 0.4 for b in B_VALUES)])
    series = replace(curves.series, b_values=BValues(values))
    output = run(method, replace(curves, series=series), noise_sigma="1", repeats="average").output
    assert len(residual_of(output).b_values) == len(B_VALUES)
