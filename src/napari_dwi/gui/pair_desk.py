"""A store of pairs as the dock works on it: everything that touches the disk happens in the background."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.jobs import Job
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.slice_grid import PICTURE
from napari_dwi.gui.slice_pictures import side_by_side
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.pairs.examples import on_fine_grid
from napari_dwi.superres.pairs.importing import ImportedPair, add_pair
from napari_dwi.superres.pairs.pair import PairFacts
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.pairs.subjects import KnownPairError
from napari_dwi.superres.pairs.table import TableRow, read_table
from napari_dwi.superres.training.previews import upright

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QImage

    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.scan.allowances import Allowance
    from napari_dwi.superres.pairs.request import PairRequest

    # Both scans of a pair on the fine grid, upright, shape (..., rows, columns), in scanner units.
    Scans = tuple[NDArray[np.float32], NDArray[np.float32]]


class PairDesk:
    """The pairs of the store that is open.

    ``listed`` tells that the list of pairs is another, with the name of the pair to look at or ``None``;
    ``changed`` that other slices of a pair are left out, with its facts; ``added`` of a new pair;
    ``doubtful`` of an error with what could be allowed, and what to call with the user's choice.

    Parameters
    ----------
    room : ReadingRoom
        Whose queues do the work.
    """

    listed = Signal(object)
    changed = Signal(object)
    added = Signal(object)
    doubtful = Signal(object, object)

    def __init__(self, room: ReadingRoom) -> None:
        self.store: Path | None = None
        self.pairs: dict[str, PairFacts] = {}
        self._room = room
        # What was left out of a pair before each change.
        self._before: list[tuple[str, tuple[int, ...]]] = []
        # How often something was left out: what was read before the last time is out of date.
        self._writes = 0

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._before)

    def open(self, path: Path, pick: str | None = None) -> None:
        """Work on a store; ``pick`` is the name of the pair to look at."""
        writes = self._writes

        def done(facts: tuple[PairFacts, ...]) -> None:
            if writes == self._writes:
                self._have(path, pick, facts)
            else:
                self.open(path, pick)

        self._do("Opening pairs", lambda: PairStore(path).facts(), done)

    def make(self, path: Path) -> None:
        """Make a new store and work on it."""
        self._do("New store", lambda: PairStore.create(path).facts(), partial(self._have, path, None))

    def add(self, request: PairRequest, allow: tuple[Allowance, ...] = ()) -> None:
        """Add a pair, as one of the jobs of the room, which can be stopped.

        Parameters
        ----------
        request : PairRequest
            What the pair is.
        allow : tuple of str
            What the user has allowed for doubtful files.
        """
        if (path := self.store) is None:
            tell_error(
                BadInputError(
                    "there is no store to add the pair to", remedy="Open a store or make a new one."
                )
            )
            return

        def work(progress: Progress) -> ImportedPair:
            return add_pair(path, request, allow=allow, progress=progress)

        def done(pair: ImportedPair) -> None:
            if path == self.store:
                self.added.emit(pair)
                # Another pair may be looked at, slice by slice, and must not be taken away.
                self.open(path)

        def failed(err: DwiError) -> None:
            if isinstance(err, KnownPairError):
                tell(err.what)
            elif err.offers:
                self.doubtful.emit(err, lambda allowance: self.add(request, (*allow, allowance)))
            else:
                tell_error(err)

        self._room.submit(f"Adding a pair of {request.subject}", work, done, failed)

    def add_table(self, path: Path) -> None:
        """Add the pairs of a table, each as a job of its own."""

        def done(rows: tuple[TableRow, ...]) -> None:
            for row in rows:
                self.add(row.request)

        self._do("Reading a table", lambda: read_table(path), done)

    def remove(self, name: str) -> None:
        """Delete a pair."""
        if (path := self.store) is not None:
            self._do("Deleting", lambda: PairStore(path).remove(name), lambda _: self.open(path))

    def toggle(self, name: str, z: int) -> bool:
        """Leave a slice out, or use it again; whether that can be."""
        before = self.pairs[name].excluded
        if not self._leave_out(name, set(before) ^ {z}):
            return False
        self._before.append((name, before))
        self.changed.emit(self.pairs[name])
        return True

    def undo(self) -> None:
        """Take the last change of what is left out back."""
        if self._before:
            name, before = self._before.pop()
            if self._leave_out(name, before):
                self.changed.emit(self.pairs[name])

    def load_pictures(
        self, name: str, slices: tuple[int, ...], done: Callable[[dict[int, QImage]], None]
    ) -> None:
        """Make small pictures of some slices, low beside high resolution."""
        facts, path = self.pairs[name], self.store

        def work(progress: Progress) -> dict[int, QImage]:
            pictures = {}
            for z in slices:
                progress.check()
                pictures[z] = side_by_side(*_slice(path, facts, z), facts.scale, PICTURE)
            return pictures

        self._submit("Pictures", work, done)

    def load_scans(self, name: str, done: Callable[[Scans], None]) -> None:
        """Read both scans of a pair."""
        facts, path = self.pairs[name], self.store
        columns, rows, count = facts.shape_high

        def work(progress: Progress) -> Scans:
            low = np.empty((count, rows, columns), np.float32)
            high = np.empty_like(low)
            for z in range(count):
                progress.check()
                low[z], high[z] = _slice(path, facts, z)
            return low, high

        self._submit("Reading", work, done)

    def _have(self, path: Path, pick: str | None, facts: tuple[PairFacts, ...]) -> None:
        if path != self.store:
            self._before.clear()
        self.store = path
        self.pairs = {one.name: one for one in facts}
        self._before = [change for change in self._before if change[0] in self.pairs]
        self.listed.emit(pick)

    def _leave_out(self, name: str, slices: Collection[int]) -> bool:
        """Know it at once, and write it behind the user's back; whether it can be."""
        path = self.store
        try:
            after = replace(self.pairs[name], excluded=tuple(slices))
        except DwiError as err:
            tell_error(err)
            return False
        if path is None:
            return False
        self.pairs[name] = after
        self._writes += 1

        def failed(err: DwiError) -> None:
            tell_error(err)
            # What is on the disk counts.
            self.open(path)

        self._do("Leaving out", lambda: PairStore(path).exclude(name, after.excluded), lambda _: None, failed)
        return True

    def _do(
        self,
        title: str,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[DwiError], None] = tell_error,
    ) -> None:
        self._submit(title, lambda _progress: work(), done, failed)

    def _submit(
        self,
        title: str,
        work: Callable[[Progress], Any],
        done: Callable[[Any], None],
        failed: Callable[[DwiError], None] = tell_error,
    ) -> None:
        # Short, and apart from the jobs that may take hours.
        self._room.keeping.quick.submit(Job(title, work, done, failed))


def _slice(path: Path | None, facts: PairFacts, z: int) -> Scans:
    if path is None:
        raise BadInputError("no store of pairs is open")
    store = PairStore(path)
    low = on_fine_grid(store.low(facts.name, z), facts.factor)
    return upright(low), upright(store.high(facts.name, z))
