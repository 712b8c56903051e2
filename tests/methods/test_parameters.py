from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.parameters import (
    Parameters,
    b_value_list,
    choice,
    file_path,
    flag,
    number,
    whole,
    whole_list,
)


@dataclass(frozen=True, kw_only=True)
class Shared(Parameters):
    targets: tuple[float, ...] = b_value_list(help="b-values to work on.")
    strict: bool = flag(False, help="Refuse what is doubtful.")


@dataclass(frozen=True, kw_only=True)
class Own(Shared):
    width_mm: float = number(1.5, low=0.5, high=20, unit="mm", help="Width of the kernel.")
    passes: int = whole(3, low=1, high=9, help="How often.", advanced=True)
    edge: str = choice("nearest", ("nearest", "mirror"), help="Beyond the border.")


def test_own_parameters_come_before_inherited_ones() -> None:
    names = [parameter.name for parameter in Own.declared()]
    assert names == ["width_mm", "passes", "edge", "targets", "strict"]


def test_defaults_are_those_declared() -> None:
    expected = {"width_mm": 1.5, "passes": 3, "edge": "nearest", "targets": (), "strict": False}
    assert Own().as_dict() == expected
    assert Own.from_values({}) == Own()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("width_mm", "2.25", 2.25),
        ("width_mm", "5e-1", 0.5),
        ("passes", "9", 9),
        ("edge", "mirror", "mirror"),
        ("strict", "yes", True),
        ("strict", "On", True),
        ("strict", "1", True),
        ("strict", "true", True),
        ("strict", "no", False),
        ("strict", " off ", False),
        ("strict", "0", False),
        ("strict", "FALSE", False),
        ("targets", "400,800", (400.0, 800.0)),
        ("targets", "400 800", (400.0, 800.0)),
        ("targets", "400, 800", (400.0, 800.0)),
        ("targets", "all", ()),
        ("targets", "", ()),
    ],
)
def test_text_becomes_a_value(name: str, text: str, value: Any) -> None:
    changed = Own().with_settings({name: text})
    assert getattr(changed, name) == value
    assert type(getattr(changed, name)) is type(value)
    assert changed.as_dict() == Own().as_dict() | {name: value}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("width_mm", "wide", "a number from 0.5 to 20"),
        ("width_mm", "", "a number from 0.5 to 20"),
        ("width_mm", "0.49", "a number from 0.5 to 20"),
        ("width_mm", "20.01", "a number from 0.5 to 20"),
        ("width_mm", "nan", "a number from 0.5 to 20"),
        ("width_mm", "inf", "a number from 0.5 to 20"),
        ("width_mm", "-inf", "a number from 0.5 to 20"),
        ("passes", "2.5", "a whole number from 1 to 9"),
        ("passes", "0", "a whole number from 1 to 9"),
        ("passes", "10", "a whole number from 1 to 9"),
        ("passes", "nan", "a whole number from 1 to 9"),
        ("edge", "wrap", "one of nearest, mirror"),
        ("strict", "maybe", "yes or no"),
        ("targets", "400;800", "b-values separated by commas, or all"),
    ],
)
def test_text_that_is_no_such_value_is_refused_with_what_is_expected(
    name: str, text: str, expected: str
) -> None:
    with pytest.raises(BadInputError, match=f"parameter {name} cannot be used") as caught:
        Own().with_settings({name: text})
    assert caught.value.expected == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width_mm", "2"),
        ("width_mm", True),
        ("width_mm", None),
        ("width_mm", float("nan")),
        ("passes", 2.0),
        ("passes", True),
        ("passes", "2"),
        ("edge", "wrap"),
        ("edge", 1),
        ("strict", 1),
        ("strict", "yes"),
        ("targets", 400.0),
        ("targets", ("400",)),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadInputError, match=f"parameter {name} cannot be used"):
        Own.from_values({name: value})
    with pytest.raises(BadInputError, match=f"parameter {name} cannot be used"):
        Own(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("width_mm", 0.5), ("width_mm", 20), ("passes", 1), ("passes", 9)]
)
def test_bounds_are_included(name: str, value: float) -> None:
    assert getattr(Own.from_values({name: value}), name) == value


def test_b_values_may_come_as_the_list_that_json_makes_of_them() -> None:
    assert Own.from_values({"targets": [400, 800]}).targets == (400, 800)


@pytest.mark.parametrize("change", [Own.from_values, Own().with_settings])
def test_an_unknown_name_is_refused_with_those_there_are(change: Any) -> None:
    with pytest.raises(BadInputError, match="unknown parameter widht_mm") as caught:
        change({"widht_mm": "2"})
    assert caught.value.expected == "one of width_mm, passes, edge, targets, strict"


def test_settings_keep_what_was_set_before() -> None:
    assert Own(passes=7).with_settings({"edge": "mirror"}) == Own(passes=7, edge="mirror")


def test_values_survive_the_way_through_a_dict() -> None:
    parameters = Own(width_mm=4.0, targets=(400.0,), strict=True)
    assert Own.from_values(parameters.as_dict()) == parameters


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Own().passes = 5  # type: ignore[misc]


def test_labels_are_words_with_the_unit_said_once() -> None:
    labels = {parameter.name: parameter.label for parameter in Own.declared()}
    assert labels["width_mm"] == "width (mm)"
    assert labels["passes"] == "passes"
    assert labels["targets"] == "targets (s/mm2)"


def test_only_the_parameters_so_declared_are_advanced() -> None:
    assert [parameter.name for parameter in Own.declared() if parameter.advanced] == ["passes"]


def test_a_file_is_text_and_may_be_left_out() -> None:
    @dataclass(frozen=True, kw_only=True)
    class WithFile(Parameters):
        weights: str = file_path(help="Weights to use.")

    assert WithFile().weights == ""
    assert WithFile().with_settings({"weights": "a b.safetensors"}).weights == "a b.safetensors"
    with pytest.raises(BadInputError, match="expected a file, or nothing"):
        WithFile.from_values({"weights": 3})


@dataclass(frozen=True, kw_only=True)
class Listed(Parameters):
    widths: tuple[int, ...] = whole_list((16, 32), low=1, high=512, help="Channels at each resolution.")


def test_whole_numbers_are_told_as_a_list() -> None:
    assert Listed().with_settings({"widths": "8, 16 32"}).widths == (8, 16, 32)
    assert Listed.from_values({"widths": [8]}).widths == (8,)


@pytest.mark.parametrize("text", ["16, 0", "513", "1.5", "wide"])
def test_a_list_with_one_number_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="parameter widths cannot be used") as caught:
        Listed().with_settings({"widths": text})
    assert caught.value.expected == "whole numbers from 1 to 512"
