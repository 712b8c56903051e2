"""Saying of an error where it arose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_dwi.errors import BadInputError


@contextmanager
def arising_in(where: Path | str) -> Iterator[None]:
    """Have every `BadInputError` of the block say where it arose, before the file it names.

    Parameters
    ----------
    where : path or str
        A file, or a line of one.
    """
    try:
        yield
    except BadInputError as err:
        raise type(err)(
            err.what,
            file=where if err.file is None else f"{where}: {err.file}",
            expected=err.expected,
            found=err.found,
            remedy=err.remedy,
            offers=err.offers,
        ) from err
