from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method

from .curves import make_curves


def fitted(b_values: tuple[float, ...], **settings: str) -> dict[str, np.ndarray]:
    method = find_method("segmented")
    curves = make_curves("ivim", b_values)
    result = run_method(method, method.settings().with_settings(settings), curves.inputs, device="cpu")
    found = {name: result.output.image(name).data for name in ("f", "D", "Dstar", "S0")}
    truth = dict(zip(("f", "D", "Dstar", "S0"), np.moveaxis(curves.truth, -1, 0), strict=True))
    return {name: found[name] / truth[name] - 1 for name in found}


def test_where_blood_has_gone_at_the_threshold_the_fit_is_exact() -> None:
    error = fitted((0, 10, 20, 30, 50, 80, 400, 600, 800), threshold_b="400")
    assert np.abs(error["D"]).max() < 1e-3
    assert np.abs(error["f"]).max() < 5e-3
    assert np.abs(error["Dstar"]).max() < 0.02
    assert np.abs(error["S0"]).max() < 1e-3


def test_too_low_a_threshold_takes_blood_for_tissue() -> None:
    error = fitted((0, 10, 20, 30, 50, 80, 400, 600, 800), threshold_b="30")
    assert np.median(error["D"]) > 0.03


@pytest.mark.parametrize(("threshold", "side"), [("5", "below"), ("700", "from"), ("10000", "from")])
def test_a_threshold_needs_b_values_on_either_side(threshold: str, side: str) -> None:
    with pytest.raises(BadInputError, match=f"too few b-values {side} the threshold"):
        fitted((0, 10, 50, 400, 800), threshold_b=threshold)
