"""Tissues painted one over the other, as an anatomist would build a model from outside to inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.head_shapes import filled
from napari_dwi.physics.phantoms.head_tissues import TISSUES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.phantoms.head_shapes import Field


class Painting:
    """Shares of tissues on a lattice, laid one over the other.

    Parameters
    ----------
    shape : tuple of int
        The lattice. It starts as air everywhere.
    tissues : tuple of str
        What it is painted with.
    width_mm : float
        Width over which the border of a shape is spread unless told otherwise: one step of the lattice.

    Attributes
    ----------
    shares : ndarray, float32, shape (n_tissues, *shape)
        In the order of ``tissues``; what is missing to 1 is air.
    """

    def __init__(
        self, shape: tuple[int, ...], tissues: tuple[str, ...] = TISSUES, width_mm: float = 1.0
    ) -> None:
        self.shares: NDArray[np.float32] = np.zeros((len(tissues), *shape), dtype=np.float32)
        self._tissues = tissues
        self._width_mm = width_mm

    def share(self, tissue: str) -> Field:
        """The share of one tissue."""
        share: Field = self.shares[self._tissues.index(tissue)]
        return share

    def put(self, tissue: str, distance: Field, width_mm: float | None = None, strength: float = 1.0) -> None:
        """Cover the inside of a shape with a tissue; ``strength`` below 1 lets the old one through."""
        cover = filled(distance, width_mm or self._width_mm) * np.float32(strength)
        self._cover(cover, self._tissues.index(tissue))

    def clear(self, distance: Field) -> None:
        """Fill a shape with air."""
        self._cover(filled(distance, self._width_mm), None)

    def _cover(self, cover: Field, tissue: int | None) -> None:
        touched = np.flatnonzero(cover)
        amount = cover.ravel()[touched]
        shares = self.shares.reshape(len(self._tissues), -1)
        for share in shares:
            share[touched] *= 1 - amount
        if tissue is not None:
            shares[tissue, touched] += amount
