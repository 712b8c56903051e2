"""Slices cut into tiles: a network sees in them what it would see in whole slices."""

from __future__ import annotations

import pytest
import torch

from napari_dwi.fit._image_network import REACH, ImageNetwork
from napari_dwi.fit._image_tiles import Tiles

SIZES = [(2, 2, 8), (1, 1, 4), (9, 7, 4), (16, 16, 4), (5, 13, 6)]


@pytest.mark.parametrize(("height", "width", "side"), SIZES)
def test_tiles_put_together_are_the_slices(height: int, width: int, side: int) -> None:
    stack = torch.rand(3, 2, height, width)
    tiles = Tiles(height, width, side)
    cut = tiles.cut(stack)
    assert max(cut.shape[2:]) <= side
    torch.testing.assert_close(tiles.join(cut), stack)


@pytest.mark.parametrize(("height", "width", "side"), SIZES)
def test_a_network_gives_the_same_for_tiles_as_for_whole_slices(height: int, width: int, side: int) -> None:
    torch.manual_seed(0)
    network = ImageNetwork(2, 3, 4, 0.0).eval()
    stack = torch.rand(2, 2, height, width)
    whole = network(torch.nn.functional.pad(stack, (REACH,) * 4))
    assert whole.shape == (2, 3, height, width)
    tiles = Tiles(height, width, side)
    torch.testing.assert_close(tiles.join(network(tiles.with_margin(stack))), whole)
