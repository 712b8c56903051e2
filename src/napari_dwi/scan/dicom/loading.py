"""DICOM series as checked images."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.b_values import FROM_HEADERS, BValues, format_b_value
from napari_dwi.scan.dicom.choosing import checked_geometry, choose, opened
from napari_dwi.scan.dicom.convert import convert
from napari_dwi.scan.dicom.merging import merged
from napari_dwi.scan.dicom.parts import same_scaling, scaling_error
from napari_dwi.scan.dicom.reconcile import Reconciled, reconcile
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.dicom.sources import source_of
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Volume
from napari_dwi.scan.info import Role
from napari_dwi.scan.unlabelled import UnknownBValuesError, UnlabelledSeries

Check = Callable[[], None]

_LONGEST_NAME = 64
_NOT_ACQUIRED: tuple[Role, ...] = ("scanner map", "computed b", "localiser")


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
        A DICOM folder, or an archive of one (.zip, .tar, .tar.gz, .tgz).
    series : str or int, optional
        Series number, with its letter where two series share it; ``"8+9"`` merges series with the
        same grid in rising b. By default the only diffusion series of the folder.
    bval : Path or BValues, optional
        b-values (s/mm2), or a text file with them, to use instead of those of the headers. A file has
        the order of the converter, as have b-values that came from one; those that were told of the
        volumes as they are read have that order.
    check : callable, optional
        Called at least every 0.1 s; may raise `Stopped`.

    Raises
    ------
    UnknownBValuesError
        If only the b-values are missing, or cannot be told for certain; it carries the volumes.
    BadInputError
        If it is not one diffusion series that can be read with certainty.
    """
    with opened(path, check) as found:
        numbers: Sequence[str | int | None] = series.split("+") if isinstance(series, str) else [series]
        chosen = [choose(found, path, number, ("DWI",), "diffusion series") for number in numbers]
        own_order = bval is None or (isinstance(bval, BValues) and bval.in_order_of_reading)
        parts = [_unlabelled(one, not own_order, check) for one in chosen]
    whole = parts[0] if len(parts) == 1 else merged(chosen, parts, in_rising_b=own_order)
    if bval is not None:
        return _with_given(whole, bval)
    known = [b for b in whole.b_values if b is not None]
    if len(known) == len(whole.b_values):
        return whole.with_b_values(known, FROM_HEADERS)
    raise UnknownBValuesError(
        whole,
        "it is not certain which volume has which b-value",
        file=whole.source.path if whole.source is not None else path,
        expected=f"headers and pixels that tell {len(whole.b_values)} b-values",
        found=f"{len(known)} of them",
        remedy="Give the b-values in a text file (--bval FILE).",
    )


def load_anatomy(path: Path, series: str | int | None = None, *, check: Check | None = None) -> Volume:
    """Load a single volume: anatomy, or a map made by the scanner; parameters as for `load_dwi`.

    Raises
    ------
    BadInputError
        If it is not one volume that can be read with certainty.
    """
    with opened(path, check) as found:
        chosen = choose(found, path, series, ("anatomy",), "anatomical series")
        geometry = checked_geometry(chosen)
        if geometry.n_volumes != 1:
            raise BadInputError(
                "this series holds several volumes",
                file=chosen.selector,
                expected="a single volume",
                found=f"{geometry.n_volumes} volumes",
            )
        if not same_scaling(chosen):
            raise scaling_error(chosen)
        converted = convert(chosen, geometry, check=check)
        source = source_of(chosen, check)
    return Volume(
        data=converted.signal[..., 0],
        grid=_grid(converted.signal.shape, converted.affine),
        kind="map" if chosen.role == "scanner map" else "anatomy",
        name=_name(chosen),
        source=source,
        notes=chosen.notes,
    )


def _unlabelled(series: DicomSeries, keep_order: bool, check: Check | None) -> UnlabelledSeries:
    if series.role in _NOT_ACQUIRED:
        raise BadInputError(
            f"this series is not a diffusion acquisition ({series.role})",
            file=series.selector,
            remedy="Open it as a volume instead.",
        )
    geometry = checked_geometry(series)
    found: Reconciled = reconcile(series, geometry, keep_order=keep_order, check=check)
    converted = found.converted
    n_volumes = converted.signal.shape[3]
    directions = converted.directions
    if directions is not None and (directions.shape != (n_volumes, 3) or not directions.any()):
        directions = None
    return UnlabelledSeries(
        signal=converted.signal,
        grid=_grid(converted.signal.shape, converted.affine),
        b_values=found.b_values,
        name=_name(series),
        source=source_of(series, check),
        notes=(*series.notes, *found.notes),
        directions=directions,
    )


def _with_given(series: UnlabelledSeries, bval: Path | BValues) -> DwiSeries:
    given = bval if isinstance(bval, BValues) else read_b_values(bval, len(series.b_values))
    notes = series.notes
    differ = [
        f"{format_b_value(header)} as {format_b_value(float(value))}"
        for header, value in zip(series.b_values, given.values, strict=False)
        if header is not None and abs(header - value) > max(1.0, 0.01 * header)
    ]
    if differ:
        notes = (*notes, f"the b-values given were used, not those of the headers: b = {', '.join(differ)}")
    return DwiSeries(series.signal, series.grid, given, series.name, series.source, notes)


def _grid(shape: tuple[int, ...], affine: object) -> Grid:
    x, y, z = shape[:3]
    return Grid((x, y, z), affine, "DICOM")  # type: ignore[arg-type]


def _name(series: DicomSeries) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", series.description).strip("_-")[:_LONGEST_NAME]
    return name or f"series{series.number}"
