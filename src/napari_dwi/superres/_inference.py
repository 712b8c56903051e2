"""A trained network at work on whole slices, in tiles where these are too large at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dwi.superres._non_local_means import non_local_means
from napari_dwi.superres.training._training import load_weights
from napari_dwi.superres.training._unet import UNet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.method import Context
    from napari_dwi.superres.training.checkpoint import Checkpoint

# What one core takes less than 0.2 s for, so that a stop is noticed in time; graphics cards like more.
_TILE_CPU = 192
_TILE_GPU = 1024
_SMALLEST_TILE = 16


def enhanced(
    checkpoint: Checkpoint, image: NDArray[np.float32], noise_sd: float, context: Context
) -> NDArray[np.float32]:
    """What a network makes of slices.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    image : ndarray, float32, shape (x, y, z)
        Zero-filled slices in units of the brightest tissue, without NaN; z is the slice axis.
    noise_sd : float
        SD of their noise, in that unit.
    context : Context
        Device, progress and stop. When memory runs out its ``chunk_scale`` makes tiles smaller.

    Returns
    -------
    ndarray, as ``image``
        The same for any size of tiles, but for rounding.
    """
    network = UNet(checkpoint.config)
    load_weights(network, checkpoint.weights)
    network.to(context.device).eval()
    multiple = checkpoint.config.multiple
    wanted = context.chunk(_TILE_CPU if context.device == "cpu" else _TILE_GPU)
    tile = max(_SMALLEST_TILE, wanted) // multiple * multiple or multiple
    made = np.empty_like(image)
    tiles = list(_tiles(image.shape[0], image.shape[1], tile, checkpoint.config.reach))
    n_slices = image.shape[2]
    noise = torch.full((1,), noise_sd, device=context.device)
    progress, guide = context.progress, None
    if checkpoint.config.guide == "nlm":
        # Of whole slices, since its searches reach further than the margin of a tile.
        guide = non_local_means(image, noise_sd, checkpoint.config.factor, progress.part(0, 2))
        progress = progress.part(1, 2)

    def seen(values: NDArray[np.float32], z: int, whole: tuple[slice, slice]) -> torch.Tensor:
        # A copy, as accumulating on the device would need room for the whole slice there.
        return torch.from_numpy(np.ascontiguousarray(values[(*whole, z)]))[None, None].to(context.device)

    with torch.inference_mode():
        for z in range(n_slices):
            for n, (whole, inner, part) in enumerate(tiles):
                done = (z + n / len(tiles)) / n_slices
                progress.report(done, f"network, slice {z + 1}/{n_slices}")
                told = None if guide is None else seen(guide, z, whole)
                tile_made = network(seen(image, z, whole), noise, told)
                made[(*inner, z)] = tile_made[(0, 0, *part)].cpu().numpy()
    progress.report(1.0, "network done")
    return made


def _tiles(
    height: int, width: int, tile: int, reach: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], tuple[slice, slice]]]:
    """Tiles of a slice: what the network sees, what is kept of it, and where that lies in what it made."""
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            rows, columns = (_reaching(a, tile, n, reach) for a, n in ((top, height), (left, width)))
            yield (rows[0], columns[0]), (rows[1], columns[1]), (rows[2], columns[2])


def _reaching(start: int, tile: int, size: int, reach: int) -> tuple[slice, slice, slice]:
    stop = min(start + tile, size)
    first, last = max(0, start - reach), min(size, stop + reach)
    return slice(first, last), slice(start, stop), slice(start - first, stop - first)
