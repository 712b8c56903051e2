"""Reading JSON files that others may have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_dwi.errors import BadInputError

# Sidecars take kilobytes; a file far beyond that is something else.
_LARGEST_BYTES = 10_000_000


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    BadInputError
        If the file cannot be read, is too large, or does not hold a JSON object.
    """
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= _LARGEST_BYTES else ""
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err
    except UnicodeDecodeError as err:
        raise BadInputError("this is not a text file", file=path, expected="JSON") from err
    if size > _LARGEST_BYTES:
        raise BadInputError("too large for a JSON sidecar", file=path, found=f"{size} bytes")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise BadInputError("this is not a JSON file", file=path, found=str(err)) from err
    if not isinstance(said, dict):
        raise BadInputError(
            "not the JSON expected here", file=path, expected="an object", found=type(said).__name__
        )
    return said
