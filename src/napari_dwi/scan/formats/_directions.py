"""Gradient directions of other formats, in the voxel axes in which .bvec files give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan.grid import Grid


def in_voxel_axes(directions_ras: NDArray[np.float64], grid: Grid) -> NDArray[np.float64]:
    """Unit directions in FSL's convention, shape (n, 3), of directions in the patient (RAS).

    FSL counts x backwards where the voxel axes are right-handed (positive determinant). Zero and
    unknown directions become zero.
    """
    axes = grid.affine[:3, :3] / np.asarray(grid.spacing_mm)
    # The inverse of the transpose would be right for sheared grids too; scanners make none.
    turned: NDArray[np.float64] = np.nan_to_num(directions_ras) @ axes
    if np.linalg.det(axes) > 0:
        turned[:, 0] *= -1
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    turned[:] = np.divide(turned, lengths, out=np.zeros_like(turned), where=lengths > 0)
    return turned
