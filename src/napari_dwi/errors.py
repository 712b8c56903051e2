"""The one family of errors a user is meant to read.

Every message names the file, what was expected, what was found and what to do, in one line, so that
the command line can print it as it stands and a dialog can show it without a traceback.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class DwiError(Exception):
    """Something went wrong that the user can understand and act on.

    Parameters
    ----------
    what : str
        The problem in a few words.
    file : path or str, optional
        The file or folder concerned.
    expected, found : str, optional
        What should have been there, and what was.
    remedy : str, optional
        What the user can do about it.
    offers : tuple of str
        What the user may allow to have it read nevertheless (see `napari_dwi.scan.allowances`).
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        file: Path | str | None = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
        offers: tuple[str, ...] = (),
    ) -> None:
        self.offers = offers
        self.what = what
        self.file = file
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(self._one_line())

    def _one_line(self) -> str:
        text = self.what if self.file is None else f"{self.file}: {self.what}"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        if self.found is not None:
            text += f"{',' if self.expected is not None else ';'} found {self.found}"
        if self.remedy is not None:
            text += f". {self.remedy}"
        return " ".join(text.split())


class BadInputError(DwiError, ValueError):
    """A file, a parameter or a choice that cannot be used as given."""

    exit_code = 2


class CannotWriteError(DwiError, OSError):
    """An output could not be written; whatever stood there before is untouched."""

    exit_code = 2


class MethodFailedError(DwiError, RuntimeError):
    """A method started with good input and could not finish."""

    exit_code = 1


class Stopped(Exception):  # noqa: N818 - stopping is what the user asked for, not an error
    """The user stopped a job; nothing of it is kept."""

    exit_code: ClassVar[int] = 130
