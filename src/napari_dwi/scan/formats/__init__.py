"""The file formats there are: every module here that declares ``FORMAT``."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.byte_stream import open_bytes
from napari_dwi.scan.image_file import Format

__all__ = ["all_formats", "format_of", "is_claimed", "is_image_name"]

_START_BYTES = 1024
_FALLBACK = "NIfTI"


@functools.cache
def all_formats() -> tuple[Format, ...]:
    """All formats in alphabetical order of their modules.

    A format is one module of ``scan/formats/`` with a ``FORMAT``; modules whose names begin with an
    underscore are shared parts.
    """
    modules = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    )
    return tuple(module.FORMAT for module in modules if hasattr(module, "FORMAT"))


def is_image_name(path: Path) -> bool:
    """Whether a file has the name of an image of any format."""
    return any(path.name.lower().endswith(one.suffixes) for one in all_formats() if one.suffixes)


def is_claimed(path: Path) -> bool:
    """Whether a file is an image of some format, told from what it holds."""
    try:
        return bool(_claiming(path))
    except BadInputError:
        return False


def format_of(path: Path) -> Format:
    """The format of a file or folder, told from what it holds and not from its name.

    What no format claims is taken for NIfTI, whose reader says what is wrong with it.

    Raises
    ------
    BadInputError
        If the file cannot be read.
    """
    return next(iter(_claiming(path)), _fallback())


def _claiming(path: Path) -> list[Format]:
    start = b""
    if not path.is_dir():
        with open_bytes(path) as stream:
            start = stream.read(_START_BYTES)
    return [one for one in all_formats() if one.claims(path, start)]


def _fallback() -> Format:
    return next(one for one in all_formats() if one.name == _FALLBACK)
