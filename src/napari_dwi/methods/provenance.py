"""The record of how a result was made, complete enough to make it again."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import napari_dwi
from napari_dwi.scan import BValues, DwiSeries, Source, Volume

if TYPE_CHECKING:
    from napari_dwi.methods.method import OutputImage

_RECORDED_PACKAGES = ("numpy", "scipy", "torch", "nibabel", "scikit-image", "pydicom", "dcm2niix")


@dataclass(frozen=True)
class Record:
    """How a result was made.

    Parameters
    ----------
    method, task : str
        Name of the method and its task.
    parameters : dict
        Every parameter with its value, defaults included.
    series : Source or None
        The file of the series, or of the single image; ``None`` where it was made in memory.
    anatomy : tuple of Source or None
        The files of the anatomical images, in order.
    mask : Source or None
        The file of the mask.
    b_values : BValues
        b-values (s/mm2) and directions of the series.
    seed : int
        Seed of the random numbers.
    device : str
        The device that really computed it.
    threads : int
        Number of CPU threads.
    chunk_scale : float
        1 unless memory ran out.
    started_utc : str
        When it started, ISO 8601.
    seconds : float
        How long it took.
    warnings : tuple of str
        What the method had to say.
    figures : dict
        Quality figures by name.
    """

    method: str
    task: str
    parameters: dict[str, Any]
    series: Source | None
    anatomy: tuple[Source | None, ...]
    mask: Source | None
    b_values: BValues
    seed: int
    device: str
    threads: int
    chunk_scale: float
    started_utc: str
    seconds: float
    warnings: tuple[str, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[tuple[str, Source], ...]:
        """Every input file with its part: ``"series"`` or ``"volume"``, ``"anatomy"``, ``"mask"``."""
        parts = [
            ("volume" if len(self.b_values) == 1 else "series", self.series),
            *(("anatomy", source) for source in self.anatomy),
        ]
        parts.append(("mask", self.mask))
        return tuple((part, source) for part, source in parts if source is not None)


def sidecar_of(record: Record, output: OutputImage, folder: Path) -> dict[str, Any]:
    """The JSON sidecar of one image of a result.

    Parameters
    ----------
    record : Record
        How it was made.
    output : OutputImage
        The image.
    folder : Path
        Where it is written: sources are named relative to it.

    Returns
    -------
    dict
        Ready for JSON. Nothing in it comes from patient fields.
    """
    image = output.image
    values = image.signal if isinstance(image, DwiSeries) else image.data
    return {
        "Description": output.description,
        "Units": output.unit,
        "Role": output.role,
        **output.facts,
        "Sources": [
            {
                "Part": part,
                "Path": relative_path(source.path, folder),
                "SHA256": source.sha256,
                "Bytes": source.size_bytes,
                **({"Allowed": list(source.allowed)} if source.allowed else {}),
                **({} if source.alignment is None else {"Alignment": source.alignment}),
                **_means(source),
            }
            for part, source in record.sources
        ],
        "GeneratedBy": [{"Name": "napari-dwi", "Version": napari_dwi.__version__}],
        "SoftwareVersions": software_versions(),
        "Task": record.task,
        "Method": record.method,
        "Parameters": _plain(record.parameters),
        "BValues": record.b_values.values.tolist(),
        "BValueOrigin": record.b_values.origin,
        "BVectors": None if record.b_values.directions is None else record.b_values.directions.tolist(),
        "Seed": record.seed,
        "Device": record.device,
        "Threads": record.threads,
        "ChunkScale": record.chunk_scale,
        "AffineSource": image.grid.affine_source,
        "Voxels": {"finite": int(np.isfinite(values).sum()), "NaN": int(np.isnan(values).sum())},
        "Figures": record.figures,
        "Warnings": list(record.warnings),
        "StartedUTC": record.started_utc,
        "Seconds": round(record.seconds, 3),
    }


def software_versions() -> dict[str, str]:
    """Versions of Python and of the packages that touch the numbers."""
    versions = {"python": platform.python_version()}
    for package in _RECORDED_PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _means(source: Source) -> dict[str, Any]:
    """What the sidecar says of a series made of means of the volumes that were read."""
    if source.acquired is None:
        return {}
    directions = source.acquired.directions
    return {
        "Volumes": source.volumes,
        "AcquiredBValues": source.acquired.values.tolist(),
        "AcquiredBVectors": None if directions is None else directions.tolist(),
    }


def source_of(image: DwiSeries | Volume | None) -> Source | None:
    """Where an image was read from, if it was."""
    return None if image is None else image.source


def relative_path(path: Path, folder: Path) -> str:
    """A path as seen from a folder; the full path where they are on different drives."""
    # The disk follows links before it goes up by "..", so the folders must be the real ones. The file
    # itself keeps its name: the name of what it links to may say nothing.
    whole = path.parent.resolve() / path.name
    try:
        return os.path.relpath(whole, folder.resolve())
    except ValueError:
        return str(whole)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
