"""The one gate in: NIfTI files and DICOM folders become checked images."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.images import DwiSeries, Volume
from napari_dwi.scan.info import Role, SeriesInfo
from napari_dwi.scan.nifti import is_nifti_name, read_nifti, read_nifti_header, stem_of
from napari_dwi.scan.unlabelled import UnknownBValuesError, UnlabelledSeries

Check = Callable[[], None]

_DISTINCT_B_VALUES_OF_A_SERIES = 2
_REGION_SUFFIXES = ("dseg", "probseg", "mask", "seg", "rois", "labels")
_MAP_SUFFIXES = ("dwimap", "adc", "expadc", "s0map", "fa", "colfa")


def open_image(
    path: Path,
    *,
    bval: Path | BValues | None = None,
    allow: Collection[Allowance] = (),
    check: Check | None = None,
) -> DwiSeries | Volume:
    """Open whatever a path holds: a diffusion series where there are b-values, else a volume.

    Parameters
    ----------
    path : Path
        A NIfTI file, or a folder with one series; ``folder#5`` is series number 5 of a DICOM folder.
    bval : Path or BValues, optional
        The b-values (s/mm2) or the text file that holds them; by default the .bval beside the image.
        DICOM series bring their own; a text file overrides them only where they cannot be told.
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
    return _open(_only_series(path, every_kind), bval, allow, check)


def open_series(
    path: Path,
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
    image = _open(_only_series(path, ("DWI",)), bval, allow, check)
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


def open_volume(path: Path, *, allow: Collection[Allowance] = (), check: Check | None = None) -> Volume:
    """Open a single volume (anatomy, map, mask or labels); as `open_image`.

    Raises
    ------
    BadInputError
        Also if the path holds several volumes.
    """
    chosen = _only_series(path, ("anatomy", "regions", "map", "scanner map"))
    folder, number = split_series(chosen)
    if number is not None:
        from napari_dwi.scan import dicom

        return dicom.load_anatomy(folder, number, check=check)
    image = read_nifti(chosen, allow=allow, check=check)
    if image.data.ndim != 3:
        raise BadInputError(
            "this holds several volumes",
            file=chosen,
            expected="a single volume",
            found=f"{image.data.shape[3]} volumes",
        )
    return Volume(image.data, image.grid, name=stem_of(chosen), source=image.source, notes=image.notes)


def list_series(path: Path) -> tuple[SeriesInfo, ...]:
    """What a file or folder holds, without loading voxels.

    Parameters
    ----------
    path : Path
        A NIfTI file, a folder with NIfTI files, or a DICOM folder.

    Raises
    ------
    BadInputError
        If there is nothing readable.
    """
    folder, number = split_series(path)
    if not folder.is_dir():
        return (_nifti_info(path),)
    images = sorted(file for file in folder.iterdir() if _is_image(file))
    if images and number is None:
        return tuple(_nifti_info_or_why_not(file) for file in images)
    from napari_dwi.scan import dicom

    found = tuple(dicom.list_series(folder))
    return tuple(info for info in found if number is None or split_series(info.path)[1] == number)


def split_series(path: Path) -> tuple[Path, str | None]:
    """Split ``folder#5`` into the folder and the series number; other paths have none."""
    match = re.fullmatch(r"(.+)#(\w+)", str(path))
    if match is None or path.exists():
        return path, None
    return Path(match[1]), match[2]


def _only_series(path: Path, roles: tuple[Role, ...]) -> Path:
    """The path of the one image meant: a file as it is, or the one series of a folder.

    Of a folder, the series named by its number, else the only one with the first role, else the
    only one with any of the roles.
    """
    folder, number = split_series(path)
    if not folder.is_dir():
        return path
    found = list_series(folder)
    if number is not None:
        chosen = [info for info in found if split_series(info.path)[1] == number]
    else:
        chosen = [info for info in found if info.role == roles[0]]
        chosen = chosen or [info for info in found if info.role in roles]
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


def _open(
    path: Path, bval: Path | BValues | None, allow: Collection[Allowance], check: Check | None
) -> DwiSeries | Volume:
    folder, number = split_series(path)
    if number is not None:
        from napari_dwi.scan import dicom

        (info,) = list_series(path)
        if info.role == "DWI":
            return dicom.load_dwi(folder, number, bval=bval, check=check)
        return dicom.load_anatomy(folder, number, check=check)
    image = read_nifti(path, allow=allow, check=check)
    name = stem_of(path)
    if image.data.ndim == 3 and bval is None and _bval_beside(path) is None:
        return Volume(image.data, image.grid, name=name, source=image.source, notes=image.notes)
    signal = image.data.reshape((*image.grid.shape, -1), order="F")
    notes = image.notes + _signal_notes(signal)
    if bval is None and _bval_beside(path) is None:
        unknown = (None,) * signal.shape[3]
        series = UnlabelledSeries(signal, image.grid, unknown, name, image.source, notes)
        raise UnknownBValuesError(series, **_no_b_values(path, signal.shape[3]))
    b_values = _b_values_of(path, bval, signal.shape[3])
    return DwiSeries(signal, image.grid, b_values, name, image.source, notes)


def _b_values_of(path: Path, bval: Path | BValues | None, n_volumes: int) -> BValues:
    if isinstance(bval, BValues):
        return bval
    bval = bval or _bval_beside(path)
    if bval is None:
        raise BadInputError(**_no_b_values(path, n_volumes))
    bvec = bval.with_suffix(".bvec")
    return read_b_values(bval, n_volumes, bvec if bvec.is_file() else None)


def _no_b_values(path: Path, n_volumes: int) -> dict[str, Any]:
    return {
        "what": "the b-values of this series are not known",
        "file": path,
        "expected": f"{stem_of(path)}.bval beside it with {n_volumes} values",
        "found": "no such file",
        "remedy": "Choose the file with the b-values (--bval FILE).",
    }


def _bval_beside(path: Path) -> Path | None:
    beside = path.with_name(stem_of(path) + ".bval")
    return beside if beside.is_file() else None


def _signal_notes(signal: np.ndarray) -> tuple[str, ...]:
    notes = []
    if n_missing := int(signal.size - np.isfinite(signal).sum()):
        notes.append(f"{n_missing} values are NaN or infinite and will be left out")
    if n_negative := int((signal < 0).sum()):
        notes.append(f"{n_negative} values are negative, which magnitude images cannot be")
    return tuple(notes)


def _is_image(file: Path) -> bool:
    # macOS leaves files of its own beside others: "._scan.nii.gz" is no image.
    return file.is_file() and is_nifti_name(file) and not file.name.startswith(".")


def _nifti_info_or_why_not(path: Path) -> SeriesInfo:
    """What a file holds; one that cannot be read must not hide its neighbours."""
    try:
        return _nifti_info(path)
    except BadInputError as err:
        return SeriesInfo(path, stem_of(path), "unusable", (), (), "unknown", warnings=(str(err),))


def _role_by_name(path: Path) -> Role:
    """The role of a single volume by its BIDS suffix: labels and maps must not pass for anatomy."""
    suffix = stem_of(path).rpartition("_")[2].lower()
    if suffix in _REGION_SUFFIXES:
        return "regions"
    return "map" if suffix in _MAP_SUFFIXES else "anatomy"


def _nifti_info(path: Path) -> SeriesInfo:
    header = read_nifti_header(path)
    bval = _bval_beside(path)
    b_values: tuple[float, ...] | None = None
    warnings = header.notes
    role = _role_by_name(path)
    if bval is not None or len(header.shape) == 4:
        role = "DWI"
        try:
            n_volumes = header.shape[3] if len(header.shape) == 4 else 1
            b_values = tuple(float(b) for b in _b_values_of(path, bval, n_volumes).values)
        except BadInputError as err:
            warnings = (*warnings, str(err))
    orientation = header.grid.orientation if header.grid.orientation_known else "unknown"
    return SeriesInfo(
        path=path,
        description=stem_of(path),
        role=role,
        shape=header.shape,
        spacing_mm=header.grid.spacing_mm,
        orientation=orientation,
        b_values=b_values,
        warnings=warnings,
    )
