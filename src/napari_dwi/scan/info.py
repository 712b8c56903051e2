"""What a file or folder holds, told without loading the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_dwi.scan.grid import Grid

Role = Literal["DWI", "anatomy", "regions", "map", "scanner map", "computed b", "localiser", "unusable"]


@dataclass(frozen=True)
class SeriesInfo:
    """One series in a file or folder, as the series table shows it.

    Parameters
    ----------
    path : Path
        What to hand to `open_series` or `open_volume` to load exactly this series
        (``folder#5`` for series number 5 of a DICOM folder).
    description : str
        The protocol's own name for it; no patient fields.
    role : str
        What it is taken for.
    shape : tuple of int
        (x, y, z) or (x, y, z, n); empty where the file cannot be read.
    spacing_mm : tuple of float
        Voxel size along (x, y, z), mm; empty where the file cannot be read.
    orientation : str
        Where each array axis points, e.g. ``"LPS"``; ``"unknown"`` where the file does not say.
    b_values : tuple of float or None
        One per volume, s/mm2, for diffusion series; ``None`` where they could not be found.
    warnings : tuple of str
        What to look at before using it.
    grid : Grid, optional
        Where it lies in the patient; ``None`` where that cannot be told from the headers.
    """

    path: Path
    description: str
    role: Role
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    orientation: str
    b_values: tuple[float, ...] | None = None
    warnings: tuple[str, ...] = ()
    grid: Grid | None = field(default=None, compare=False, repr=False)
