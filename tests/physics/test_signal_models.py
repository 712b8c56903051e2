from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.signal_models import ALL_MODELS, IVIM, IVIM_DFAST, MODELS, SignalModel, find_model

B_VALUES = np.array([0.0, 10, 50, 200, 800])
# Near the middle of each bound, and no two decay rates the same.
_TYPICAL = {
    "ADC": 1.1e-3,
    "f": 0.2,
    "D": 1.2e-3,
    "Dstar": 60e-3,
    "Dfast": 50e-3,
    "fmid": 0.15,
    "Dmid": 8e-3,
    "K": 0.8,
    "S0": 700.0,
}

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


def typical(model: SignalModel) -> np.ndarray:
    return np.array([_TYPICAL[name] for name in model.names])


@every_model
def test_without_weighting_the_signal_is_s0(model: SignalModel) -> None:
    assert model.signal([0], typical(model)) == pytest.approx([700])


@every_model
def test_the_signal_falls_with_b(model: SignalModel) -> None:
    assert (np.diff(model.signal(B_VALUES, typical(model))) < 0).all()


@every_model
def test_derivatives_are_those_of_the_signal(model: SignalModel) -> None:
    values = typical(model)
    jacobian = model.jacobian(B_VALUES, values)
    assert jacobian.shape == (5, len(values))
    for n, value in enumerate(values):
        step = np.zeros_like(values)
        step[n] = 1e-5 * value
        rise = model.signal(B_VALUES, values + step) - model.signal(B_VALUES, values - step)
        np.testing.assert_allclose(jacobian[:, n], rise / (2 * step[n]), rtol=1e-5, atol=1e-6 / value)


@every_model
def test_voxels_broadcast_and_single_precision_stays(model: SignalModel) -> None:
    values = np.tile(typical(model), (3, 2, 1)).astype(np.float32)
    signal = model.signal(B_VALUES, values)
    assert signal.shape == (3, 2, 5)
    assert signal.dtype == np.float32
    assert model.jacobian(B_VALUES, values).shape == (3, 2, 5, len(model.names))
    np.testing.assert_allclose(signal[2, 1], model.signal(B_VALUES, typical(model)), rtol=1e-5)


@every_model
def test_a_model_is_described_completely(model: SignalModel) -> None:
    assert find_model(model.name) is model
    assert model.entity.isalnum()
    assert model.names[-1] == "S0"
    assert model.fewest_b_values == len(model.names)
    for parameter in model.shape:
        assert parameter.name in model.formula.replace("*", "star")
        low, high = parameter.bounds
        assert low < _TYPICAL[parameter.name] < high
        assert parameter.screen_limits is not None
        on_screen = _TYPICAL[parameter.name] * parameter.screen_factor
        assert parameter.screen_limits[0] < on_screen < parameter.screen_limits[1]


def test_names_and_file_names_are_unique() -> None:
    assert len(set(ALL_MODELS)) == len(MODELS)
    assert len({model.entity for model in MODELS}) == len(MODELS)


def test_the_two_conventions_differ_by_d_alone() -> None:
    total = IVIM.signal(B_VALUES, [0.3, 1e-3, 41e-3, 5.0])
    excess = IVIM_DFAST.signal(B_VALUES, [0.3, 1e-3, 40e-3, 5.0])
    np.testing.assert_allclose(total, excess)


def test_larger_models_contain_the_smaller_ones() -> None:
    ivim = IVIM.signal(B_VALUES, [0.3, 1e-3, 40e-3, 5.0])
    np.testing.assert_allclose(find_model("triexp").signal(B_VALUES, [0.3, 1e-3, 40e-3, 0, 5e-3, 5.0]), ivim)
    np.testing.assert_allclose(find_model("ivim-kurtosis").signal(B_VALUES, [0.3, 1e-3, 40e-3, 0, 5.0]), ivim)
    adc = find_model("adc").signal(B_VALUES, [1e-3, 5.0])
    np.testing.assert_allclose(IVIM.signal(B_VALUES, [0, 1e-3, 40e-3, 5.0]), adc)
    above = find_model("sivim").signal(B_VALUES[1:], [0.3, 1e-3, 5.0])
    np.testing.assert_allclose(above, 0.7 * adc[1:])


def test_an_unknown_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="no signal model is called dki; expected one of adc, ivim"):
        find_model("dki")
