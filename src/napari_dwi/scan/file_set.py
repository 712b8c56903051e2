"""Writing several files so that either all of them appear under their names, or none."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from napari_dwi.errors import CannotWriteError


class FileSet:
    """Files being written beside their final places, under names that nothing else reads.

    Use `file_set`, which gives them their names at the end or removes every trace.
    """

    def __init__(self, protected: frozenset[Path]) -> None:
        self._protected = protected
        self._partials: list[tuple[Path, Path]] = []

    def add(self, path: Path, write: Callable[[BinaryIO], None]) -> Path:
        """Write one file under a temporary name and return that name.

        Raises
        ------
        CannotWriteError
            If the file is one of the inputs, or the disk refuses it.
        """
        if path.resolve() in self._protected:
            raise CannotWriteError(
                "this is one of the input files, which are never overwritten",
                file=path,
                remedy="Choose another name or folder.",
            )
        # Found out only when the names are given, this would leave half of the set behind.
        with _disk_errors(path):
            if path.is_dir():
                raise CannotWriteError(
                    "there is a folder of that name", file=path, remedy="Choose another name or folder."
                )
        # Cut, so that the longest name a file may have still leaves room for the rest.
        partial = path.with_name(f".{path.name[:32]}.{uuid.uuid4().hex[:8]}.partial")
        self._partials.append((path, partial))
        with _disk_errors(path), partial.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        return partial

    def add_text(self, path: Path, text: str) -> Path:
        """Write one UTF-8 text file; as `add`."""

        def write(file: BinaryIO) -> None:
            file.write(text.encode())

        return self.add(path, write)

    def _commit(self) -> None:
        for path, partial in self._partials:
            with _disk_errors(path):
                partial.replace(path)

    def _discard(self) -> None:
        for _, partial in self._partials:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)


@contextlib.contextmanager
def file_set(folder: Path, never_over: Iterable[Path] = ()) -> Iterator[FileSet]:
    """Collect the files of one result; they get their names when the block ends without error.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it does not exist.
    never_over : iterable of Path
        Input files, which must not be overwritten.

    Raises
    ------
    CannotWriteError
        If the folder or a file cannot be written. Nothing is left behind and earlier files are
        untouched.
    """
    files = FileSet(frozenset(path.resolve() for path in never_over))
    made: list[Path] = []
    complete = False
    try:
        with _disk_errors(folder):
            made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
            folder.mkdir(parents=True, exist_ok=True)
        yield files
        files._commit()
        complete = True
    finally:
        if not complete:
            files._discard()
            for parent in made:
                with contextlib.suppress(OSError):
                    parent.rmdir()


def check_writable(folder: Path) -> None:
    """Raise `CannotWriteError` if files could not be written into a folder; leaves no trace.

    Worth asking before minutes of computing, whose result would have nowhere to go.
    """
    with contextlib.suppress(_Undo), file_set(folder) as files:
        files.add_text(folder / "writable", "")
        raise _Undo


class _Undo(Exception):  # noqa: N818 - no error: it makes a file set forget itself
    """Leave a file set without a trace."""


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except CannotWriteError:
        raise
    except OSError as err:
        raise CannotWriteError(
            "cannot be written",
            file=path,
            found=err.strerror or str(err),
            remedy="Choose a folder on a disk with free space where you may write.",
        ) from err
