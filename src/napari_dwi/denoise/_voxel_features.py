"""The descriptor of a voxel, made on the device for the voxels of one batch at a time.

Only the images and a few small tables are kept: all descriptors of a series together would take
gigabytes. A *sample* is a voxel of one of the volumes to predict: ``n_voxels`` times the number of
the volume among these, plus the flat C-order index of the voxel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import OwnNeighbours

_SMALLEST_SD = 1e-3


@dataclass(frozen=True, eq=False)
class Columns:
    """What of which image describes a voxel.

    Parameters
    ----------
    image : ndarray of int, shape (n,)
        The image each feature is taken from.
    step : ndarray of int, shape (n, 3)
        Voxels from the voxel described to the one that is taken.
    kept : ndarray of bool, shape (n_targets, n)
        The features that may describe each target; others count as 0.
    """

    image: NDArray[np.intp]
    step: NDArray[np.intp]
    kept: NDArray[np.bool_]

    @classmethod
    def of_patches(cls, images: Iterable[int], patch_size: int, hidden: Sequence[Iterable[int]]) -> Self:
        """Cubes of an odd edge length in some images, less those hidden from each target."""
        images, steps = np.array(list(images), dtype=np.intp), _cube(patch_size // 2)
        image = np.repeat(images, len(steps))
        kept = np.array([~np.isin(image, list(each)) for each in hidden]).reshape(len(hidden), -1)
        return cls(image, np.tile(steps, (len(images), 1)), kept)

    @classmethod
    def of_neighbours(
        cls, images: Sequence[int], own: OwnNeighbours, shape: tuple[int, ...], n_targets: int
    ) -> Self:
        """For each target the next neighbours in its own image, never the voxel itself.

        ``images`` names the image of each target, and ``own`` is as for `LinearPatches`.
        """
        steps = _cube(1)
        near = (steps != 0).any(axis=1)
        # Along an axis of one voxel reflection would fetch the voxel itself.
        for axis, n in enumerate(shape):
            near &= (steps[:, axis] == 0) | (n > 1)
        if own == "other slices":
            near &= steps[:, 2] != 0
        steps = steps[near] if own != "none" else steps[:0]
        image = np.repeat(np.asarray(images, dtype=np.intp), len(steps))
        kept = np.repeat(np.eye(n_targets, dtype=bool), len(steps), axis=1)
        return cls(image, np.tile(steps, (len(images), 1)), kept)

    @classmethod
    def joined(cls, parts: Iterable[Columns]) -> Self:
        """All columns of several, one after the other, without those that describe no target."""
        every = list(parts)
        kept = np.concatenate([part.kept for part in every], axis=1)
        used = kept.any(axis=0)
        image, step = (np.concatenate([getattr(part, name) for part in every]) for name in ("image", "step"))
        return cls(image[used], step[used], kept[:, used])


class VoxelFeatures(nn.Module):
    """Image values around a voxel and the start of its prediction (BL-INR, section 2.1).

    Parameters
    ----------
    images : sequence of ndarray, float32, each of shape (x, y, z)
        Scaled to order one, without NaN.
    columns : Columns
        What of them to take.
    start : ndarray, float32, shape (n_targets, x, y, z), optional
        A first prediction of every target, which describes its voxels too.
    check : callable, optional
        Called often; raises to stop.
    """

    _images: torch.Tensor
    _taken: torch.Tensor
    _kept: torch.Tensor
    _start: torch.Tensor | None
    _mean: torch.Tensor
    _scale: torch.Tensor

    def __init__(
        self,
        images: Sequence[NDArray[np.float32]] | NDArray[np.float32],
        columns: Columns,
        start: NDArray[np.float32] | None = None,
        check: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        check = check or (lambda: None)
        shape = images[0].shape
        radius = int(np.abs(columns.step).max(initial=0))
        padded = np.empty((len(images), *(n + 2 * radius for n in shape)), dtype=np.float32)
        for one, image in zip(padded, images, strict=True):
            check()
            one[...] = np.pad(image, radius, mode="reflect")
        check()
        strides = np.array([padded.shape[2] * padded.shape[3], padded.shape[3], 1])
        taken = columns.image * int(np.prod(padded.shape[1:])) + (columns.step + radius) @ strides
        n_targets = len(columns.kept)
        self._shape, self._strides = shape, tuple(int(stride) for stride in strides)
        self._n_marks = n_targets if n_targets > 1 else 0
        self._keep("_images", padded.reshape(-1))
        self._keep("_taken", taken)
        self._keep("_kept", columns.kept.astype(np.float32))
        self._keep("_start", None if start is None else start.reshape(-1))
        self.n_voxels = int(np.prod(shape))
        n_described = len(taken) + (start is not None)
        self._keep("_mean", np.zeros(n_described, dtype=np.float32))
        self._keep("_scale", np.ones(n_described, dtype=np.float32))
        self.n_features = n_described + self._n_marks

    def _keep(self, name: str, values: NDArray[np.generic] | None) -> None:
        self.register_buffer(
            name, None if values is None else torch.from_numpy(np.ascontiguousarray(values)), persistent=False
        )

    def positions(self, samples: torch.Tensor) -> torch.Tensor:
        """Voxel indices (batch, 3) of samples."""
        voxels = samples % self.n_voxels
        rows = voxels // self._shape[2]
        return torch.stack([rows // self._shape[1], rows % self._shape[1], voxels % self._shape[2]], dim=1)

    def standardise(self, samples: torch.Tensor) -> None:
        """Give the features mean 0 and SD 1 over some samples from now on."""
        values = self._described(samples)
        self._mean.copy_(values.mean(dim=0))
        self._scale.copy_(1 / (values.std(dim=0, unbiased=False) + _SMALLEST_SD))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Descriptors (batch, n_features) of samples."""
        values = (self._described(samples) - self._mean) * self._scale
        if not self._n_marks:
            return values
        targets = samples // self.n_voxels
        values[:, : self._kept.shape[1]] *= self._kept[targets]
        return torch.cat([values, nn.functional.one_hot(targets, self._n_marks).to(values.dtype)], dim=1)

    def _described(self, samples: torch.Tensor) -> torch.Tensor:
        # The padded images begin one radius earlier, so a voxel's index there is its patch's corner.
        corner = (self.positions(samples) * torch.tensor(self._strides, device=samples.device)).sum(dim=1)
        values = self._images[corner[:, None] + self._taken]
        return values if self._start is None else torch.cat([values, self._start[samples][:, None]], dim=1)


def _cube(radius: int) -> NDArray[np.intp]:
    """Steps to all voxels of a cube, in C order, shape (n, 3)."""
    span = np.arange(-radius, radius + 1)
    return np.stack(np.meshgrid(span, span, span, indexing="ij"), axis=-1).reshape(-1, 3)
