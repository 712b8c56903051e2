"""What every fit method says of the signal models it knows."""

from __future__ import annotations

import pytest

from napari_dwi.fit._parameters import FitParameters
from napari_dwi.methods.method import Method
from napari_dwi.methods.registry import methods_of
from napari_dwi.physics.signal_models import find_model

every_method = pytest.mark.parametrize("method", methods_of("fit"), ids=lambda method: method.name)
every_model = pytest.mark.parametrize(
    ("method", "model"),
    [(method, model) for method in methods_of("fit") for model in method.models],
    ids=lambda value: value if isinstance(value, str) else value.name,
)


@every_method
def test_a_method_says_which_models_it_knows(method: Method) -> None:
    assert issubclass(method.parameters, FitParameters)
    model = next(p for p in method.parameters.declared() if p.name == "model")
    assert model.choices == method.models
    assert model.default == method.models[0]


@every_model
def test_parameters_of_other_models_are_idle(method: Method, model: str) -> None:
    idle = method.parameters.idle(model)
    names = {parameter.name for parameter in method.parameters.declared()}
    assert idle < names
    assert not idle & {f"{name}_low" for name in find_model(model).names}
    assert {"model", "b_values", "noise_sigma"}.isdisjoint(idle)
