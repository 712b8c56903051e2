"""JSON as frozen dataclasses: what a file says is checked against their annotations, field by field."""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from napari_dwi.errors import BadInputError

_T = TypeVar("_T")
_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a finite number"),
}


def from_json(kind: type[_T], said: Any, file: Path) -> _T:
    """Make a dataclass from what a JSON file says.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are text, numbers, booleans, literals, tuples of one kind, mappings
        by text or whole number, optional ones of these, or such dataclasses. Missing keys take the
        default of their field.
    said : object
        As `json.loads` gave it.
    file : Path
        For the message.

    Raises
    ------
    BadInputError
        If a key is unknown or missing, or a value is not of its kind; it names the key, and those known.
    """
    made: _T = _value(kind, said, "", file)
    return made


def to_json(made: Any) -> dict[str, Any]:
    """What `from_json` reads back, ready for `json.dumps`."""
    return dataclasses.asdict(made)


def _value(kind: Any, said: Any, where: str, file: Path) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if said is None:
            return None
        (kind,) = (one for one in inner if one is not type(None))
        return _value(kind, said, where, file)
    if origin is Literal:
        if not isinstance(said, str) or said not in inner:
            raise _wrong("one of " + ", ".join(map(str, inner)), said, where, file)
        return said
    if origin is tuple:
        if not isinstance(said, list | tuple):
            raise _wrong("a list", said, where, file)
        if Ellipsis not in inner and len(said) != len(inner):
            raise _wrong(f"a list of {len(inner)}", said, where, file)
        return tuple(_value(inner[0], one, f"{where}[{n}]", file) for n, one in enumerate(said))
    if origin in (dict, Mapping):
        if not isinstance(said, Mapping):
            raise _wrong("an object", said, where, file)
        return {
            _key(inner[0], key, where, file): _value(inner[1], one, _below(where, str(key)), file)
            for key, one in said.items()
        }
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _object(kind, said, where, file)
    if kind is Any:
        return said
    return _plain(kind, said, where, file)


def _object(kind: Any, said: Any, where: str, file: Path) -> Any:
    if not isinstance(said, Mapping):
        raise _wrong("an object", said, where, file)
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := [key for key in said if key not in fields]:
        raise BadInputError(
            f"unknown key {_below(where, str(unknown[0]))}",
            file=file,
            expected="one of " + ", ".join(fields),
        )
    values = {}
    for name, field in fields.items():
        if name in said:
            values[name] = _value(hints[name], said[name], _below(where, name), file)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise BadInputError(f"the key {_below(where, name)} is missing", file=file)
    return kind(**values)


def _plain(kind: Any, said: Any, where: str, file: Path) -> Any:
    kinds, expected = _PLAIN[kind]
    # Python counts booleans among the whole numbers.
    wrong = not isinstance(said, kinds) or (isinstance(said, bool) and kind is not bool)
    # Written so that NaN fails too, and whole numbers beyond all floats.
    if wrong or (kind is float and not abs(said) <= sys.float_info.max):
        raise _wrong(expected, said, where, file)
    return kind(said)


def _key(kind: Any, said: Any, where: str, file: Path) -> Any:
    # In JSON every key is text.
    if kind is not int:
        return said
    try:
        return int(said)
    except ValueError as err:
        raise _wrong("whole numbers as keys", said, where, file) from err


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _wrong(expected: str, said: Any, where: str, file: Path) -> BadInputError:
    found = repr(said)
    return BadInputError(
        f"{where or 'the file'} cannot be used",
        file=file,
        expected=expected,
        found=found if len(found) <= 60 else f"{found[:60]}...",
    )
