"""A digital head, to be imaged on any grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from napari_dwi.physics.phantoms.digital_body import DigitalBody
from napari_dwi.physics.phantoms.head_anatomy import Anatomy
from napari_dwi.physics.phantoms.head_shapes import Position
from napari_dwi.physics.phantoms.head_tissues import LESIONS, TISSUES

# The box that holds the head, in mm: right and left, back and front. Below, the neck goes on.
_HALF_WIDTH_MM = 90
_BACK_MM, _FRONT_MM = -128, 112
_LOWEST_MM, _HIGHEST_MM = -75, 100

# Slices worked out at once, and those on both sides that are thrown away: the anatomy takes the
# differences between neighbours twice, which go wrong at the ends.
_SLAB, _MARGIN = 16, 2


@lru_cache(maxsize=1)
def digital_head(seed: int = 0, lowest_mm: int = _LOWEST_MM, highest_mm: int = _HIGHEST_MM) -> DigitalBody:
    """The head that belongs to a seed.

    Parameters
    ----------
    seed : int
        Anatomy seed; another one folds the cortex differently.
    lowest_mm, highest_mm : int
        The part that is needed, in mm above the anterior commissure.
    """
    lowest, highest = max(lowest_mm, _LOWEST_MM), min(highest_mm, _HIGHEST_MM)
    anatomy = Anatomy.from_seed(seed)
    x = np.arange(-_HALF_WIDTH_MM, _HALF_WIDTH_MM + 1, dtype=np.float32).reshape(-1, 1, 1)
    y = np.arange(_BACK_MM, _FRONT_MM + 1, dtype=np.float32).reshape(1, -1, 1)
    z = np.arange(lowest, highest + 1, dtype=np.float32).reshape(1, 1, -1)
    shape = (x.size, y.size, z.size)
    tissues = np.empty((len(TISSUES), *shape), dtype=np.uint8)
    lesions = np.empty((len(LESIONS), *shape), dtype=np.uint8)
    for start in range(0, z.size, _SLAB):
        stop = min(start + _SLAB, z.size)
        slab = np.arange(lowest + start - _MARGIN, lowest + stop + _MARGIN, dtype=np.float32)
        shares = anatomy.tissue_at(Position(x, y, slab.reshape(1, 1, -1)))
        for stored, share in zip((tissues, lesions), shares, strict=True):
            stored[..., start:stop] = np.rint(share[..., _MARGIN:-_MARGIN] * 255)
    tissues.setflags(write=False)
    lesions.setflags(write=False)
    return DigitalBody(TISSUES, tissues, lesions, (-_HALF_WIDTH_MM, _BACK_MM, lowest))
