"""Regions of interest as files: a label image, and a JSON sidecar with the names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.file_set import FileSet
from napari_dwi.scan.images import Volume
from napari_dwi.scan.json_files import read_json
from napari_dwi.scan.nifti import stem_of
from napari_dwi.scan.reading import open_volume
from napari_dwi.scan.writing import add_image


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of interest drawn on one grid.

    Parameters
    ----------
    labels : Volume
        Kind ``"labels"``: whole numbers, 0 outside all regions.
    names : mapping of int to str
        The name of each label.
    """

    labels: Volume
    names: Mapping[int, str]


def read_regions(path: Path) -> Regions:
    """Read regions from a label image and the names from the .json beside it.

    Raises
    ------
    BadInputError
        If the image does not hold whole numbers, or the names cannot be read.
    """
    volume = open_volume(path)
    values = volume.data
    if not np.isfinite(values).all() or (values != np.round(values)).any() or values.min() < 0:
        raise BadInputError(
            "this is not a label image", file=path, expected="whole numbers, 0 outside the regions"
        )
    labels = replace(volume, kind="labels")
    names = {int(code): str(int(code)) for code in np.unique(values) if code > 0}
    sidecar = path.with_name(stem_of(path) + ".json")
    return Regions(labels, names | _names_in(sidecar) if sidecar.is_file() else names)


def add_regions(files: FileSet, regions: Regions, path: Path) -> None:
    """Add a label image and its names to a set of files."""
    sidecar = {
        "Description": "Regions of interest",
        "Labels": {str(code): name for code, name in regions.names.items()},
    }
    add_image(files, regions.labels, path, sidecar=sidecar)


def _names_in(sidecar: Path) -> dict[int, str]:
    labels = read_json(sidecar).get("Labels", {})
    try:
        return {int(code): str(name) for code, name in labels.items()}
    except (ValueError, AttributeError) as err:
        raise BadInputError(
            "the names of the regions cannot be read", file=sidecar, expected='{"Labels": {"1": "name"}}'
        ) from err
