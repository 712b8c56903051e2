"""The tables and pictures of a comparison."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import napari_dwi
from napari_dwi.cli.comparing.contestants import Contestant
from napari_dwi.methods.provenance import software_versions
from napari_dwi.scan.file_set import FileSet
from napari_dwi.scan.writing import sidecar_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_FIGURES = 'no pictures without matplotlib: pip install "napari-dwi[figures]"'
_NO_VALUE = "n/a"


def can_draw() -> bool:
    """Whether the library of the pictures is there."""
    return importlib.util.find_spec("matplotlib") is not None


def tsv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as tab-separated text, the names of the first as a header; ``n/a`` where there is no value."""
    listed = list(rows)
    header = list(listed[0]) if listed else []
    lines = [header, *([cell(row[name]) for name in header] for row in listed)]
    return "".join("\t".join(line) + "\n" for line in lines)


def cell(value: Any) -> str:
    """A value as text: six digits, and ``n/a`` for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _NO_VALUE
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def add_table(
    files: FileSet, path: Path, rows: Iterable[Mapping[str, Any]], sidecar: Mapping[str, Any] | None = None
) -> Path:
    """Add a table, and what it is about, to a set of files."""
    files.add_text(path, tsv(rows))
    if sidecar is not None:
        files.add_text(path.with_suffix(".json"), sidecar_text(sidecar))
    return path


def add_figures(files: FileSet, folder: Path, figures: Mapping[str, Figure | None]) -> list[Path]:
    """Add pictures by the stems of their names; those that are ``None`` are left out."""
    from napari_dwi.cli.comparing._drawing import png

    paths = []
    for stem, figure in figures.items():
        if figure is not None:
            path = folder / f"{stem}.png"
            files.add(path, _written(png(figure)))
            paths.append(path)
    return paths


def _written(content: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(content)

    return write


def sidecar_of(
    description: str, columns: Mapping[str, str], contestants: Sequence[Contestant], seed: int
) -> dict[str, Any]:
    """What the table of a comparison says of itself."""
    return {
        "Description": description,
        "Columns": dict(columns),
        "GeneratedBy": [{"Name": "napari-dwi", "Version": napari_dwi.__version__}],
        "SoftwareVersions": software_versions(),
        "Seed": seed,
        "Methods": {
            contestant.label: {
                "Method": contestant.method.name,
                "Title": contestant.method.title,
                "Parameters": contestant.parameters.as_dict(),
            }
            for contestant in contestants
        },
    }
