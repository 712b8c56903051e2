"""``info`` and ``convert``: what is in a file or folder, and making NIfTI of it."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import complain, say, say_json, table, terminal_progress
from napari_dwi.cli.reading import add_allow_option, add_volumes_option
from napari_dwi.errors import BadInputError
from napari_dwi.scan import DwiSeries, SeriesInfo, Volume, format_b_value, list_series, open_image, save
from napari_dwi.scan.averaging import take_volumes
from napari_dwi.scan.images import Volumes
from napari_dwi.scan.writing import inputs_of

_HEADER = ("path", "description", "role", "size", "voxel mm", "axes", "b (s/mm2)", "notes")


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    info = commands.add_parser("info", help="what is in this file or folder")
    info.add_argument("path", type=Path, metavar="PATH", help="a file, a folder or an archive")
    add_allow_option(info)
    info.add_argument("--json", action="store_true", help="for another program")
    info.set_defaults(run=_info)
    convert = commands.add_parser("convert", help="any readable series to NIfTI with .bval and .json")
    convert.add_argument("path", type=Path, metavar="PATH", help="a file, a folder, or FOLDER#NUMBER")
    convert.add_argument("out", type=Path, metavar="OUT", help="a name ending in .nii.gz")
    convert.add_argument("--bval", type=Path, help="text file with the b-values (s/mm2)")
    add_volumes_option(convert)
    add_allow_option(convert)
    convert.set_defaults(run=_convert)


def _info(options: argparse.Namespace) -> int:
    with terminal_progress() as progress:
        found = list_series(options.path, allow=options.allow, check=progress.check)
    if options.json:
        say_json([_values(info) for info in found])
        return 0
    say(table(_HEADER, [_row(info, options.path) for info in found]))
    for info in found:
        for warning in info.warnings:
            complain(f"! {_short(info.path, options.path)}: {warning}")
    return 0


def _values(info: SeriesInfo) -> dict[str, Any]:
    values = asdict(replace(info, grid=None)) | {"path": str(info.path)}
    del values["grid"]
    return values


def _row(info: SeriesInfo, folder: Path) -> tuple[str, ...]:
    return (
        _short(info.path, folder),
        info.description,
        info.role,
        "x".join(str(n) for n in info.shape),
        "x".join(f"{mm:.4g}" for mm in info.spacing_mm),
        info.orientation,
        _b_values(info),
        f"{len(info.warnings)} !" if info.warnings else "",
    )


def _short(path: Path, folder: Path) -> str:
    """The part of a path that is not the folder asked about."""
    return str(path.relative_to(folder)) if path != folder and path.is_relative_to(folder) else path.name


def _b_values(info: SeriesInfo) -> str:
    if info.b_values is None:
        return "unknown" if info.role == "DWI" else ""
    distinct = sorted(set(info.b_values))
    repeats = "" if len(distinct) == len(info.b_values) else f" ({len(info.b_values)} volumes)"
    return " ".join(format_b_value(b) for b in distinct) + repeats


def _convert(options: argparse.Namespace) -> int:
    with terminal_progress() as progress:
        image = open_image(options.path, bval=options.bval, allow=options.allow, check=progress.check)
        image = _with_volumes(image, options.volumes)
    sidecar: dict[str, Any] = {
        "Description": f"Converted from {image.name}",
        "Units": "arbitrary",
        "AffineSource": image.grid.affine_source,
        "Notes": list(image.notes),
    }
    if isinstance(image, DwiSeries):
        sidecar["BValueOrigin"] = image.b_values.origin
    if image.source is not None:
        sidecar["Sources"] = [{"SHA256": image.source.sha256, "Bytes": image.source.size_bytes}]
    more = [] if options.bval is None else [options.bval]
    save(image, options.out, sidecar=sidecar, never_over=inputs_of(image, more))
    for note in image.notes:
        complain(note)
    say(str(options.out))
    return 0


def _with_volumes(image: DwiSeries | Volume, volumes: Volumes) -> DwiSeries | Volume:
    if isinstance(image, DwiSeries):
        return take_volumes(image, volumes)
    if volumes != "keep":
        raise BadInputError(f"--volumes {volumes} needs a diffusion series", found="a single volume")
    return image
