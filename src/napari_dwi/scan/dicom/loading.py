"""DICOM series as checked images, and as rows of the series table."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.dicom.convert import Converted, convert
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import Geometry, geometry_of
from napari_dwi.scan.dicom.reconcile import reconcile
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Source, Volume
from napari_dwi.scan.info import Role, SeriesInfo

Check = Callable[[], None]

_LONGEST_NAME = 64
_CHUNK_BYTES = 16 * 1024 * 1024


def list_series(path: Path) -> list[SeriesInfo]:
    """The series of a DICOM folder, from their headers alone.

    Raises
    ------
    BadInputError
        If there is no DICOM image.
    """
    return [_info(series) for series in read_folder(path)]


def load_dwi(
    path: Path,
    series: str | int | None = None,
    *,
    bval: Path | BValues | None = None,
    check: Check | None = None,
) -> DwiSeries:
    """Load a diffusion series.

    Parameters
    ----------
    path : Path
        A DICOM folder.
    series : str or int, optional
        Series number, with its letter where two series share it; by default the only diffusion
        series of the folder.
    bval : Path or BValues, optional
        b-values (s/mm2), or a text file with them, to use instead of those of the headers.
    check : callable, optional
        Called at least every 0.1 s; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If it is not one diffusion series that can be read with certainty.
    """
    chosen = _choose(read_folder(path, check=check), path, series, ("DWI",), "diffusion series")
    if chosen.role in ("scanner map", "computed b", "localiser"):
        raise BadInputError(
            f"this series is not a diffusion acquisition ({chosen.role})",
            file=chosen.selector,
            remedy="Open it as a volume instead.",
        )
    geometry, converted, grid = _converted(chosen, check)
    if bval is None:
        b_values, notes = reconcile(chosen, geometry, converted, check=check)
    else:
        b_values = bval if isinstance(bval, BValues) else read_b_values(bval, geometry.n_volumes)
        notes = ()
    return DwiSeries(
        signal=converted.signal,
        grid=grid,
        b_values=b_values,
        name=_name(chosen),
        source=_source(chosen, check),
        notes=(*chosen.notes, *notes),
    )


def load_anatomy(path: Path, series: str | int | None = None, *, check: Check | None = None) -> Volume:
    """Load a single volume: anatomy, or a map made by the scanner; parameters as for `load_dwi`.

    Raises
    ------
    BadInputError
        If it is not one volume that can be read with certainty.
    """
    roles: tuple[Role, ...] = ("anatomy",)
    chosen = _choose(read_folder(path, check=check), path, series, roles, "anatomical series")
    geometry = _geometry(chosen)
    if geometry.n_volumes != 1:
        raise BadInputError(
            "this series holds several volumes",
            file=chosen.selector,
            expected="a single volume",
            found=f"{geometry.n_volumes} volumes",
        )
    _, converted, grid = _converted(chosen, check)
    return Volume(
        data=converted.signal[..., 0],
        grid=grid,
        kind="map" if chosen.role == "scanner map" else "anatomy",
        name=_name(chosen),
        source=_source(chosen, check),
        notes=chosen.notes,
    )


def _choose(
    found: list[DicomSeries], path: Path, number: str | int | None, roles: tuple[Role, ...], what: str
) -> DicomSeries:
    if number is not None:
        chosen = [series for series in found if series.number == str(number)]
    else:
        chosen = [series for series in found if series.role in roles]
    if len(chosen) == 1:
        return chosen[0]
    listing = ", ".join(f"{series.selector} {series.description} ({series.role})" for series in found)
    raise BadInputError(
        f"more than one {what} in this folder" if chosen else f"no such {what} in this folder",
        file=path,
        expected=f"one {what}" if number is None else f"series {number}",
        found=listing,
        remedy=f"Name one of them, for example {found[0].selector}.",
    )


def _geometry(series: DicomSeries) -> Geometry:
    if series.damaged:
        raise BadInputError(
            "this file is cut short",
            file=series.damaged[0],
            expected="a whole DICOM image",
            found=f"{len(series.damaged)} damaged in series {series.number}",
            remedy="Copy or export the series again.",
        )
    if series.role == "unusable":
        raise BadInputError(
            "these images do not say where they lie in the patient",
            file=series.selector,
            expected="position, orientation and pixel spacing in the header",
        )
    return geometry_of(series)


def _converted(series: DicomSeries, check: Check | None) -> tuple[Geometry, Converted, Grid]:
    geometry = _geometry(series)
    converted = convert(series, geometry, check=check)
    x, y, z = converted.signal.shape[:3]
    return geometry, converted, Grid((x, y, z), converted.affine, "DICOM")


def _name(series: DicomSeries) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", series.description).strip("_-")[:_LONGEST_NAME]
    return name or f"series{series.number}"


def _source(series: DicomSeries, check: Check | None) -> Source:
    digests = []
    size_bytes = 0
    for file in series.files:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                if check is not None:
                    check()
                digest.update(chunk)
                size_bytes += len(chunk)
        digests.append(digest.hexdigest())
    return Source(
        path=series.selector,
        sha256=hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        size_bytes=size_bytes,
    )


def _info(series: DicomSeries) -> SeriesInfo:
    warnings = list(series.notes)
    first = series.frames[0]
    between_rows, between_columns = first.spacing_mm
    shape: tuple[int, ...] = (first.columns, first.rows, len(series.frames))
    spacing_mm = (between_columns, between_rows, first.thickness_mm)
    orientation = "unknown"
    b_values = None
    try:
        geometry = _geometry(series)
        grid = Grid(geometry.shape, geometry.affine, "DICOM")
    except BadInputError as err:
        warnings.append(str(err))
    else:
        spacing_mm, orientation = grid.spacing_mm, grid.orientation
        shape = geometry.shape
        if series.role == "DWI" or geometry.n_volumes > 1:
            shape = (*shape, geometry.n_volumes)
        if series.role == "DWI":
            b_values = _b_value_per_volume(series, geometry)
            if b_values is None:
                warnings.append("the headers do not say which volume has which b-value")
    return SeriesInfo(
        path=series.selector,
        description=series.description,
        role=series.role,
        shape=shape,
        spacing_mm=spacing_mm,
        orientation=orientation,
        b_values=b_values,
        warnings=tuple(warnings),
    )


def _b_value_per_volume(series: DicomSeries, geometry: Geometry) -> tuple[float, ...] | None:
    """The b-values of the volumes in the order of acquisition, if all slices tell the same."""
    by_slice: dict[int, list[float]] = defaultdict(list)
    for frame, index in zip(series.frames, geometry.slice_of_frame, strict=True):
        if frame.b_value is None:
            return None
        by_slice[index].append(frame.b_value)
    first = by_slice[0]
    same = all(np.array_equal(sorted(others), sorted(first)) for others in by_slice.values())
    return tuple(first) if same else None
