"""A folder as a user has it: a series, anatomy, a mask and drawn regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.scan import Volume, save

from ..synthetic import make_series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``scan.nii.gz`` with b-values, ``T1``, ``mask`` and ``rois`` (1 lesion, 2 muscle)."""
    scan = make_series()
    folder = tmp_path / "in"
    save(scan.series, folder / "scan.nii.gz")
    save(scan.anatomy, folder / "T1.nii.gz")
    grid = scan.series.grid
    save(Volume(scan.tissue.astype(np.float32), grid, "mask"), folder / "mask.nii.gz")
    rois = np.zeros(grid.shape, np.float32)
    rois[6:9, 5:9, 1:3] = 1
    rois[11:15, 8:12, :] = 2
    names = {"Labels": {"1": "lesion", "2": "muscle"}}
    save(Volume(rois, grid, "labels"), folder / "rois.nii.gz", sidecar=names)
    return folder
