"""Slices cut into tiles that a network takes one by one, and put together again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from napari_dwi.fit._image_network import REACH


@dataclass(frozen=True)
class Tiles:
    """Tiles of equal size that cover slices.

    Parameters
    ----------
    height, width : int
        Size of the slices.
    side : int
        Largest side of a tile, in voxels.
    """

    height: int
    width: int
    side: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a tile."""
        rows, columns = self.number
        return -(-self.height // rows), -(-self.width // columns)

    @property
    def number(self) -> tuple[int, int]:
        """Tiles along the height and the width of a slice."""
        return -(-self.height // self.side), -(-self.width // self.side)

    def cut(self, stack: torch.Tensor, *, margin: int = 0) -> torch.Tensor:
        """Tiles (n_tiles, n, tile height, tile width) of a stack (n_slices, n, height, width).

        Each brings along ``margin`` voxels on every side; what lies beyond the slice is 0.
        """
        (rows, columns), (high, wide) = self.number, self.size
        below, right = rows * high - self.height, columns * wide - self.width
        padded = pad(stack, (margin, right + margin, margin, below + margin))
        windows = padded.unfold(2, high + 2 * margin, high).unfold(3, wide + 2 * margin, wide)
        return windows.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous()

    def join(self, tiles: torch.Tensor) -> torch.Tensor:
        """The stack of tiles without margin."""
        split: torch.Tensor = tiles.unflatten(0, (-1, *self.number))
        grid = split.permute(0, 3, 1, 4, 2, 5)
        return grid.flatten(4, 5).flatten(2, 3)[..., : self.height, : self.width]

    def with_margin(self, stack: torch.Tensor) -> torch.Tensor:
        """Tiles with what a network needs around them."""
        return self.cut(stack, margin=REACH)
