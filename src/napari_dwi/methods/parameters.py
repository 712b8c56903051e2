"""Parameters of a method, declared once; forms, options and documentation are made from them.

A method's parameters are a frozen dataclass derived from `Parameters`, with fields made by
`number`, `whole`, `whole_list`, `flag`, `choice`, `b_value_list` and `file_path`::

    @dataclass(frozen=True, kw_only=True)
    class GaussianParameters(Parameters):
        sigma_mm: float = number(1.5, low=0.1, high=20, unit="mm", help="Width of the kernel.")
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from napari_dwi.errors import BadInputError

ParameterKind = Literal["number", "whole", "wholes", "flag", "choice", "b_values", "file"]

_LISTS = ("wholes", "b_values")
_TRUE_WORDS = ("true", "yes", "on", "1")
_FALSE_WORDS = ("false", "no", "off", "0")


@dataclass(frozen=True)
class Parameter:
    """One parameter as users meet it.

    Parameters
    ----------
    name : str
        The field's name, used in ``--set name=value``.
    kind : str
        ``"number"``, ``"whole"``, ``"wholes"`` (some whole numbers), ``"flag"``, ``"choice"``,
        ``"b_values"`` or ``"file"``.
    default : object
        Value when nothing is said.
    help : str
        One line in the field's own words.
    unit : str
        Unit of numbers; empty for pure numbers.
    low, high : float, optional
        Smallest and largest value allowed, both included; of a list, for each of its numbers.
    choices : tuple of str
        The words allowed, for ``"choice"``.
    advanced : bool
        Whether the form keeps it out of sight at first.
    zero : str
        What the number 0 stands for, in a word or two; empty where it is a number like others.
    """

    name: str
    kind: ParameterKind
    default: Any
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    advanced: bool = False
    zero: str = ""

    @property
    def label(self) -> str:
        """The name as words, with the unit."""
        words = self.name.replace("_", " ")
        if self.unit and words.endswith(f" {self.unit}"):
            words = words[: -len(self.unit) - 1]
        return f"{words} ({self.unit})" if self.unit else words

    def parsed(self, text: str) -> Any:
        """The value written as text, as on the command line.

        Raises
        ------
        BadInputError
            If the text is not such a value.
        """
        try:
            if self.kind == "number":
                return float(text)
            if self.kind == "whole":
                return int(text)
            if self.kind == "wholes":
                return tuple(int(number) for number in _split(text))
            if self.kind == "b_values":
                return () if text.strip() in ("", "all") else tuple(float(b) for b in _split(text))
        except ValueError:
            raise self._wrong(repr(text)) from None
        if self.kind in ("choice", "file"):
            return text
        word = text.strip().lower()
        if word not in _TRUE_WORDS + _FALSE_WORDS:
            raise self._wrong(repr(text))
        return word in _TRUE_WORDS

    def check(self, value: Any) -> None:
        """Raise `BadInputError` unless the value is of the right kind and within bounds."""
        kind_ok = {
            "number": isinstance(value, (int, float)) and not isinstance(value, bool),
            "whole": isinstance(value, int) and not isinstance(value, bool),
            "wholes": isinstance(value, tuple) and all(type(number) is int for number in value),
            "flag": isinstance(value, bool),
            "choice": value in self.choices,
            "b_values": isinstance(value, tuple) and all(isinstance(b, (int, float)) for b in value),
            "file": isinstance(value, str),
        }[self.kind]
        if not kind_ok:
            raise self._wrong(repr(value))
        if self.kind not in ("number", "whole", "wholes"):
            return
        for number in value if self.kind == "wholes" else (value,):
            # Written so that NaN fails too.
            above = self.low is None or number >= self.low
            below = self.high is None or number <= self.high
            if not (above and below):
                raise self._wrong(f"{number:g}")

    def expected(self) -> str:
        """The values allowed, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        if self.kind == "flag":
            return "yes or no"
        if self.kind == "b_values":
            return "b-values separated by commas, or all"
        if self.kind == "file":
            return "a file, or nothing"
        what = {"whole": "a whole number", "wholes": "whole numbers"}.get(self.kind, "a number")
        return f"{what} from {self.low:g} to {self.high:g}" if self.low is not None else what

    def _wrong(self, found: str) -> BadInputError:
        return BadInputError(f"parameter {self.name} cannot be used", expected=self.expected(), found=found)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Base of all parameter declarations; checks every value against its declaration."""

    def __post_init__(self) -> None:
        for parameter in self.declared():
            parameter.check(getattr(self, parameter.name))

    @classmethod
    def declared(cls) -> tuple[Parameter, ...]:
        """The parameters: the method's own in the order of their declaration, then inherited ones."""
        own = inspect.get_annotations(cls)
        fields = sorted(dataclasses.fields(cls), key=lambda field: field.name not in own)
        return tuple(dataclasses.replace(field.metadata["parameter"], name=field.name) for field in fields)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Make parameters from values by name; missing ones keep their default.

        Raises
        ------
        BadInputError
            If a name is unknown or a value cannot be used.
        """
        known = {parameter.name: parameter for parameter in cls.declared()}
        if unknown := set(values) - set(known):
            raise BadInputError(
                f"unknown parameter {sorted(unknown)[0]}", expected="one of " + ", ".join(known)
            )
        typed = {
            name: tuple(value) if known[name].kind in _LISTS and isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**typed)

    def with_settings(self, settings: Mapping[str, str]) -> Self:
        """These parameters with some replaced by values written as text; as `from_values`."""
        known = {parameter.name: parameter for parameter in self.declared()}
        values = self.as_dict() | {
            name: known[name].parsed(text) if name in known else text for name, text in settings.items()
        }
        return self.from_values(values)

    def as_dict(self) -> dict[str, Any]:
        """All values by name."""
        return {parameter.name: getattr(self, parameter.name) for parameter in self.declared()}


def number(
    default: float,
    *,
    low: float,
    high: float,
    help: str,
    unit: str = "",
    advanced: bool = False,
    zero: str = "",
) -> Any:
    """A real number within bounds."""
    return _field(Parameter("", "number", default, help, unit, low, high, advanced=advanced, zero=zero))


def noise_level() -> Any:
    """Declare a noise level that is estimated unless it is typed."""
    return number(
        0.0,
        low=0,
        high=1e9,
        help="Noise level sigma, in scanner units; 0 estimates it from the scan.",
        zero="estimated",
    )


def whole(default: int, *, low: int, high: int, help: str, unit: str = "", advanced: bool = False) -> Any:
    """A whole number within bounds."""
    return _field(Parameter("", "whole", default, help, unit, low, high, advanced=advanced))


def whole_list(
    default: tuple[int, ...], *, low: int, high: int, help: str, unit: str = "", advanced: bool = False
) -> Any:
    """Some whole numbers, each within bounds."""
    return _field(Parameter("", "wholes", default, help, unit, low, high, advanced=advanced))


def flag(default: bool, *, help: str, advanced: bool = False) -> Any:
    """Yes or no."""
    return _field(Parameter("", "flag", default, help, advanced=advanced))


def choice(default: str, choices: tuple[str, ...], *, help: str, advanced: bool = False) -> Any:
    """One of several words."""
    return _field(Parameter("", "choice", default, help, choices=choices, advanced=advanced))


def b_value_list(*, help: str, advanced: bool = False) -> Any:
    """Some of the b-values of the series (s/mm2); none given means all."""
    return _field(Parameter("", "b_values", (), help, "s/mm2", advanced=advanced))


def file_path(*, help: str, advanced: bool = False) -> Any:
    """A file, by its path as text; empty for none."""
    return _field(Parameter("", "file", "", help, advanced=advanced))


def _field(parameter: Parameter) -> Any:
    return dataclasses.field(default=parameter.default, metadata={"parameter": parameter})


def _split(text: str) -> list[str]:
    return text.replace(",", " ").split()
