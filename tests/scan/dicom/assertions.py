"""What loaded series are compared with."""

from __future__ import annotations

import numpy as np

from napari_dwi.scan.images import DwiSeries

from .builder import Made


def assert_same_scan(loaded: DwiSeries, made: Made) -> None:
    """Every volume has its b-value, and every voxel its place and value."""
    by_b = dict(zip(made.b_values, np.moveaxis(made.signal, 3, 0), strict=True))
    to_made = np.linalg.inv(made.affine) @ loaded.grid.affine
    voxels = np.stack(np.indices(loaded.grid.shape), axis=-1) @ to_made[:3, :3].T + to_made[:3, 3]
    assert np.abs(voxels - voxels.round()).max() < 1e-3
    x, y, z = np.moveaxis(voxels.round().astype(int), -1, 0)
    assert sorted(loaded.b_values.values) == sorted(made.b_values)
    for volume, b in enumerate(loaded.b_values.values):
        np.testing.assert_array_equal(loaded.signal[..., volume], by_b[float(b)][x, y, z])
