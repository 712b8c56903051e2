from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit._split import best_split
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method

from .curves import B_VALUES, make_curves

ONES = np.ones(len(B_VALUES))


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
    b_values = (0, 10, 20, 30, 50, 80, 400, 600, 800)
    once, twice = (fitted(b_values, threshold_b="30", second_pass=said) for said in ("no", "yes"))
    assert np.median(once["D"]) > 0.03
    assert np.median(twice["D"]) < 0.5 * np.median(once["D"])


@pytest.mark.parametrize("threshold", ["5", "700", "10000"])
def test_a_threshold_needs_b_values_on_either_side(threshold: str) -> None:
    with pytest.raises(BadInputError, match=f"too few b-values on one side .* {threshold} s/mm2"):
        fitted((0, 10, 50, 400, 800), threshold_b=threshold)


def test_unless_it_is_typed_the_threshold_is_the_best_for_the_protocol() -> None:
    curves = make_curves("ivim")
    method = find_method("segmented")
    typed = method.settings().with_settings({"threshold_b": "200"})
    for settings, expected in ((typed, 200.0), (method.settings(), best_split(np.array(B_VALUES), ONES))):
        figures = run_method(method, settings, curves.inputs, device="cpu").record.figures
        assert figures["tissue fitted from b (s/mm2)"] == expected


def test_the_split_is_high_where_many_b_values_leave_the_choice_and_low_where_few_do() -> None:
    dense = np.array([0, 10, 20, 40, 60, 80, 100, 150, 200, 300, 400, 500, 600, 700, 800, 900, 1000.0])
    sparse = np.array([0, 50, 150, 800.0])
    ends_early = np.array([0, 10, 25, 50, 100, 200, 300, 400, 500.0])
    splits = [best_split(b, np.ones(len(b))) for b in (dense, sparse, ends_early)]
    assert splits[1] == 150
    assert splits[2] is not None
    assert splits[0] is not None
    assert splits[2] <= splits[0]


def test_volumes_measured_more_often_let_the_split_rise() -> None:
    b = np.array([0, 10, 20, 30, 50, 80, 100, 200, 400, 800.0])
    few, many = (best_split(b, np.full(10, count)) for count in (1.0, 64.0))
    assert few is not None
    assert many is not None
    assert many > few


def test_two_b_values_on_either_side_are_needed_for_a_split() -> None:
    assert best_split(np.array([0, 400, 800.0]), np.ones(3)) is None
