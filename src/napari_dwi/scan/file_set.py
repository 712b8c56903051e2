"""Writing several files so that either all of them appear under their names, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from napari_dwi.errors import CannotWriteError
from napari_dwi.scan.partial_files import partial_name, remove_stale_partials

_OTHER_PLACE = "Choose another name or folder."


@dataclass
class _Pending:
    """A file waiting for its name; ``earlier`` is what kept the name until then."""

    path: Path
    partial: Path
    earlier: Path | None = None
    named: bool = False


class FileSet:
    """Files being written beside their final places, under names that nothing else reads.

    Use `file_set`, which gives them their names at the end or removes every trace.
    """

    def __init__(self, protected: Iterable[Path]) -> None:
        self._protected = tuple(protected)
        self._pending: list[_Pending] = []
        self._made: list[Path] = []

    def add_folder(self, folder: Path) -> Path:
        """Have a folder that files of the set go into; made now, and removed again with the set.

        Raises
        ------
        CannotWriteError
            If it cannot be made.
        """
        with disk_errors(folder):
            # The innermost first, as they are removed.
            self._made = [
                *(parent for parent in (folder, *folder.parents) if not parent.exists()),
                *self._made,
            ]
            folder.mkdir(parents=True, exist_ok=True)
            remove_stale_partials(folder)
        return folder

    def add(self, path: Path, write: Callable[[BinaryIO], None]) -> Path:
        """Write one file under a temporary name and return that name.

        Raises
        ------
        CannotWriteError
            If the file is one of the inputs, or the disk refuses it.
        """
        with disk_errors(path):
            if any(_same_file(path, file) for file in self._protected):
                raise CannotWriteError(
                    "this is one of the input files, which are never overwritten",
                    file=path,
                    remedy=_OTHER_PLACE,
                )
            # Found out only when the names are given, this would leave half of the set behind.
            if path.is_dir():
                raise CannotWriteError("there is a folder of that name", file=path, remedy=_OTHER_PLACE)
            if path.exists() and not path.is_file():
                raise CannotWriteError(
                    "what has that name is no ordinary file", file=path, remedy=_OTHER_PLACE
                )
        partial = path.with_name(partial_name(path.name, uuid.uuid4().hex[:8]))
        self._pending.append(_Pending(path, partial))
        with disk_errors(path), partial.open("xb") as file:
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
        for one in self._pending:
            with disk_errors(one.path):
                one.earlier = _kept(one.path)
                one.partial.replace(one.path)
                one.named = True
        for folder in {one.path.parent for one in self._pending}:
            _sync_folder(folder)

    def _tidy(self) -> None:
        """Forget the earlier files: the new ones have taken their names."""
        for one in self._pending:
            _remove(one.earlier)

    def _undo(self) -> None:
        """Put back what was there before, in the opposite order."""
        for one in reversed(self._pending):
            _remove(one.partial)
            if one.earlier is not None:
                with contextlib.suppress(OSError):
                    one.earlier.replace(one.path)
                # Two names of one file: giving it the name that it has already leaves both.
                _remove(one.earlier)
            elif one.named:
                _remove(one.path)
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def file_set(folder: Path, never_over: Iterable[Path] = ()) -> Iterator[FileSet]:
    """Collect the files of one result; they get their names when the block ends without error.

    Every single file is whole at every moment, even if the process is killed while the names are
    given: what it leaves under temporary names is removed by the next set written there.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it does not exist.
    never_over : iterable of Path
        Input files, which must not be overwritten by any of their names.

    Raises
    ------
    CannotWriteError
        If the folder or a file cannot be written. Nothing is left behind and earlier files are
        untouched.
    """
    files = FileSet(never_over)
    complete = False
    try:
        files.add_folder(folder)
        yield files
        files._commit()
        complete = True
        files._tidy()
    finally:
        if not complete:
            files._undo()


def check_writable(folder: Path) -> None:
    """Raise `CannotWriteError` if files could not be written into a folder; leaves no trace.

    Worth asking before minutes of computing, whose result would have nowhere to go.
    """
    with contextlib.suppress(_Undo), file_set(folder) as files:
        files.add_text(folder / "writable", "")
        raise _Undo


class _Undo(Exception):  # noqa: N818 - no error: it makes a file set forget itself
    """Leave a file set without a trace."""


def _same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file: by links of either kind, or by the spelling of the name."""
    if path.exists() and other.exists():
        return path.samefile(other)
    return path.resolve() == other.resolve()


def _kept(path: Path) -> Path | None:
    """A second name for a file, from which it can come back; ``None`` if there is no such file."""
    if not os.path.lexists(path):
        return None
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    earlier = path.with_name(partial_name(path.name, uuid.uuid4().hex[:8]))
    try:
        os.link(path, earlier, follow_symlinks=False)
    except (OSError, NotImplementedError):
        # No second names on this disk: then there is none under the first for a moment.
        path.replace(earlier)
    return earlier


def _remove(path: Path | None) -> None:
    if path is not None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the names on the disk too; not every system and network disk can."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Have what the disk refuses within the block raised as `CannotWriteError`, naming a path."""
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
