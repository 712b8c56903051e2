"""What every method says of itself, and of its parameters."""

from __future__ import annotations

import pytest

from napari_dwi.methods.method import Method
from napari_dwi.methods.registry import all_methods

every_method = pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.name)


@every_method
def test_every_parameter_is_explained_and_bounded(method: Method) -> None:
    for parameter in method.parameters.declared():
        assert parameter.help.strip()
        assert "\n" not in parameter.help
        parameter.check(parameter.default)
        if parameter.kind in ("number", "whole"):
            assert parameter.low is not None
            assert parameter.high is not None
            assert parameter.low <= parameter.default <= parameter.high
        # A fit method may know a single model.
        if parameter.kind == "choice" and parameter.name != "model":
            assert len(parameter.choices) > 1


@every_method
def test_presets_can_be_used_and_change_something(method: Method) -> None:
    for preset, values in method.presets.items():
        settings = method.settings(preset).as_dict()
        assert settings == method.settings().as_dict() | dict(values)
        assert settings != method.settings().as_dict()


@every_method
def test_a_method_says_what_it_is(method: Method) -> None:
    assert method.name == method.name.lower()
    assert " " not in method.name
    assert method.title
    assert method.summary
    assert method.reference
    assert method.context_slices >= 0
