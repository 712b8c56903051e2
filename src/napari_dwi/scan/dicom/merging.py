"""Series of one b-value each, as some protocols store them, made into one diffusion series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import format_b_value
from napari_dwi.scan.dicom.geometry import geometry_of
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.dicom.sources import source_of_merge
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.unlabelled import UnlabelledSeries


def mergeable(found: Sequence[DicomSeries]) -> list[tuple[DicomSeries, ...]]:
    """Which series of a folder look like one acquisition stored in several, in rising b.

    They have one b-value each, all of them different, and agree in grid, examination and frame of
    reference.
    """
    alike: dict[tuple[object, ...], list[tuple[float, DicomSeries]]] = defaultdict(list)
    for series in found:
        b_values = {frame.b_value for frame in series.frames}
        if series.role != "DWI" or len(b_values) != 1 or series.damaged:
            continue
        (b_value,) = b_values
        if b_value is None:
            continue
        try:
            geometry = geometry_of(series)
        except BadInputError:
            continue
        place = tuple(np.round(geometry.affine, 2).ravel().tolist()) if geometry.is_placed else ()
        alike[series.study, series.frame_of_reference, geometry.shape, place].append((b_value, series))
    groups = []
    for members in alike.values():
        different = {round(b_value) for b_value, _ in members}
        if len(members) > 1 and len(different) == len(members):
            groups.append(tuple(series for _, series in sorted(members, key=lambda member: member[0])))
    return groups


def selector(group: Sequence[DicomSeries]) -> Path:
    """How the user names merged series: ``folder#8+9``."""
    return Path(f"{group[0].folder}#{'+'.join(series.number for series in group)}")


def merged(
    chosen: Sequence[DicomSeries], parts: Sequence[UnlabelledSeries], *, in_rising_b: bool = True
) -> UnlabelledSeries:
    """Several loaded series as one.

    Parameters
    ----------
    chosen : sequence of DicomSeries
        What the headers say of each.
    parts : sequence of UnlabelledSeries
        Their volumes.
    in_rising_b : bool
        Whether to order the volumes by b-value, unknown ones last; else as the series were named.

    Raises
    ------
    BadInputError
        If they are not of one examination, or their voxels do not lie at the same places.
    """
    first = parts[0]
    path = selector(chosen)
    for one, part in zip(chosen[1:], parts[1:], strict=True):
        _check_same(path, chosen[0], one, first.grid, part.grid)
    values = [b_value for part in parts for b_value in part.b_values]
    order = np.arange(len(values))
    if in_rising_b:
        order = np.argsort([np.inf if b is None else b for b in values], kind="stable")
    directions = None
    if any(part.directions is not None for part in parts):
        directions = np.concatenate(
            [
                np.zeros((len(part.b_values), 3)) if part.directions is None else part.directions
                for part in parts
            ]
        )[order]
    contents = "; ".join(
        f"{one.number}: b = {_listed(part)}" for one, part in zip(chosen, parts, strict=True)
    )
    notes = [f"merged from series {contents} s/mm2", *(note for part in parts for note in part.notes)]
    if len({one.frame_of_reference for one in chosen}) > 1:
        notes.append("the merged series are of different frames of reference: the patient may have moved")
    return UnlabelledSeries(
        signal=np.concatenate([part.signal for part in parts], axis=3)[..., order],
        grid=first.grid,
        b_values=tuple(values[index] for index in order),
        name=first.name,
        source=source_of_merge(path, [part.source for part in parts if part.source is not None]),
        notes=tuple(dict.fromkeys(notes)),
        directions=directions,
    )


def _check_same(path: Path, first: DicomSeries, other: DicomSeries, grid: Grid, other_grid: Grid) -> None:
    problem = None
    if first.study != other.study:
        problem = "series of one examination", "series of different examinations"
    elif grid.shape != other_grid.shape:
        shapes = [" x ".join(map(str, one.shape)) for one in (grid, other_grid)]
        problem = f"{shapes[0]} voxels as in series {first.number}", f"{shapes[1]} in series {other.number}"
    elif not grid.same_as(other_grid):
        problem = f"slices where those of series {first.number} lie", f"other places in series {other.number}"
    if problem is not None:
        raise BadInputError(
            "these series cannot be merged",
            file=path,
            expected=problem[0],
            found=problem[1],
            remedy="Load them one at a time.",
        )


def _listed(part: UnlabelledSeries) -> str:
    known = sorted({b for b in part.b_values if b is not None})
    return " ".join(format_b_value(b) for b in known) or "unknown"
