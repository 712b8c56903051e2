"""DICOM series as rows of the series table, from their headers alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.choosing import checked_geometry, opened
from napari_dwi.scan.dicom.geometry import Geometry
from napari_dwi.scan.dicom.merging import mergeable, selector
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.info import SeriesInfo


def list_series(path: Path, *, check: Callable[[], None] | None = None) -> list[SeriesInfo]:
    """The series of a DICOM folder or archive, and those that can be merged into one.

    Parameters
    ----------
    path : Path
        A DICOM folder, or an archive of one (.zip, .tar, .tar.gz, .tgz).
    check : callable, optional
        Called for every file; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If there is no DICOM image.
    """
    with opened(path, check) as found:
        rows = [_info(series) for series in found]
        by_path = {row.path: row for row in rows}
        return rows + [
            _merged_info(group, [by_path[one.selector] for one in group]) for group in mergeable(found)
        ]


def _info(series: DicomSeries) -> SeriesInfo:
    warnings = list(series.notes)
    first = series.frames[0]
    between_rows, between_columns = first.spacing_mm
    shape: tuple[int, ...] = (first.columns, first.rows, len(series.frames))
    spacing_mm = (between_columns, between_rows, first.thickness_mm)
    orientation = "unknown"
    b_values = None
    grid = None
    try:
        geometry = checked_geometry(series)
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
        grid=grid,
    )


def _merged_info(group: Sequence[DicomSeries], rows: Sequence[SeriesInfo]) -> SeriesInfo:
    b_values = tuple(b for row in rows for b in row.b_values or ())
    numbers = ", ".join(series.number for series in group)
    return replace(
        rows[0],
        path=selector(group),
        description=" + ".join(dict.fromkeys(row.description for row in rows)),
        shape=(*rows[0].shape[:3], len(b_values)),
        b_values=b_values,
        warnings=(f"series {numbers} merged: they have one b-value each and the same grid",),
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
