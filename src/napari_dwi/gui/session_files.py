"""Saving and opening sessions, and recovering those that were never saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.session_display import display_of, show_as
from napari_dwi.gui.volume_choice import AS_ACQUIRED, VOLUME_CHOICES, VolumeChoice
from napari_dwi.methods.keeping import ScanKeeper
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.recovery import Abandoned, KeptSession, take_over
from napari_dwi.methods.session import SESSION_FILE, Session, read_session
from napari_dwi.methods.session_folder import SessionFolder
from napari_dwi.methods.session_opening import OpenedSession, open_session
from napari_dwi.scan import DwiSeries, resample_to

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom


def ask_save_session(
    room: ReadingRoom, parent: QWidget | None, on_saved: Callable[[], None] | None = None
) -> None:
    """Ask for a name and save the session under it; then go on, if it could be saved."""
    if not room.shown:
        tell_error(BadInputError("there is nothing to save yet", remedy="Load a scan first."))
        return
    name = "session" if room.series is None else f"{room.series.name}_session"
    folder, _ = QFileDialog.getSaveFileName(parent, "Save the session as a folder", name)
    if folder:
        save_session(room, Path(folder), on_saved)


def save_session(room: ReadingRoom, folder: Path, on_saved: Callable[[], None] | None = None) -> None:
    """Save scan, results, regions, parameters and display into a folder, in the background."""
    series, anatomy, volumes = room.acquired, room.anatomy, room.choice.volumes
    results = room.keeping.results
    regions = None if room.regions is None or not room.regions.regions else room.regions.as_regions()
    digest = None if room.regions is None else room.regions.digest
    room.keeping.gathering.emit()
    session = Session(settings=dict(room.keeping.settings), display=display_of(room))

    def work(progress: Progress) -> None:
        _check_is_ours(folder)
        files = SessionFolder(folder)
        scan = None if series is None else files.add_scan(series, anatomy, volumes)
        entries = []
        for step, (result, title) in enumerate(results):
            progress.report(step / (len(results) + 1), f"result {step + 1}/{len(results)}")
            entries.append(files.add_result(result, title))
        drawn = None if regions is None else files.add_regions(regions)
        files.write(replace(session, scan=scan, results=tuple(entries), regions=drawn))

    def done(_: None) -> None:
        room.keeping.results_saved([result for result, _ in results])
        room.keeping.regions_saved(digest)
        tell(f"session saved in {folder.name}")
        if on_saved is not None:
            on_saved()

    room.submit("Saving the session", work, done)


def ask_open_session(room: ReadingRoom, parent: QWidget | None) -> None:
    """Ask for a session and open it."""
    file, _ = QFileDialog.getOpenFileName(parent, "Open a session", "", f"Session ({SESSION_FILE})")
    if file:
        open_session_folder(room, Path(file).parent, parent)


def open_session_folder(room: ReadingRoom, folder: Path, parent: QWidget | None = None) -> None:
    """Open a session in place of what is on show, after asking if something would be lost."""
    if room.may_replace(parent):
        room.submit(
            f"Opening {folder.name}",
            lambda progress: _opened(folder, progress),
            lambda opened: _show_saved(room, opened, folder),
        )


def recover(room: ReadingRoom, abandoned: Abandoned, parent: QWidget | None = None) -> bool:
    """Open an abandoned session and go on keeping it; whether that was begun."""
    if not room.may_replace(parent):
        return False
    kept = take_over(abandoned.folder)
    if kept is None:
        tell_error(BadInputError("this session has been taken up in another window"))
        return False

    def failed(error: DwiError) -> None:
        kept.close()
        tell_error(error)

    room.submit(
        "Recovering",
        lambda progress: _opened(kept.folder, progress),
        lambda opened: _show_recovered(room, opened, kept),
        failed,
    )
    return True


@dataclass(frozen=True, eq=False)
class _Opened:
    """A session, and the volumes of its series that are to be shown."""

    session: OpenedSession
    series: DwiSeries | None
    choice: VolumeChoice


def _opened(folder: Path, progress: Progress) -> _Opened:
    opened = open_session(folder, progress)
    scan, acquired = opened.session.scan, opened.series
    wanted = AS_ACQUIRED.volumes if scan is None else scan.volumes
    choice = next(choice for choice in VOLUME_CHOICES if choice.volumes == wanted)
    if acquired is None or not choice.suits(acquired):
        return _Opened(opened, acquired, AS_ACQUIRED)
    return _Opened(opened, choice.make(acquired), choice)


def _show_saved(room: ReadingRoom, read: _Opened, folder: Path) -> None:
    opened = read.session
    known = {result: entry for entry, result in opened.results}
    keeper = ScanKeeper(opened.series, opened.anatomy, read.choice.volumes, known=known, lies_in=folder)
    if _show(room, read, keeper):
        room.keeping.results_saved(list(known))
        if room.regions is not None:
            room.keeping.regions_saved(room.regions.digest)


def _show_recovered(room: ReadingRoom, read: _Opened, kept: KeptSession) -> None:
    opened = read.session
    known = {result: entry for entry, result in opened.results}
    keeper = ScanKeeper(
        opened.series,
        opened.anatomy,
        read.choice.volumes,
        kept=kept,
        known=known,
        session=opened.session,
    )
    if not _show(room, read, keeper):
        kept.close()


def _show(room: ReadingRoom, read: _Opened, keeper: ScanKeeper) -> bool:
    opened = read.session
    if opened.grid is None:
        tell_error(BadInputError("; ".join(("nothing of this session can be shown", *opened.problems))))
        return False
    room.show_scan(read.series, opened.anatomy, opened.grid, acquired=opened.series, choice=read.choice)
    room.keeping.start(keeper)
    for entry, result in opened.results:
        room.show_result(result, entry.title)
    if opened.regions is not None and room.regions is not None:
        labels = resample_to(opened.regions.labels, opened.grid)
        room.regions.load(replace(opened.regions, labels=labels))
    room.keeping.settings = dict(opened.session.settings)
    room.keeping.restoring.emit()
    show_as(room, opened.session.display)
    for problem in opened.problems:
        tell_error(BadInputError(problem))
    return True


def _check_is_ours(folder: Path) -> None:
    """Raise if the folder holds a file of that name that somebody else has made."""
    if (folder / SESSION_FILE).exists():
        read_session(folder)
