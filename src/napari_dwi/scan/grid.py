"""Where the voxels of an image lie in the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

AffineSource = Literal[
    "sform", "qform", "DICOM", "MGH", "PAR", "NRRD or MHA", "ParaVision", "simulated", "voxel sizes", "given"
]

# Below this determinant (mm3) voxels have no volume and directions cannot be told apart.
_SMALLEST_VOXEL_MM3 = 1e-6
# Nor where one side is that much longer than another.
_FLATTEST_VOXEL = 1e7


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxel grid of an image: its size and its place in scanner space.

    Parameters
    ----------
    shape : (int, int, int)
        Number of voxels along the array axes (x, y, z), as stored.
    affine : array_like, shape (4, 4)
        Voxel index to millimetres, RAS+ (x to the patient's right, y anterior, z superior).
    affine_source : str
        Where the affine came from. ``"voxel sizes"`` means that the file does not say how the
        patient was lying: distances hold, left and right do not.

    Raises
    ------
    BadInputError
        If a dimension is not positive, or the affine is not finite or has voxels without volume.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    affine_source: AffineSource = "given"

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise BadInputError(
                "not a three-dimensional grid", expected="three positive sizes", found=self.shape
            )
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4):
            raise BadInputError(
                "not an affine matrix", expected="shape (4, 4)", found=f"shape {affine.shape}"
            )
        if not np.isfinite(affine).all():
            raise BadInputError("the affine matrix holds NaN or infinite numbers")
        with np.errstate(all="ignore"):
            volume_mm3 = abs(np.linalg.det(affine[:3, :3]))
            flatness = np.linalg.cond(affine[:3, :3])
        if not _SMALLEST_VOXEL_MM3 <= volume_mm3 < np.inf or flatness > _FLATTEST_VOXEL:
            raise BadInputError(
                "the affine matrix is singular, so voxels have no volume",
                found=f"determinant {volume_mm3:.3g} mm3",
            )
        affine.setflags(write=False)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "affine", affine)

    @classmethod
    def from_spacing(cls, shape: tuple[int, int, int], spacing_mm: ArrayLike) -> Grid:
        """A grid of unknown orientation whose middle lies at the origin."""
        spacing = np.asarray(spacing_mm, dtype=np.float64)
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = -spacing * (np.asarray(shape) - 1) / 2
        return cls(shape, affine, "voxel sizes")

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along the array axes (x, y, z), in mm."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def orientation(self) -> str:
        """Three letters: where each array axis points (``"LAS"``: to the left, anterior, superior)."""
        from nibabel.orientations import aff2axcodes

        return "".join(aff2axcodes(self.affine))

    @property
    def orientation_known(self) -> bool:
        """Whether the file said how the patient was lying."""
        return self.affine_source != "voxel sizes"

    def same_as(self, other: Grid, tolerance_mm: float = 0.01) -> bool:
        """Whether every voxel of both grids lies at the same place, within a tolerance in mm."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1)
        return bool(np.abs(self.to_mm(corners.T) - other.to_mm(corners.T)).max() <= tolerance_mm)

    def to_mm(self, voxels: ArrayLike) -> NDArray[np.float64]:
        """Positions in RAS+ mm, shape (..., 3), of voxel indices of shape (..., 3)."""
        points = np.asarray(voxels, dtype=np.float64)
        return points @ self.affine[:3, :3].T + self.affine[:3, 3]

    @property
    def slice_axis(self) -> int:
        """The axis with the largest spacing; of equal spacings the last, along which slices are stored."""
        spacing = self.spacing_mm
        # Rounded, since spacings are computed.
        return max(range(3), key=lambda axis: (round(spacing[axis], 2), axis))

    @property
    def in_plane_axes(self) -> tuple[int, int]:
        """The two axes within a slice."""
        first, second = (axis for axis in range(3) if axis != self.slice_axis)
        return first, second

    @property
    def spacing_slices_last_mm(self) -> tuple[float, float, float]:
        """The spacings within a slice, then that of slices."""
        first, second = self.in_plane_axes
        spacing = self.spacing_mm
        return spacing[first], spacing[second], spacing[self.slice_axis]

    def refined(self, factors: Sequence[int]) -> Grid:
        """The grid with so many voxels for one along each axis.

        Voxel ``factor * n`` lies exactly where voxel ``n`` of this grid lies, as after zero-filling of
        k-space (see `napari_dwi.physics.k_space`).
        """
        x, y, z = (size * times for size, times in zip(self.shape, factors, strict=True))
        finer = np.diag([*(1 / times for times in factors), 1.0])
        return Grid((x, y, z), self.affine @ finer, self.affine_source)

    def cropped(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Grid:
        """The part of the grid from voxel ``start`` up to, not including, voxel ``stop``."""
        affine = self.affine.copy()
        affine[:3, 3] = self.to_mm(start)
        x, y, z = (b - a for a, b in zip(start, stop, strict=True))
        return Grid((x, y, z), affine, self.affine_source)
