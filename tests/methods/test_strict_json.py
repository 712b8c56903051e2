from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.methods.strict_json import from_json, to_json

FILE = Path("made.json")


@dataclass(frozen=True)
class Part:
    size: float
    colour: Literal["red", "blue"] = "red"


@dataclass(frozen=True)
class Whole:
    name: str
    parts: tuple[Part, ...] = ()
    best: Part | None = None
    counts: dict[str, int] = field(default_factory=dict)
    ready: bool = False
    anything: dict[str, Any] = field(default_factory=dict)


parts = st.builds(Part, st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["red", "blue"]))
wholes = st.builds(
    Whole,
    st.text(),
    st.lists(parts).map(tuple),
    st.none() | parts,
    st.dictionaries(st.text(), st.integers()),
    st.booleans(),
    st.dictionaries(st.text(), st.none() | st.text() | st.integers()),
)


@given(wholes)
def test_what_was_written_is_read_back(whole: Whole) -> None:
    assert from_json(Whole, json.loads(json.dumps(to_json(whole))), FILE) == whole


def test_what_is_not_said_keeps_its_default() -> None:
    assert from_json(Whole, {"name": "a"}, FILE) == Whole("a")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([], "made.json: the file cannot be used; expected an object, found"),
        ({}, "the key name is missing"),
        ({"name": 1}, "name cannot be used; expected text, found 1"),
        ({"name": "a", "sise": 2}, "unknown key sise; expected one of name, "),
        (
            {"name": "a", "parts": [{"size": 1}, {"size": "2"}]},
            r"parts\[1\].size cannot be used; expected a f",
        ),
        ({"name": "a", "parts": [{"size": 1, "x": 1}]}, r"unknown key parts\[0\].x"),
        ({"name": "a", "parts": {"size": 1}}, "parts cannot be used; expected a list"),
        (
            {"name": "a", "best": {"size": 1, "colour": "green"}},
            "best.colour.*one of red, blue, found",
        ),
        ({"name": "a", "best": {"size": float("nan")}}, "best.size cannot be used; expected a finite"),
        ({"name": "a", "best": {"size": 10**400}}, "best.size cannot be used; expected a finite"),
        (
            {"name": "a", "counts": {"b": True}},
            "counts.b cannot be used; expected a whole number, found T",
        ),
        ({"name": "a", "ready": 1}, "ready cannot be used; expected true or false"),
        ({"name": ["x" * 1000]}, r"found \['x{10,60}\.\.\."),
    ],
)
def test_anything_else_is_refused_and_named(said: Any, problem: str) -> None:
    with pytest.raises(BadInputError, match=problem) as caught:
        from_json(Whole, said, FILE)
    assert caught.value.file == FILE
