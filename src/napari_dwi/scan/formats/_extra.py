"""Formats whose library is installed only when asked for."""

from __future__ import annotations

from pathlib import Path

from napari_dwi.errors import BadInputError


def missing_extra(what: str, path: Path) -> BadInputError:
    """The error that names the extra a format needs."""
    return BadInputError(
        f"reading {what} needs the extra 'formats', which is not installed",
        file=path,
        remedy='Run pip install "napari-dwi[formats]".',
    )
