"""A trained network at work on whole slices, in tiles where these are too large at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


class TiledNetwork:
    """A network at work on slices of any size.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    context : Context
        Device. When memory runs out its ``chunk_scale`` makes tiles smaller.
    """

    def __init__(self, checkpoint: Checkpoint, context: Context) -> None:
        self._network = UNet(checkpoint.config)
        load_weights(self._network, checkpoint.weights)
        self._network.to(context.device).eval()
        self._device = context.device
        multiple = checkpoint.config.multiple
        wanted = context.chunk(_TILE_CPU if context.device == "cpu" else _TILE_GPU)
        self._tile = max(_SMALLEST_TILE, wanted) // multiple * multiple or multiple
        self._reach = checkpoint.config.reach

    def __call__(
        self,
        image: NDArray[np.float32],
        noise_sd: float,
        report: Callable[[float], None],
        guide: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """What the network makes of one slice; the same for any size of tiles, but for rounding.

        Parameters
        ----------
        image : ndarray, float32, shape (channels, x, y)
            What it sees.
        noise_sd : float
            SD of the noise, in the unit of the image.
        report : callable
            Told the share that is done before every tile.
        guide : ndarray, float32, shape (1, x, y), optional
            For networks that have one.

        Returns
        -------
        ndarray, float32, shape (x, y)
        """
        height, width = image.shape[1:]
        made = np.empty((height, width), np.float32)
        noise = torch.full((1,), noise_sd, device=self._device)
        tiles = list(_tiles(height, width, self._tile, self._reach))
        with torch.inference_mode():
            for n, (whole, inner, part) in enumerate(tiles):
                report(n / len(tiles))
                told = None if guide is None else self._seen(guide, whole)
                tile_made = self._network(self._seen(image, whole), noise, told)
                made[inner] = tile_made[(0, 0, *part)].cpu().numpy()
        return made

    def _seen(self, values: NDArray[np.float32], whole: tuple[slice, slice]) -> torch.Tensor:
        # A copy, as accumulating on the device would need room for the whole slice there.
        return torch.from_numpy(np.ascontiguousarray(values[(..., *whole)]))[None].to(self._device)


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
    network = TiledNetwork(checkpoint, context)
    made = np.empty_like(image)
    n_slices = image.shape[2]
    progress, guide = context.progress, None
    if checkpoint.config.guide == "nlm":
        # Of whole slices, since its searches reach further than the margin of a tile.
        guide = non_local_means(image, noise_sd, checkpoint.config.factor, progress.part(0, 2))
        progress = progress.part(1, 2)
    for z in range(n_slices):

        def report(done: float, z: int = z) -> None:
            progress.report((z + done) / n_slices, f"network, slice {z + 1}/{n_slices}")

        told = None if guide is None else guide[None, ..., z]
        made[..., z] = network(image[None, ..., z], noise_sd, report, told)
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
