"""Opening a session: everything it names, as far as it is still there and still the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs, Output, OutputImage
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.provenance import Record, sidecar_of
from napari_dwi.methods.repeating import read_recipe
from napari_dwi.methods.running import Result
from napari_dwi.methods.session import (
    SESSION_FILE,
    ImageEntry,
    InputEntry,
    ResultEntry,
    ScanEntry,
    Session,
    read_session,
)
from napari_dwi.methods.session_folder import b_values_of
from napari_dwi.scan import DwiSeries, Grid, Source, Volume, open_image, open_series, open_volume
from napari_dwi.scan.allowances import allowances_of
from napari_dwi.scan.images import VolumeKind
from napari_dwi.scan.json_files import read_json
from napari_dwi.scan.nifti import stem_of
from napari_dwi.scan.reading import split_series
from napari_dwi.scan.regions import Regions, read_regions
from napari_dwi.scan.registration import aligned
from napari_dwi.scan.resampling import resample_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Image = TypeVar("_Image", DwiSeries, Volume)


@dataclass(frozen=True, eq=False)
class OpenedSession:
    """What could be opened of a session.

    Parameters
    ----------
    session : Session
        What the session says.
    series : DwiSeries or None
        The series as acquired; ``None`` if it is gone or another one now.
    anatomy : tuple of Volume
        Anatomy on the grid of the series.
    results : tuple of (ResultEntry, Result)
        The results, each with what the session says of it.
    regions : Regions or None
        The regions.
    problems : tuple of str
        What could not be opened, and why, in one sentence each.
    """

    session: Session
    series: DwiSeries | None
    anatomy: tuple[Volume, ...]
    results: tuple[tuple[ResultEntry, Result], ...]
    regions: Regions | None
    problems: tuple[str, ...]

    @property
    def grid(self) -> Grid | None:
        """The grid everything lies on, also where the series is gone."""
        if self.series is not None:
            return self.series.grid
        grids = [result.output.images[0].image.grid for _, result in self.results]
        if grids:
            # Some results may lie on a finer grid than the scan did.
            return min(grids, key=lambda grid: math.prod(grid.shape))
        return None if self.regions is None else self.regions.labels.grid


def open_session(folder: Path, progress: Progress | None = None) -> OpenedSession:
    """Open a session with everything in it.

    An input that is gone or not the file it was is left out and named among the problems, and the
    rest is opened.

    Parameters
    ----------
    folder : Path
        The folder, or the file ``session.json`` in it.
    progress : Progress, optional
        Where to report.

    Raises
    ------
    BadInputError
        If it is no session that this version can read.
    """
    progress = progress or Progress()
    folder = folder.parent if folder.name == SESSION_FILE else folder
    session = read_session(folder)
    problems: list[str] = []
    progress.report(0.0, "reading the scan")
    series, anatomy = _open_scan(session.scan, folder, progress, problems)
    grid = None if series is None else series.grid
    results = []
    for step, entry in enumerate(session.results, start=1):
        progress.report(step / (len(session.results) + 2), f"reading {entry.title}")
        try:
            results.append((entry, _read_result(entry, folder, grid)))
        except BadInputError as err:
            problems.append(f"{entry.title} is left out: {err}")
    regions = None
    if session.regions is not None:
        progress.report(0.9, "reading the regions")
        try:
            regions = read_regions(folder / session.regions)
        except BadInputError as err:
            problems.append(f"the regions are left out: {err}")
    return OpenedSession(session, series, anatomy, tuple(results), regions, tuple(problems))


def _open_scan(
    scan: ScanEntry | None, folder: Path, progress: Progress, problems: list[str]
) -> tuple[DwiSeries | None, tuple[Volume, ...]]:
    if scan is None:
        return None, ()
    series = None
    try:
        series = _the_one_read(scan.series, folder, partial(_series, scan, progress))
    except BadInputError as err:
        problems.append(f"the scan {scan.series.name} is left out: {err}")
    if series is None:
        return None, ()
    grid = series.grid
    anatomy = []
    for entry in scan.anatomy:
        try:
            volume = _the_one_read(entry, folder, partial(_volume, entry, progress))
            anatomy.append(resample_to(volume, grid))
        except BadInputError as err:
            problems.append(f"the anatomy {entry.name} is left out: {err}")
    return series, tuple(anatomy)


def _series(scan: ScanEntry, progress: Progress, path: Path) -> DwiSeries:
    entry, b_values = scan.series, b_values_of(scan.b_values)
    if len(b_values) == 1:
        return Inputs.of_volume(_volume(entry, progress, path)).series
    series = open_series(path, bval=b_values, allow=allowances_of(entry.allowed), check=progress.check)
    return _as_entered(series, entry)


def _volume(entry: InputEntry, progress: Progress, path: Path) -> Volume:
    volume = open_volume(path, allow=allowances_of(entry.allowed), check=progress.check)
    volume = _as_entered(volume, entry)
    if entry.alignment is None:
        return volume
    return aligned(volume, _affine(entry), "aligned to the series as in the session")


def _affine(entry: InputEntry) -> NDArray[np.float64]:
    rows = entry.alignment or ()
    if [len(row) for row in rows] != [4] * 4:
        raise BadInputError("its alignment is no 4x4 affine", file=entry.path)
    return np.array(rows)


def _as_entered(image: _Image, entry: InputEntry) -> _Image:
    if image.source is None or image.source.sha256 != entry.sha256:
        raise BadInputError(
            "this is not the file it was",
            file=split_series(Path(entry.elsewhere or entry.path))[0],
            expected=f"SHA-256 {entry.sha256[:12]}...",
            found=None if image.source is None else f"{image.source.sha256[:12]}...",
        )
    # A copy within the session has no source of its own: it goes with the session.
    return replace(image, name=entry.name, source=image.source if entry.elsewhere else None)


def _the_one_read(entry: InputEntry, folder: Path, read: Callable[[Path], _Image]) -> _Image:
    """The image from where it lies as seen from the session, or from where it was."""
    places = [folder / entry.path, *([Path(entry.elsewhere)] if entry.elsewhere else [])]
    there = [place for place in places if split_series(place)[0].exists()]
    if not there:
        raise BadInputError("the file is gone", file=entry.elsewhere or entry.path)
    for place in there[:-1]:
        try:
            return read(place)
        except BadInputError:
            continue
    return read(there[-1])


def _read_result(entry: ResultEntry, folder: Path, grid: Grid | None) -> Result:
    read = [_read_image(folder / one.path, one, entry.stem, grid) for one in entry.images]
    if not read:
        raise BadInputError("a result without images", file=folder / SESSION_FILE)
    record = read[0][1]
    images = tuple(output for output, _ in read)
    return Result(Output(images, dict(record.figures), record.warnings), record, entry.stem)


def _read_image(path: Path, entry: ImageEntry, stem: str, grid: Grid | None) -> tuple[OutputImage, Record]:
    sidecar = path.with_name(stem_of(path) + ".json")
    said = read_json(sidecar)
    record = _record(sidecar, said)
    output = OutputImage(
        str(said.get("Role", "")),
        stem_of(path).removeprefix(f"{stem}_"),
        _result_image(path, entry, grid),
        str(said.get("Description", "")),
        str(said.get("Units", "")),
        entry.display,
        aside=entry.aside,
    )
    # What a sidecar says beyond what all of them say.
    own = sidecar_of(record, output, path.parent)
    return replace(output, facts={name: value for name, value in said.items() if name not in own}), record


def _result_image(path: Path, entry: ImageEntry, grid: Grid | None) -> DwiSeries | Volume:
    image = open_image(path)
    # The file holds the affine in single precision.
    grid = grid if grid is not None and grid.same_as(image.grid) else image.grid
    if isinstance(image, DwiSeries) != (entry.kind == "series"):
        raise BadInputError("this is not the image the session says", file=path, expected=entry.kind)
    if isinstance(image, DwiSeries):
        return replace(image, grid=grid, name=entry.name, source=None, notes=())
    kind = cast(VolumeKind, entry.kind)
    return Volume(image.data, grid, kind, entry.unit, entry.name)


def _record(sidecar: Path, said: dict[str, Any]) -> Record:
    recipe = read_recipe(sidecar, needs_series=False)
    try:
        return Record(
            method=recipe.method,
            task=str(said["Task"]),
            parameters=recipe.parameters,
            series=_first(recipe.sources, "series") or _first(recipe.sources, "volume"),
            anatomy=tuple(source for part, source in recipe.sources if part == "anatomy"),
            mask=_first(recipe.sources, "mask"),
            b_values=recipe.b_values,
            seed=recipe.seed,
            device=recipe.device,
            threads=recipe.threads,
            chunk_scale=float(said["ChunkScale"]),
            started_utc=str(said["StartedUTC"]),
            seconds=float(said["Seconds"]),
            warnings=tuple(map(str, said["Warnings"])),
            figures={str(name): float(value) for name, value in said["Figures"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise BadInputError(
            "this is not the sidecar of a result", file=sidecar, expected="a .json written by napari-dwi"
        ) from err


def _first(sources: tuple[tuple[str, Source], ...], part: str) -> Source | None:
    return next((source for name, source in sources if name == part), None)
