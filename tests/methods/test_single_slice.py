from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.methods.single_slice import run_on_slice
from napari_dwi.scan import DwiSeries

from ..synthetic import make_series


@pytest.mark.parametrize(("axis", "index"), [(0, 0), (1, 9), (2, 3)])
def test_a_slice_by_itself_is_that_slice_of_the_whole(axis: int, index: int) -> None:
    method = find_method("gaussian")
    inputs = Inputs(make_series().series)
    alone = run_on_slice(method, method.settings(), inputs, axis, index, device="cpu")
    whole = run_method(method, method.settings(), inputs, device="cpu")
    for role in ("denoised", "residual"):
        one, all_of_it = alone.output.image(role), whole.output.image(role)
        assert isinstance(one, DwiSeries)
        assert isinstance(all_of_it, DwiSeries)
        assert one.grid.same_as(inputs.series.grid)
        shown = np.moveaxis(one.signal, axis, 0)
        assert np.isnan(np.delete(shown, index, axis=0)).all()
        np.testing.assert_allclose(
            shown[index], np.moveaxis(all_of_it.signal, axis, 0)[index], rtol=1e-5, atol=1e-2
        )
