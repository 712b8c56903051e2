"""Keeps what becomes of a scan on the disk while its session lasts."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_dwi.methods.recovery import KeptSession, keep_session
from napari_dwi.methods.running import Result
from napari_dwi.methods.session import DisplayEntry, ResultEntry, ScanEntry, Session
from napari_dwi.scan import DwiSeries, Volume
from napari_dwi.scan.images import Volumes
from napari_dwi.scan.regions import Regions


class ScanKeeper:
    """The kept session of one scan; nothing touches the disk before there is something to keep.

    Its methods may be called from any thread.

    Parameters
    ----------
    series : DwiSeries or None
        The series as acquired; ``None`` where only its results could be recovered.
    anatomy : tuple of Volume
        Its anatomy.
    volumes : str
        What of the series is on show (see `napari_dwi.scan.averaging.take_volumes`).
    kept : KeptSession, optional
        The session that has been recovered, to go on with.
    known : mapping of Result to ResultEntry
        Results that lie in a session already.
    lies_in : Path, optional
        The folder of that session.
    """

    def __init__(
        self,
        series: DwiSeries | None,
        anatomy: tuple[Volume, ...] = (),
        volumes: Volumes = "keep",
        *,
        kept: KeptSession | None = None,
        known: dict[Result, ResultEntry] | None = None,
        lies_in: Path | None = None,
        session: Session | None = None,
    ) -> None:
        self._images = series, anatomy
        self._volumes = volumes
        self._kept = kept
        self._entries = dict(known or {})
        self._lies_in = lies_in
        self._session = session or Session()
        self._scan: ScanEntry | None = self._session.scan if kept is not None else None
        self._regions: str | None = self._session.regions if kept is not None else None
        self._closed = False
        self._lock = threading.RLock()

    @property
    def results(self) -> tuple[Result, ...]:
        """The results it keeps."""
        with self._lock:
            return tuple(self._entries)

    @property
    def is_on_disk(self) -> bool:
        """Whether anything has been kept yet."""
        return self._kept is not None

    def describe(self, settings: dict[str, dict[str, Any]], display: DisplayEntry) -> None:
        """Remember parameters and display for the next time something is kept."""
        with self._lock:
            self._session = replace(self._session, settings=settings, display=display)

    def have_anatomy(self, anatomy: tuple[Volume, ...]) -> None:
        """Know that the scan has other anatomy now; as `keep_result`."""
        with self._lock:
            self._images = self._images[0], anatomy
            self._scan = None
            if self._kept is not None and not self._closed:
                self._write()

    def keep_result(self, result: Result, title: str) -> None:
        """Have a result on the disk.

        Raises
        ------
        CannotWriteError
            If the disk refuses it; the results kept before are still there.
        """
        with self._lock:
            if not self._closed:
                self._entries[result] = self._folder().files.add_result(result, title)
                self._write()

    def keep_regions(self, regions: Regions | None) -> None:
        """Have the regions on the disk as they are now; as `keep_result`."""
        with self._lock:
            if not self._closed and (regions is not None or self._kept is not None):
                files = self._folder().files
                self._regions = None if regions is None else files.add_regions(regions)
                self._write()

    def rename(self, result: Result, title: str) -> None:
        """Remember the title a result is shown by."""
        with self._lock:
            if result in self._entries:
                self._entries[result] = replace(self._entries[result], title=title)

    def forget(self, results: set[Result]) -> None:
        """Let go of results that the user has removed; as `keep_result`."""
        with self._lock:
            gone = [result for result in self._entries if result in results]
            for result in gone:
                del self._entries[result]
            if gone and self._kept is not None and not self._closed:
                self._write()

    def close(self, *, discard: bool) -> None:
        """Keep nothing more; what was kept is removed, or left to be recovered."""
        with self._lock:
            self._closed = True
            if self._kept is not None:
                (self._kept.discard if discard else self._kept.close)()
                self._kept = None

    def _folder(self) -> KeptSession:
        if self._kept is None:
            self._kept = keep_session()
            if self._lies_in is not None:
                there, files = Session(results=tuple(self._entries.values())), self._kept.files
                here = files.moved(there, self._lies_in).results
                self._entries = dict(zip(self._entries, here, strict=True))
        return self._kept

    def _write(self) -> None:
        files = self._folder().files
        series, anatomy = self._images
        if self._scan is None and series is not None:
            self._scan = files.add_scan(series, anatomy, self._volumes)
        self._session = replace(
            self._session, scan=self._scan, results=tuple(self._entries.values()), regions=self._regions
        )
        files.write(self._session)
