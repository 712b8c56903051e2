"""The descriptor of a voxel, made on the device for the voxels of one batch at a time.

Only the images and three small tables are kept: all descriptors of a series together would take
gigabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dwi.denoise._band_limited import axis_coordinates, band_limited_encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray


class VoxelFeatures:
    """Position encoding and patches of the prior images (BL-INR, section 2.1).

    Parameters
    ----------
    priors : ndarray, float32, shape (n_priors, x, y, z)
        Other b-values and anatomy, scaled to order one, without NaN.
    omega_max, n_frequencies
        As for `band_limited_encoding`.
    patch_size : int
        Odd edge length of the patches, in voxels.
    device : str
        Where to compute.
    """

    def __init__(
        self,
        priors: NDArray[np.float32],
        omega_max: float,
        n_frequencies: int,
        patch_size: int,
        device: str,
    ) -> None:
        n_priors, *shape = priors.shape
        radius = patch_size // 2
        padded = np.pad(priors, [(0, 0)] + [(radius, radius)] * 3, mode="reflect")
        self._priors = torch.from_numpy(padded).flatten(1).to(device)
        self._encodings = [
            torch.from_numpy(band_limited_encoding(axis_coordinates(n), omega_max, n_frequencies)).to(device)
            for n in shape
        ]
        self._strides = (padded.shape[2] * padded.shape[3], padded.shape[3], 1)
        span = torch.arange(patch_size, device=device)
        x, y, z = self._strides
        cube = span[:, None, None] * x + span[None, :, None] * y + span[None, None, :] * z
        self._offsets = cube.flatten()
        self._shape = shape
        self.n_features = sum(table.shape[1] for table in self._encodings) + n_priors * len(self._offsets)

    def __call__(self, voxels: torch.Tensor) -> torch.Tensor:
        """Descriptors (batch, n_features) of voxels given by flat C-order index into (x, y, z)."""
        z = voxels % self._shape[2]
        y = voxels // self._shape[2] % self._shape[1]
        x = voxels // (self._shape[2] * self._shape[1])
        parts = [table[index] for table, index in zip(self._encodings, (x, y, z), strict=True)]
        if len(self._priors):
            # The padded array begins one radius earlier, so a voxel's index there is its patch's corner.
            corner = x * self._strides[0] + y * self._strides[1] + z * self._strides[2]
            patches = self._priors[:, corner[:, None] + self._offsets]
            parts.append(patches.permute(1, 0, 2).reshape(len(voxels), -1))
        return torch.cat(parts, dim=1)
