"""Tissues painted one over the other, as an anatomist would build a model from outside to inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.head_shapes import filled
from napari_dwi.physics.head_tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.head_shapes import Field


class Painting:
    """Shares of tissues on a lattice, laid one over the other.

    Parameters
    ----------
    shape : tuple of int
        The lattice. It starts as air everywhere.

    Attributes
    ----------
    shares : ndarray, float32, shape (n_tissues, *shape)
        In the order of `TISSUES`; what is missing to 1 is air.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shares: NDArray[np.float32] = np.zeros((len(TISSUES), *shape), dtype=np.float32)

    def share(self, tissue: str) -> Field:
        """The share of one tissue."""
        share: Field = self.shares[TISSUES.index(tissue)]
        return share

    def put(self, tissue: str, distance: Field, width_mm: float = 1.0, strength: float = 1.0) -> None:
        """Cover the inside of a shape with a tissue; ``strength`` below 1 lets the old one through."""
        self._cover(filled(distance, width_mm) * np.float32(strength), TISSUES.index(tissue))

    def clear(self, distance: Field) -> None:
        """Fill a shape with air."""
        self._cover(filled(distance), None)

    def _cover(self, cover: Field, tissue: int | None) -> None:
        touched = np.flatnonzero(cover)
        amount = cover.ravel()[touched]
        shares = self.shares.reshape(len(TISSUES), -1)
        for share in shares:
            share[touched] *= 1 - amount
        if tissue is not None:
            shares[tissue, touched] += amount
