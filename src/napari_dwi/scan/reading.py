"""The one gate in: files of every format and DICOM folders become checked images."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import ALLOWANCES, Allowance
from napari_dwi.scan.archives import is_archive_name
from napari_dwi.scan.averaging import averaged
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.formats import format_of
from napari_dwi.scan.gradient_files import gradients_of
from napari_dwi.scan.image_file import Check, FileImage
from napari_dwi.scan.images import DwiSeries, Volume
from napari_dwi.scan.info import Role
from napari_dwi.scan.listing import image_name, is_image_folder, list_series, split_series
from napari_dwi.scan.unlabelled import UnknownBValuesError, UnlabelledSeries

__all__ = ["list_series", "open_image", "open_series", "open_volume", "split_series"]

_DISTINCT_B_VALUES_OF_A_SERIES = 2


def open_image(
    path: Path | str,
    *,
    bval: Path | BValues | None = None,
    allow: Collection[Allowance] = (),
    check: Check | None = None,
) -> DwiSeries | Volume:
    """Open whatever a path holds: a diffusion series where there are b-values, else a volume.

    Parameters
    ----------
    path : path or str
        An image file, or a folder or archive with one series; ``folder#5`` is series number 5 of a
        DICOM folder, ``folder#8+9`` are two of them merged.
    bval : Path or BValues, optional
        The b-values (s/mm2) or the text file that holds them; by default those of the image, else
        the .bval beside it. DICOM series bring their own.
    allow : collection of str
        What the user has allowed for a doubtful file; the errors raised without it name it in
        their ``offers``, and what was made use of is said in the notes of the image.
    check : callable, optional
        Called now and then; may raise `Stopped`.

    Raises
    ------
    UnknownBValuesError
        If it holds several volumes and nothing tells their b-values; the error carries the volumes.
    BadInputError
        If it cannot be read with certainty.
    """
    every_kind: tuple[Role, ...] = ("DWI", "anatomy", "regions", "map", "scanner map", "computed b")
    return _open(_only_series(Path(path), every_kind, check), bval, allow, check)


def open_series(
    path: Path | str,
    *,
    bval: Path | BValues | None = None,
    allow: Collection[Allowance] = (),
    check: Check | None = None,
) -> DwiSeries:
    """Open a diffusion series with at least two different b-values; as `open_image`.

    Raises
    ------
    BadInputError
        Also if the path holds no series, or only one b-value.
    """
    image = _open(_only_series(Path(path), ("DWI",), check), bval, allow, check)
    if isinstance(image, Volume):
        raise BadInputError(
            "this is a single volume, not a diffusion series",
            file=path,
            expected="volumes with at least two b-values",
            remedy="Open it as anatomy instead.",
        )
    if len(image.b_values.distinct) < _DISTINCT_B_VALUES_OF_A_SERIES:
        raise BadInputError(
            "a diffusion series needs at least two different b-values",
            file=path,
            found=f"only b = {image.b_values} s/mm2",
            remedy="Open it as anatomy instead.",
        )
    return image


def open_volume(path: Path | str, *, allow: Collection[Allowance] = (), check: Check | None = None) -> Volume:
    """Open a single volume (anatomy, map, mask or labels); as `open_image`.

    Volumes that all have the same b-value are taken as repeats of one, and averaged.

    Raises
    ------
    BadInputError
        Also if the path holds several volumes.
    """
    chosen = _only_series(Path(path), ("anatomy", "regions", "map", "scanner map"), check)
    if _is_dicom(chosen):
        from napari_dwi.scan import dicom

        folder, number = split_series(chosen)
        return dicom.load_anatomy(folder, number, check=check)
    try:
        image = _open_file(chosen, None, allow, check)
    except UnknownBValuesError as err:
        raise _several_volumes(chosen, len(err.series.b_values)) from err
    if isinstance(image, Volume):
        return image
    n_volumes = len(image.b_values)
    if len(image.b_values.distinct) >= _DISTINCT_B_VALUES_OF_A_SERIES:
        raise _several_volumes(chosen, n_volumes)
    note = f"b = {image.b_values} s/mm2" + (f", mean of {n_volumes} volumes" if n_volumes > 1 else "")
    mean = averaged(image) if n_volumes > 1 else image
    return Volume(
        mean.signal[..., 0], image.grid, name=image.name, source=image.source, notes=(*image.notes, note)
    )


def _only_series(path: Path, roles: tuple[Role, ...], check: Check | None) -> Path:
    """The path of the one image meant: a file as it is, or the one series of a folder.

    Of a folder, the series named by its number, else the only one with the first role, else the
    only one with any of the roles. Of diffusion series, one with several b-values goes first.
    """
    folder, number = split_series(path)
    if not folder.is_dir() and not _is_archive(folder):
        return path
    if number is None and is_image_folder(folder):
        return path
    found = list_series(folder, check=check)
    if number is not None:
        chosen = [info for info in found if split_series(info.path)[1] == number]
    else:
        chosen = [info for info in found if info.role == roles[0]]
        chosen = chosen or [info for info in found if info.role in roles]
        several_b = [
            info for info in chosen if info.b_values and len(BValues(np.array(info.b_values)).distinct) > 1
        ]
        if len(several_b) == 1:
            chosen = several_b
    if len(chosen) == 1:
        return chosen[0].path
    listing = ", ".join(f"{info.path.name} {info.description} ({info.role})" for info in found)
    raise BadInputError(
        "cannot tell which series is meant" if chosen else "no such series in this folder",
        file=folder,
        expected=f"one series ({roles[0]})" if number is None else f"series #{number}",
        found=listing,
        remedy=f"Name one of them, for example {found[0].path}.",
    )


def _is_archive(path: Path) -> bool:
    return is_archive_name(path) and path.is_file()


def _is_dicom(path: Path) -> bool:
    folder, number = split_series(path)
    return number is not None or _is_archive(folder)


def _open(
    path: Path, bval: Path | BValues | None, allow: Collection[Allowance], check: Check | None
) -> DwiSeries | Volume:
    if not _is_dicom(path):
        return _open_file(path, bval, allow, check)
    from napari_dwi.scan import dicom

    folder, number = split_series(path)
    (info,) = list_series(path, check=check)
    if info.role == "DWI":
        return dicom.load_dwi(folder, number, bval=bval, check=check)
    return dicom.load_anatomy(folder, number, check=check)


def _open_file(
    path: Path, bval: Path | BValues | None, allow: Collection[Allowance], check: Check | None
) -> DwiSeries | Volume:
    kind = format_of(path)
    header = kind.read_header(path, allow)
    name = image_name(path)
    n_volumes = header.shape[3] if len(header.shape) == 4 else 1
    # Before the voxels, so that b-values that do not fit are said at once.
    b_values, gradient_notes = gradients_of(path, name, n_volumes, bval, header.b_values, allow)
    image = kind.read(path, allow, check)
    source = replace(image.source, allowed=tuple(one for one in ALLOWANCES if one in allow))
    is_series = b_values is not None or n_volumes > 1
    notes = (*image.notes, *_value_notes(image, is_signal=is_series), *gradient_notes)
    if not is_series:
        return Volume(image.data, image.grid, name=name, source=source, notes=notes)
    signal = image.data.reshape((*image.grid.shape, n_volumes), order="F")
    if b_values is None:
        unknown = (None,) * n_volumes
        series = UnlabelledSeries(signal, image.grid, unknown, name, source, notes)
        raise UnknownBValuesError(series, **_no_b_values(path, n_volumes, gradient_notes))
    return DwiSeries(signal, image.grid, b_values, name, source, notes)


def _no_b_values(path: Path, n_volumes: int, notes: tuple[str, ...]) -> dict[str, Any]:
    return {
        "what": "the b-values of this series are not known",
        "file": path,
        "expected": f"{image_name(path)}.bval beside it with {n_volumes} values",
        "found": "; ".join(notes) or "no such file",
        "remedy": "Choose the file with the b-values (--bval FILE).",
    }


def _several_volumes(path: Path, n_volumes: int) -> BadInputError:
    return BadInputError(
        "this holds several volumes",
        file=path,
        expected="a single volume",
        found=f"{n_volumes} volumes",
    )


def _value_notes(image: FileImage, *, is_signal: bool) -> tuple[str, ...]:
    notes = []
    if image.n_not_finite:
        notes.append(f"{image.n_not_finite} values are NaN or infinite and will be left out")
    if image.n_negative and is_signal:
        notes.append(f"{image.n_negative} values are negative, which magnitude images cannot be")
    return tuple(notes)
