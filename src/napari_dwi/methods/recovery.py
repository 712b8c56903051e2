"""Sessions kept on the disk while they last, so that a crash loses nothing that was finished.

Every running session has a folder of its own with a lock that the system releases when the process
dies, however it dies: a folder whose lock is free belongs to nobody any more.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import filelock
import platformdirs

from napari_dwi.errors import BadInputError, CannotWriteError
from napari_dwi.methods.session import Session, read_session
from napari_dwi.methods.session_folder import SessionFolder

FOLDER_VARIABLE = "NAPARI_DWI_RECOVERY"
KEPT_DAYS = 30

_LOCK = "lock"
# Process, time, chance. Whatever else may lie where the user points us is none of our business.
_NAME = re.compile(r"\d+-\d{8}T\d{6}-[0-9a-f]{6}")
_ONLY_MINE = 0o700
# Somebody who looks whether the lock is free holds it for a moment.
_LOCK_SECONDS = 5.0


@dataclass(frozen=True)
class Abandoned:
    """A session whose process is gone.

    Parameters
    ----------
    folder : Path
        Its folder.
    session : Session
        What it holds, all of it complete.
    when : datetime
        When it was last written, UTC.
    """

    folder: Path
    session: Session
    when: datetime


class KeptSession:
    """The folder of a living session; `close` or `discard` it at the end.

    Use `keep_session` or `take_over`.
    """

    def __init__(self, folder: Path, lock: filelock.BaseFileLock) -> None:
        self.files = SessionFolder(folder, suffix=".nii")
        self._lock = lock

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self.files.folder

    def close(self) -> None:
        """Leave the folder for another session to recover."""
        self._lock.release()

    def discard(self) -> None:
        """Remove the folder with all there is in it."""
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)


def recovery_folder() -> Path:
    """Where the sessions of this user are kept; NAPARI_DWI_RECOVERY names another place."""
    if named := os.environ.get(FOLDER_VARIABLE):
        return Path(named)
    return platformdirs.user_data_path("napari-dwi", appauthor=False) / "recovery"


def keep_session() -> KeptSession:
    """Make a folder for a new session, which only this user can read.

    Raises
    ------
    CannotWriteError
        If that is not possible.
    """
    top = recovery_folder()
    now = datetime.now(UTC)
    folder = top / f"{os.getpid()}-{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"
    try:
        top.mkdir(mode=_ONLY_MINE, parents=True, exist_ok=True)
        folder.mkdir(mode=_ONLY_MINE)
        lock = _lock_of(folder)
        lock.acquire(timeout=_LOCK_SECONDS)
    except (OSError, NotImplementedError) as err:
        with contextlib.suppress(OSError):
            folder.rmdir()
        raise CannotWriteError(
            "unfinished sessions cannot be kept here",
            file=top,
            found=getattr(err, "strerror", None) or str(err),
            remedy=f"Save your results, or name another folder by {FOLDER_VARIABLE}.",
        ) from err
    return KeptSession(folder, lock)


def abandoned_sessions() -> tuple[Abandoned, ...]:
    """Sessions with something to recover whose process is gone, the latest first."""
    found = []
    for folder in _folders_without_owner():
        try:
            session = read_session(folder)
            when = datetime.fromisoformat(session.saved_utc)
        except (BadInputError, ValueError):
            # Killed before anything was complete, or made by a newer version.
            continue
        if session.results or session.regions is not None:
            found.append(Abandoned(folder, session, when))
    return tuple(sorted(found, key=lambda one: one.when, reverse=True))


def take_over(folder: Path) -> KeptSession | None:
    """Make an abandoned session one's own; ``None`` if another window was quicker."""
    lock = _lock_of(folder)
    try:
        lock.acquire(timeout=0)
    except (OSError, NotImplementedError):
        return None
    return KeptSession(folder, lock)


def remove_old_sessions(days: float = KEPT_DAYS) -> int:
    """Remove abandoned sessions that nobody has asked for within so many days; how many."""
    count = 0
    for folder in _folders_without_owner():
        with contextlib.suppress(OSError):
            age = datetime.now(UTC).timestamp() - max(
                file.stat().st_mtime for file in (folder, *folder.glob("*.json"))
            )
            if age > days * 24 * 3600 and (kept := take_over(folder)) is not None:
                kept.discard()
                count += 1
    return count


def _folders_without_owner() -> Iterator[Path]:
    top = recovery_folder()
    try:
        folders = [one for one in top.iterdir() if _NAME.fullmatch(one.name) and not one.is_symlink()]
    except OSError:
        return
    for folder in folders:
        if (kept := take_over(folder)) is not None:
            kept.close()
            yield folder


def _lock_of(folder: Path) -> filelock.BaseFileLock:
    # A result is written on one thread and the session closed on another: the lock is of the process.
    return filelock.FileLock(folder / _LOCK, thread_local=False)
