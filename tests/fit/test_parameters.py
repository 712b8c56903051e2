from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit._parameters import BoundedFitParameters, FitParameters
from napari_dwi.physics.signal_models import MODELS, SignalModel

every_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


@every_model
def test_default_bounds_are_those_of_the_model(model: SignalModel) -> None:
    expected = tuple(parameter.bounds for parameter in model.shape)
    assert FitParameters(model=model.name).bounds() == expected
    found = BoundedFitParameters(model=model.name).bounds()
    np.testing.assert_allclose(found, expected)


def test_bounds_are_typed_in_the_units_of_the_screen() -> None:
    parameters = BoundedFitParameters(model="ivim").with_settings({"D_high": "4", "f_high": "0.5"})
    np.testing.assert_allclose(parameters.bounds(), [(0, 0.5), (0, 4e-3), (5e-3, 0.3)])


def test_bounds_the_wrong_way_round_are_refused_by_name() -> None:
    with pytest.raises(BadInputError, match=r"bounds of D\* .* Dstar_low below Dstar_high, found 50 and 20"):
        BoundedFitParameters(model="ivim", Dstar_low=50.0, Dstar_high=20.0)


def test_bounds_of_other_models_do_not_matter() -> None:
    parameters = BoundedFitParameters(model="adc", Dstar_low=50.0, Dstar_high=20.0)
    np.testing.assert_allclose(parameters.bounds(), [(0, 5e-3)])
