"""Keeps unsaved work on the disk behind the user's back, and knows what is not saved yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_dwi.errors import CannotWriteError
from napari_dwi.gui.jobs import Job, JobQueue
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.session_display import display_of
from napari_dwi.methods.keeping import ScanKeeper
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, save_result

if TYPE_CHECKING:
    from napari_dwi.gui.region_layers import Digest
    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.scan import Volume

_AFTER_THE_LAST_STROKE_MS = 1500


class Keeping:
    """What of a room's work is kept for recovery, and what of it is saved.

    Docks put their parameters into ``settings`` when ``gathering`` asks for them, and take them
    from there when ``restoring`` tells of others.

    Parameters
    ----------
    room : ReadingRoom
        Whose work it is.
    """

    gathering = Signal()
    restoring = Signal()

    def __init__(self, room: ReadingRoom) -> None:
        self.settings: dict[str, dict[str, Any]] = {}
        # Short work, apart from the jobs that may take hours: regions must be safe meanwhile.
        self.quick = JobQueue()
        self._room = room
        self._keeper = ScanKeeper(None)
        self._titles: dict[Result, str] = {}
        self._pending: set[Result] = set()
        self._saved: set[Result] = set()
        self._saved_regions: Digest | None = None
        self._kept_regions: Digest | None = None
        self._problem: CannotWriteError | None = None
        self._told: set[str] = set()
        self._settle = QTimer()
        self._settle.setSingleShot(True)
        self._settle.setInterval(_AFTER_THE_LAST_STROKE_MS)
        self._settle.timeout.connect(self._keep_regions)
        room.queue.changed.connect(self._on_queue)
        room.images_changed.connect(self._forget_removed)
        room.regions_changed.connect(self._on_regions)

    @property
    def results(self) -> tuple[tuple[Result, str], ...]:
        """The results on show, each with its title."""
        found = dict.fromkeys(shown.result for shown in self._room.shown if shown.result is not None)
        return tuple((result, self.title_of(result)) for result in found)

    def title_of(self, result: Result) -> str:
        """What a result is called on the screen."""
        return self._titles[result]

    @property
    def unsaved(self) -> str:
        """What would be lost, in words; empty if nothing would."""
        count = sum(result not in self._saved for result, _ in self.results)
        parts = [f"{count} result{'s' if count > 1 else ''}"] if count else []
        regions = self._room.regions
        if regions is not None and regions.regions and regions.digest != self._saved_regions:
            parts.append("the regions")
        return " and ".join(parts)

    def start(self, keeper: ScanKeeper) -> None:
        """Keep what becomes of another scan; what was kept of the one before is no longer needed."""
        before, self._keeper = self._keeper, keeper
        self._kept_regions = self._saved_regions = None
        # They are about to be shown.
        self._pending.update(keeper.results)
        if before.is_on_disk:
            self.in_background(partial(before.close, discard=True))

    def have_anatomy(self, anatomy: tuple[Volume, ...]) -> None:
        """Know that the scan has other anatomy now."""
        self.in_background(partial(self._keeper.have_anatomy, anatomy))

    def watched(self, title: str, work: Callable[[Progress], Any]) -> Callable[[Progress], Any]:
        """The same work, whose results are on the disk before anybody sees them."""
        keeper = self._keeper
        self.describe()

        def work_and_keep(progress: Progress) -> Any:
            value = work(progress)
            for result in (value,) if isinstance(value, Result) else ():
                progress.report(1.0, "keeping a copy")
                # Until it is shown nobody else knows of it.
                self._pending.add(result)
                self._try(partial(keeper.keep_result, result, title))
            return value

        return work_and_keep

    def describe(self) -> None:
        """Remember parameters and display as they are now."""
        self.gathering.emit()
        self._keeper.describe(dict(self.settings), display_of(self._room))

    def on_shown(self, result: Result, title: str) -> None:
        """Remember a result that is about to be shown; two of the same title get numbers."""
        taken = {other for _, other in self.results}
        number, free = 1, title
        while free in taken:
            number += 1
            free = f"{title} {number}"
        self._titles[result] = free
        self._keeper.rename(result, free)

    def save_results(self, folder: Path) -> None:
        """Save every result on show into a folder, in the background.

        Of two results with the same file names the later goes into a folder of its own, by its method.
        """
        results = [result for result, _ in self.results]
        notes: dict[str, None] = {}

        def work(progress: Progress) -> int:
            count, taken = 0, set[Path]()
            for step, result in enumerate(results):
                progress.report(step / len(results), f"result {step + 1}/{len(results)}")
                place = _place_of(result, folder, taken)
                count += len(save_result(result, place, on_note=lambda note: notes.update({note: None})))
            return count

        def done(count: int) -> None:
            self.results_saved(results)
            tell("; ".join((f"{count} images saved in {folder.name}", *notes)))

        self._room.submit("Saving", work, done)

    def results_saved(self, results: list[Result]) -> None:
        """Know that these are saved."""
        self._saved.update(results)

    def regions_saved(self, digest: Digest | None) -> None:
        """Know that the regions are saved as they were then."""
        self._saved_regions = digest

    def close(self, *, discard: bool = False) -> None:
        """End it: unsaved work is left to be recovered, unless the user wants it discarded."""
        discard = discard or not self.unsaved
        if self._settle.isActive() and not discard:
            self._keep_regions()
        self._settle.stop()
        self.quick.finish_all()
        self._keeper.close(discard=discard)

    def _on_regions(self) -> None:
        self._settle.start()

    def _keep_regions(self) -> None:
        regions = self._room.regions
        if regions is None or (digest := regions.digest) == self._kept_regions:
            return
        if digest == self._saved_regions and not self._keeper.is_on_disk:
            return
        self._kept_regions = digest
        self.describe()
        drawn = regions.as_regions() if regions.regions else None
        self.in_background(partial(self._keeper.keep_regions, drawn))

    def _on_queue(self) -> None:
        self._tell_problem()
        if self._room.queue.is_idle:
            self._pending.clear()
            self._forget_removed()
            if self._keeper.is_on_disk:
                self._settle.start()

    def _forget_removed(self) -> None:
        shown = {result for result, _ in self.results}
        self._titles = {result: title for result, title in self._titles.items() if result in shown}
        if gone := set(self._keeper.results) - shown - self._pending:
            self.in_background(partial(self._keeper.forget, gone))

    def in_background(self, write: Callable[[], None]) -> None:
        """Write without holding up the window; what the disk refuses is told."""
        self.quick.submit(
            Job("keeping", lambda _: self._try(write), lambda _: self._tell_problem(), tell_error)
        )

    def _try(self, write: Callable[[], None]) -> None:
        """Write on any thread; what the disk refuses is told later, on the GUI thread."""
        try:
            write()
        except CannotWriteError as err:
            self._problem = err

    def _tell_problem(self) -> None:
        problem, self._problem = self._problem, None
        if problem is not None and str(problem) not in self._told:
            # Once is enough: it is likely to go on, and the work itself is not lost.
            self._told.add(str(problem))
            show_warning(f"Unsaved work would not survive a crash: {problem}")


def _place_of(result: Result, folder: Path, taken: set[Path]) -> Path:
    """Where none of a result's files takes the place of another's; its files are taken from then on."""
    names = [f"{result.stem}_{output.ending}" for output in result.output.images]
    place, number = folder, 1
    while not taken.isdisjoint(place / name for name in names):
        place = folder / (result.record.method + (f"-{number}" if number > 1 else ""))
        number += 1
    taken.update(place / name for name in names)
    return place
