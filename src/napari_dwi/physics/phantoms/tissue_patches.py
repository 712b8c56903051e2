"""Slices made of patches of abdominal tissue, to measure fits that look at neighbouring voxels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.organs import ORGANS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.signal_models import SignalModel

TISSUES = tuple(
    organ
    for organ in ORGANS
    if organ.name in ("liver", "kidney", "pancreas", "pancreatic carcinoma", "muscle")
)

# Patches have a mean side of about eight voxels and reach through about four slices.
_VOXELS_IN_PATCH = 64.0
_SLICES_IN_PATCH = 4.0


@dataclass(frozen=True, eq=False)
class TissuePatches:
    """The truth of simulated slices.

    Parameters
    ----------
    values : ndarray, float64, shape (x, y, z, n_parameters)
        Parameters of a signal model, S0 = 1; 0 outside the body.
    tissue : ndarray of int, shape (x, y, z)
        Index in `TISSUES`; -1 outside the body.
    """

    values: NDArray[np.float64]
    tissue: NDArray[np.int_]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """The body."""
        return np.asarray(self.tissue >= 0)


def tissue_patches(
    model: SignalModel,
    shape: tuple[int, int, int],
    *,
    patch_spread: float = 0.05,
    voxel_spread: float = 0.0,
    seed: int = 0,
) -> TissuePatches:
    """An elliptic body filled with convex patches of the tissues, no two of them quite alike.

    Parameters
    ----------
    model : SignalModel
        The signal model.
    shape : (int, int, int)
        Voxels along x, y and z, the axis across the slices.
    patch_spread, voxel_spread : float
        Relative standard deviations of each parameter but S0 within a tissue: from patch to patch, and
        from voxel to voxel of a patch, independent of each other as no scanner would show them.
    seed : int
        Seed of patches and spread.
    """
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1).astype(float)
    middle, radius = (np.array(shape[:2]) - 1) / 2, np.array(shape[:2]) / 2
    body = (((places[..., :2] - middle) / radius) ** 2).sum(axis=-1) <= 1
    per_patch = _VOXELS_IN_PATCH * _SLICES_IN_PATCH
    centres = rng.uniform(0, shape, (max(len(TISSUES), round(np.prod(shape) / per_patch)), 3))
    across = np.array([1.0, 1.0, _VOXELS_IN_PATCH**0.5 / _SLICES_IN_PATCH])
    nearest = np.full(shape, np.inf)
    patch = np.zeros(shape, dtype=int)
    for n, centre in enumerate(centres):
        distance = (((places - centre) * across) ** 2).sum(axis=-1)
        patch = np.where(distance < nearest, n, patch)
        nearest = np.minimum(nearest, distance)
    tissue = np.where(body, patch % len(TISSUES), -1)
    n_shape = len(model.shape)
    values = np.stack([organ.values(model) for organ in TISSUES])[tissue]
    values[..., :-1] *= rng.normal(1.0, patch_spread, (len(centres), n_shape))[patch]
    values[..., :-1] *= rng.normal(1.0, voxel_spread, (*shape, n_shape))
    return TissuePatches(np.where(body[..., None], values, 0.0), tissue)
