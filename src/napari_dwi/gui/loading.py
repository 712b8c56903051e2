"""Finding out what a path holds, and loading it a step at a time, with room for questions between."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.gui.volume_choice import VolumeChoice, usual_choice
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import (
    BValues,
    DwiSeries,
    SeriesInfo,
    Volume,
    list_series,
    open_image,
    open_series,
    open_volume,
)
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.anatomy import anatomy_on
from napari_dwi.scan.archives import is_archive_name
from napari_dwi.scan.listing import split_series
from napari_dwi.scan.unlabelled import UnknownBValuesError, UnlabelledSeries

_MAPS = ("map", "scanner map")
_VOLUMES = ("anatomy", *_MAPS, "computed b")


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """What came of loading.

    Parameters
    ----------
    acquired, series : DwiSeries or None
        The series as read and as it is to be shown; ``None`` where there was none to load.
    choice : VolumeChoice or None
        How the one became the other.
    others : tuple of Volume
        Anatomy and maps on the grid of the series.
    """

    acquired: DwiSeries | None
    series: DwiSeries | None
    choice: VolumeChoice | None
    others: tuple[Volume, ...]


class Loading:
    """One series, and volumes to bring onto its grid.

    What has been read stays here: after a question was answered, `run` goes on from there.

    Parameters
    ----------
    series : SeriesInfo or None
        The diffusion series.
    others : tuple of SeriesInfo
        Anatomy and maps.
    onto : DwiSeries, optional
        The series on show, whose grid they are brought onto if there is none to load.
    ask_b_values : bool
        Whether the user wants to see the b-values even if they are known.
    """

    def __init__(
        self,
        series: SeriesInfo | None,
        others: tuple[SeriesInfo, ...] = (),
        *,
        onto: DwiSeries | None = None,
        ask_b_values: bool = False,
    ) -> None:
        self._info = series
        self._others = others
        self._onto = onto
        self._ask = ask_b_values
        self._acquired: DwiSeries | None = None
        self._volumes: dict[Path, Volume] = {}
        self._allowed: dict[Path, tuple[Allowance, ...]] = {}
        self._reading: Path | None = None

    @property
    def title(self) -> str:
        """What the queue shows."""
        names = [info.description for info in (self._info, *self._others) if info is not None]
        return f"Loading {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")

    def allow(self, allowance: Allowance) -> None:
        """Allow something for the image at which `run` came to a halt."""
        if self._reading is not None:
            self._allowed[self._reading] = (*self._allowed.get(self._reading, ()), allowance)

    def give_series(self, series: DwiSeries) -> None:
        """Give the series whose b-values `run` did not know."""
        self._acquired = series

    def run(self, progress: Progress) -> LoadedScan:
        """Read what has not been read yet.

        Raises
        ------
        UnknownBValuesError
            If the b-values must be asked for; go on after `give_series`.
        BadInputError
            If an image cannot be read; with ``offers``, go on after `allow`.
        """
        infos = [info for info in (self._info, *self._others) if info is not None]
        sizes = [math.prod(info.shape) or 1 for info in infos]
        for n, info in enumerate(infos):
            progress.report(sum(sizes[:n]) / sum(sizes), f"reading {info.description}")
            self._reading = info.path
            if info is self._info:
                self._acquired = self._acquired or self._read_series(info, progress.check)
            elif info.path not in self._volumes:
                self._volumes[info.path] = self._read_volume(info, progress.check)
        acquired = self._acquired
        onto = self._onto if acquired is None else acquired
        others = [self._volumes[info.path] for info in self._others]
        progress.report(1.0, "bringing everything onto one grid")
        if onto is not None:
            others = [_brought(volume, onto, progress) for volume in others]
        if acquired is None:
            return LoadedScan(None, None, None, tuple(others))
        choice = usual_choice(acquired)
        return LoadedScan(acquired, choice.make(acquired), choice, tuple(others))

    def _read_series(self, info: SeriesInfo, check: Callable[[], None]) -> DwiSeries:
        allow = self._allowed.get(info.path, ())
        if not self._ask:
            return open_series(info.path, allow=allow, check=check)
        # A .bval that does not fit must not keep the user from typing the right values.
        unreadable = info.b_values is None and split_series(info.path)[1] is None
        blank = BValues(np.zeros(info.shape[3])) if unreadable and len(info.shape) == 4 else None
        image = open_image(info.path, bval=blank, allow=allow, check=check)
        if isinstance(image, Volume):
            raise BadInputError("this is a single volume, which has no b-values to change", file=info.path)
        known = [None if blank is not None else float(b) for b in image.b_values.values]
        raise UnknownBValuesError(unlabelled(image, tuple(known)), "say which b-value each volume has")

    def _read_volume(self, info: SeriesInfo, check: Callable[[], None]) -> Volume:
        volume = open_volume(info.path, allow=self._allowed.get(info.path, ()), check=check)
        return replace(volume, kind="map") if info.role in _MAPS else volume


def unlabelled(series: DwiSeries, b_values: tuple[float | None, ...] | None = None) -> UnlabelledSeries:
    """The same volumes, for their b-values to be asked for; those known now are kept unless given."""
    if b_values is None:
        b_values = tuple(float(b) for b in series.b_values.values)
    return UnlabelledSeries(
        series.signal,
        series.grid,
        b_values,
        series.name,
        series.source,
        series.notes,
        series.b_values.directions,
    )


def is_series(info: SeriesInfo) -> bool:
    """Whether a row can be loaded as a diffusion series, at least once its b-values are given."""
    if info.role != "DWI" or not info.shape:
        return False
    if info.b_values is None:
        return len(info.shape) == 4 and info.shape[3] > 1
    return len(BValues(np.array(info.b_values)).distinct) > 1


def is_volume(info: SeriesInfo) -> bool:
    """Whether a row of the table can be loaded as anatomy or as a map beside a series."""
    return bool(info.shape) and (info.role in _VOLUMES or (info.role == "DWI" and not is_series(info)))


def look_through(path: Path, progress: Progress) -> tuple[SeriesInfo, ...]:
    """What a file, a folder or an archive holds; with a file, the anatomy and maps beside it.

    Raises
    ------
    BadInputError
        If there is nothing readable.
    Stopped
        If the user asked to stop.
    """
    progress.report(0.0, "reading headers")
    folder, number = split_series(path)
    if not path.is_file() or number is not None or is_archive_name(folder):
        return list_series(path, check=progress.check)
    if _is_dicom(path):
        return list_series(path.parent, check=progress.check)
    own = list_series(path, check=progress.check)
    beside = list_series(path.parent, check=progress.check)
    return (*own, *(info for info in beside if info.path != path and is_volume(info)))


def _is_dicom(file: Path) -> bool:
    """Whether a file says of itself that it is DICOM; it is opened with the rest of its folder."""
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _brought(volume: Volume, onto: DwiSeries, progress: Progress) -> Volume:
    progress.check()
    return anatomy_on(onto, volume)
