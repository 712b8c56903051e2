from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit import fit_signal
from napari_dwi.physics.signal_models import IVIM, MODELS, SignalModel

from .curves import B_VALUES, make_curves

TRUTH = np.array([0.2, 1.1e-3, 45e-3, 800.0])
SIGNAL = IVIM.signal(B_VALUES, TRUTH)
SEARCHES = ("least-squares", "maximum-likelihood")
# Tissue and blood may change places between bounds as wide as these.
MIRRORED = {"f": (0.0, 1.0), "D": (0.1e-3, 20e-3), "Dstar": (0.1e-3, 20e-3)}


@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 4)])
def test_arrays_keep_the_shape_of_the_signals(shape: tuple[int, ...]) -> None:
    found = fit_signal(np.broadcast_to(SIGNAL, (*shape, 10)), B_VALUES, sigma=8.0)
    for name, expected in zip(IVIM.names, TRUTH, strict=True):
        assert found[name].shape == found.sd[name].shape == shape
        np.testing.assert_allclose(found[name], expected, rtol=1e-4)
        assert (found.sd[name] > 0).all()
    assert found.status.shape == found.r_squared.shape == shape
    assert found.sigma == 8.0
    np.testing.assert_allclose(found.signal([0.0, 600.0])[..., 0], 800, rtol=1e-4)


def test_what_cannot_be_fitted_is_nan_and_says_why() -> None:
    signals = np.stack([SIGNAL, 0 * SIGNAL, -SIGNAL, np.full(10, 5.0), np.r_[np.nan, SIGNAL[1:]]])
    found = fit_signal(signals, B_VALUES)
    np.testing.assert_array_equal(np.isnan(found["D"]), [False, True, True, True, True])
    assert [found.meanings[int(code)] for code in found.status] == [
        "fitted",
        "no signal at the lowest b-value",
        "no signal at the lowest b-value",
        "the same signal in every volume",
        "no value in some volume",
    ]


@pytest.mark.parametrize("method", SEARCHES)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_bound_holds_the_parameter_it_is_named_after(method: str, model: SignalModel) -> None:
    signals = make_curves(model, snr=60, shape=(40, 1, 1)).series.signal[:, 0, 0]
    free = fit_signal(signals, B_VALUES, model=model.name, method=method, sigma=16.0)
    for parameter in model.parameters:
        middle = float(np.nanmedian(free[parameter.name]))
        low, high = 0.97 * middle, 1.03 * middle
        held = fit_signal(
            signals,
            B_VALUES,
            model=model.name,
            method=method,
            sigma=16.0,
            bounds={parameter.name: (low, high)},
        )
        within = held[parameter.name]
        assert np.nanmin(within) >= low * (1 - 1e-6)
        assert np.nanmax(within) <= high * (1 + 1e-6)
        at_bound = [f"{parameter.symbol} at its" in held.meanings[int(code)] for code in held.status]
        assert any(at_bound)


@pytest.mark.parametrize("method", SEARCHES)
def test_of_two_equal_minima_the_one_near_the_guess_is_found(method: str) -> None:
    f, d, d_star = 0.3, 1e-3, 15e-3
    signal = IVIM.signal(B_VALUES, [f, d, d_star, 800.0])
    here = {"f": f, "D": d, "Dstar": d_star}
    mirrored = {"f": 1 - f, "D": d_star, "Dstar": d}
    for expected in (here, mirrored):
        near = {name: 1.2 * value for name, value in expected.items() if name != "f"}
        found = fit_signal(signal, B_VALUES, method=method, sigma=1.0, bounds=MIRRORED, guess=near)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=2e-3)


@pytest.mark.parametrize("method", SEARCHES)
def test_a_good_guess_changes_nothing(method: str) -> None:
    signals = make_curves("ivim", snr=80).series.signal
    free = fit_signal(signals, B_VALUES, method=method, sigma=12.0)
    guessed = fit_signal(signals, B_VALUES, method=method, sigma=12.0, guess={"D": 1.2e-3, "S0": 1e3})
    same = np.isclose(guessed["D"], free["D"], rtol=1e-2)
    assert same.mean() > 0.95


def test_bounds_of_s0_hold_it_at_the_least_squares_optimum() -> None:
    from scipy.optimize import curve_fit

    def model(b: np.ndarray, f: float, d: float, d_star: float, s0: float) -> np.ndarray:
        return IVIM.signal(b, np.array([f, d * 1e-3, d_star * 1e-3, s0]))

    bounds = ((0, 0, 5, 400), (0.7, 5, 300, 770))
    expected, _ = curve_fit(model, B_VALUES, SIGNAL, p0=(0.2, 1.0, 50, 600), bounds=bounds)
    found = fit_signal(SIGNAL, B_VALUES, bounds={"S0": (400, 770)})
    values = [found[name].item() for name in IVIM.names]
    np.testing.assert_allclose(values, expected * [1, 1e-3, 1e-3, 1], rtol=1e-2)
    assert found.meanings[int(found.status)] == "fitted, S0 at its highest bound"


def test_any_method_and_its_settings_can_be_named() -> None:
    found = fit_signal(SIGNAL, B_VALUES, method="segmented", threshold_b=400.0, sd_maps=False)
    assert found["D"] == pytest.approx(TRUTH[1], rel=0.01)
    assert found.sd == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"bounds": {"Dfast": (0, 1)}}, "ivim has no parameter Dfast; expected f, D, Dstar, S0"),
        ({"guess": {"D": 9e-3}}, "initial guess of D lies outside its bounds"),
        ({"bounds": {"D": (2e-3, 1e-3)}}, "bounds of D leave nothing to fit"),
        ({"bounds": {"S0": (0.9, 1.1)}, "method": "bayes"}, "bayes takes no bounds of S0"),
        ({"guess": {"D": 1e-3}, "method": "segmented"}, "segmented takes no initial guess of D"),
        ({"model": "triexp", "method": "segmented"}, "segmented does not fit triexp"),
        ({"method": "magic"}, "no method is called magic"),
        ({"steps": 3}, "unknown parameter steps"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.split(";")[0].replace(" ", "-"),
)
def test_what_does_not_go_together_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        fit_signal(SIGNAL, B_VALUES, **options)


def test_b_values_in_another_unit_are_told() -> None:
    with pytest.raises(BadInputError, match="another unit") as caught:
        fit_signal(SIGNAL, np.array(B_VALUES) / 1000)
    assert "multiplied by 1000" in str(caught.value)


def test_shapes_that_do_not_match_are_told() -> None:
    with pytest.raises(BadInputError, match="do not go together"):
        fit_signal(SIGNAL[:4], B_VALUES)


def test_two_signals_rounded_to_the_same_number_are_not_saturated() -> None:
    signal = np.round(SIGNAL / 100)
    signal[1] = signal[0]
    assert np.isfinite(fit_signal(signal, B_VALUES)["D"])


def test_importing_it_loads_no_heavy_library() -> None:
    code = "import sys, napari_dwi.fit; sys.exit(bool({'torch', 'scipy', 'skimage'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
