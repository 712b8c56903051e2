"""Zipped folders: unpacked into a private folder for as long as they are read.

Nothing in an archive decides where anything is written: its members become numbered files, so that
names that climb out of the folder, are absolute, or differ only in case can do no harm.
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from napari_dwi.errors import BadInputError

Check = Callable[[], None]

_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_MOST_FILES = 200_000
_MOST_BYTES = 32 * 1024**3
# Images shrink to a third, black background and headers to a few hundredths; bombs far beyond.
_HIGHEST_RATIO = 200
_HARMLESS_BYTES = 64 * 1024**2
# Unpacking leaves room on the disk for whatever else is running.
_SHARE_OF_FREE_DISK = 0.8
_CHUNK_BYTES = 4 * 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, ValueError)


@dataclass(frozen=True)
class Unpacked:
    """An archive while its files can be read.

    Parameters
    ----------
    folder : Path
        Holds one numbered file for every file of the archive, in folders as in the archive.
    members : dict of Path to str
        What each of these files is called in the archive.
    """

    folder: Path
    members: dict[Path, str]


def is_archive_name(path: Path) -> bool:
    """Whether a path has the name of an archive that can be opened like a folder."""
    return path.name.lower().endswith(_SUFFIXES)


@contextmanager
def unpacked(path: Path, *, check: Check | None = None) -> Iterator[Unpacked]:
    """Unpack an archive into a folder only this user can enter, and remove it afterwards.

    Links, devices and hidden files are passed over.

    Parameters
    ----------
    path : Path
        A .zip, .tar, .tar.gz or .tgz file.
    check : callable, optional
        Called for every member and every few megabytes; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If it is damaged, encrypted, too large, or holds a name that leads out of its folder.
    """
    # mkdtemp makes folders that only their owner can enter.
    folder = Path(tempfile.mkdtemp(prefix="napari-dwi-"))
    try:
        try:
            members = _unpack(path, folder, check)
        except _DAMAGED as err:
            if isinstance(err, BadInputError):
                raise
            raise BadInputError(
                "this archive cannot be read",
                file=path,
                expected="a whole .zip or .tar file",
                found=_why(err),
                remedy="Copy it again, or unpack it yourself and open the folder.",
            ) from err
        yield Unpacked(folder, members)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(path: Path, folder: Path, check: Check | None) -> dict[Path, str]:
    budget = _Budget(path, folder)
    members: dict[Path, str] = {}
    folders: dict[str, Path] = {}
    for name, content in _members(path, budget):
        if check is not None:
            check()
        parent = folders.setdefault(str(PurePosixPath(name).parent), folder / f"{len(folders):06d}")
        parent.mkdir(exist_ok=True)
        target = parent / f"{len(members):06d}"
        with content, target.open("xb") as out:
            while chunk := content.read(_CHUNK_BYTES):
                if check is not None:
                    check()
                budget.spend(len(chunk))
                out.write(chunk)
        members[target] = name
    return members


def _members(path: Path, budget: _Budget) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of every plain file of an archive."""
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            # What a bomb claims is believed at once; what it hides is counted while unpacking.
            budget.foresee(sum(entry.file_size for entry in entries))
            for entry in entries:
                if _is_wanted(path, entry.filename, budget) and not entry.is_dir() and not _is_link(entry):
                    yield entry.filename, _open_entry(path, archive, entry)
        return
    with tarfile.open(path) as tar:
        for item in tar:
            if not _is_wanted(path, item.name, budget) or not item.isreg():
                continue
            content = tar.extractfile(item)
            if content is not None:
                yield item.name, content


def _open_entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(entry)
    except (RuntimeError, NotImplementedError) as err:
        # A password is asked for by RuntimeError, a foreign compression by NotImplementedError.
        raise BadInputError(
            "this archive is encrypted or compressed in a way unknown here",
            file=path,
            remedy="Unpack it yourself and open the folder.",
        ) from err


def _is_wanted(path: Path, name: str, budget: _Budget) -> bool:
    budget.count()
    plain = PurePosixPath(name.replace("\\", "/"))
    if plain.is_absolute() or PureWindowsPath(name).drive or ".." in plain.parts:
        raise BadInputError(
            "this archive holds a file that would be written outside of its folder",
            file=path,
            expected="names below one folder",
            remedy="Do not trust it; ask for the scans as a plain folder.",
        )
    return not plain.name.startswith(".")


def _is_link(entry: zipfile.ZipInfo) -> bool:
    return (entry.external_attr >> 16) & 0o170000 == 0o120000


class _Budget:
    """How many files and bytes may still come out of an archive."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._files = 0
        self._bytes = 0
        by_ratio = max(_HARMLESS_BYTES, _HIGHEST_RATIO * path.stat().st_size)
        free = int(_SHARE_OF_FREE_DISK * shutil.disk_usage(folder).free)
        self._most_bytes = min(_MOST_BYTES, by_ratio, free)

    def count(self) -> None:
        self._files += 1
        if self._files > _MOST_FILES:
            self._refuse(f"at most {_MOST_FILES} files", "more")

    def foresee(self, n_bytes: int) -> None:
        if n_bytes > self._most_bytes:
            self._refuse(f"at most {self._most_bytes / 1e9:.1f} GB unpacked", f"{n_bytes / 1e9:.1f} GB")

    def spend(self, n_bytes: int) -> None:
        self._bytes += n_bytes
        if self._bytes > self._most_bytes:
            self._refuse(f"at most {self._most_bytes / 1e9:.1f} GB unpacked", "more")

    def _refuse(self, expected: str, found: str) -> None:
        raise BadInputError(
            "this archive is too large to unpack",
            file=self._path,
            expected=expected,
            found=found,
            remedy="If you trust it, unpack it yourself and open the folder.",
        )


def _why(err: Exception) -> str:
    if isinstance(err, OSError) and err.strerror:
        return err.strerror
    return "a damaged or cut file"
