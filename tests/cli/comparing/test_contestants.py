from __future__ import annotations

import re

import pytest

from napari_dwi.cli.comparing.contestants import contestants
from napari_dwi.errors import BadInputError


def test_methods_keep_their_order_and_go_by_their_own_names() -> None:
    found = contestants("segmented, least-squares", "fit", "ivim", [])
    assert [one.label for one in found] == ["segmented", "least-squares"]
    assert {one.parameters.as_dict()["model"] for one in found} == {"ivim"}


def test_a_setting_is_for_all_that_have_it_or_for_one() -> None:
    words = ["D_high=3", "atoms=900", "bayes.f_high=0.5"]
    least_squares, bayes = contestants("least-squares,bayes", "fit", "ivim", words)
    assert (least_squares.parameters.D_high, bayes.parameters.D_high) == (3.0, 3.0)
    assert (least_squares.parameters.f_high, bayes.parameters.f_high) == (0.7, 0.5)
    assert bayes.parameters.atoms == 900


def test_a_method_is_compared_with_itself_under_another_name() -> None:
    words = ["tight.f_high=0.5"]
    wide, tight = contestants("wide=least-squares,tight=least-squares", "fit", "ivim", words)
    assert wide.method is tight.method
    assert (wide.parameters.f_high, tight.parameters.f_high) == (0.7, 0.5)


def test_a_preset_is_for_those_that_have_it() -> None:
    segmented, bayes = contestants("least-squares,bayes", "fit", "ivim", [], "flat")
    assert segmented.parameters == segmented.method.settings().with_settings({"model": "ivim"})
    assert bayes.parameters.f_prior_sd == 10


def test_what_the_user_set_is_not_told_again() -> None:
    (free,) = contestants("least-squares", "fit", "ivim", [])
    (typed,) = contestants("least-squares", "fit", "ivim", ["noise_sigma=7"])
    assert free.told(noise_sigma=2.0, no_such=1).parameters.noise_sigma == 2.0
    assert typed.told(noise_sigma=2.0).parameters.noise_sigma == 7.0


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        ("least-squares,nonsense", [], "no method is called nonsense; expected one of "),
        ("log-linear", [], "log-linear does not know the model ivim"),
        (" , ", [], "names no method"),
        ("bayes,bayes", [], "two methods go by the same name"),
        ("a=bayes,A=bayes", [], "two methods go by the same name"),
        ("../up=bayes", [], "cannot go by that name"),
        ("bayes", ["least-squares.D_high=3"], "not compared: least-squares; expected one of bayes"),
        ("least-squares", ["atoms=900"], "none of the methods has a parameter atoms"),
        ("bayes", ["bayes.nonsense=1"], "unknown parameter nonsense"),
        ("bayes", ["atoms"], "takes KEY=VALUE or METHOD.KEY=VALUE"),
        ("bayes", ["atoms=many"], "parameter atoms cannot be used"),
        ("gaussian", [], "no method is called gaussian"),
    ],
)
def test_what_cannot_be_compared_is_told(words: str, settings: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(message)):
        contestants(words, "fit", "ivim", settings)


def test_a_preset_that_none_has_is_told() -> None:
    with pytest.raises(BadInputError, match="none of the methods has a preset paper"):
        contestants("segmented", "fit", "ivim", [], "paper")
