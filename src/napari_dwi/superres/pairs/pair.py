"""What is known of a pair of scans, one of low and one of high resolution, without its images."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid

FACTORS = (1, 2, 3, 4)
_AFFINE_NUMBERS = 12
# Names become folders, on systems that forbid more than others.
_NAME = re.compile(r"\w(?:[\w .+-]{0,78}\w)?")


@dataclass(frozen=True)
class PairFacts:
    """A pair as it is in a store.

    Parameters
    ----------
    name : str
        The name of the pair, unlike that of any other in the store.
    subject : str
        Whose scans these are, as the user calls them. All pairs of a subject go into one part of a split.
    plane : str
        How the slices lie (``"axial"``), as the user says it; may be empty.
    factor : int
        Fine voxels for one of low resolution along both axes of the slice, 1 to 4; 1 where only the noise
        differs.
    shape_low, shape_high : (int, int, int)
        Voxels along both axes of a slice, and slices.
    spacing_low_mm, spacing_high_mm : (float, float, float)
        Voxel sizes along the same axes, mm.
    scale : float
        Brightness of the brightest tissue of the low-resolution volume alone, in scanner units. Divides
        both images and the noise, so that one who has no high-resolution scan has the same scale.
    sigma_low : float
        SD of the noise within tissue of the low-resolution volume, in scanner units; 0 where none is seen.
    shift : (float, float)
        By how much the high-resolution scan was found displaced against the zero-filled low-resolution
        one, in fine voxels along both axes of the slice.
    excluded : tuple of int
        Slices that nothing is learnt from, counted from 0.
    told_shift : (float, float)
        The displacement that the positions in the files tell, which is another matter: see
        `napari_dwi.superres.pairs.importing`.
    corrected : (float, float)
        The displacement that was taken back from the high-resolution images in the store; zero where
        they are as they were read.
    sources : tuple of str
        SHA-256 of the low-resolution source, then of the high-resolution one.
    affine : tuple of float
        Where low-resolution voxels lie: the first three rows, one after the other, of the matrix from
        (row, column, slice) to RAS+ mm. Empty if it is not known.

    Raises
    ------
    BadInputError
        If there cannot be such a pair.
    """

    name: str
    subject: str
    plane: str
    factor: int
    shape_low: tuple[int, int, int]
    shape_high: tuple[int, int, int]
    spacing_low_mm: tuple[float, float, float]
    spacing_high_mm: tuple[float, float, float]
    scale: float
    sigma_low: float
    shift: tuple[float, float] = (0.0, 0.0)
    excluded: tuple[int, ...] = ()
    told_shift: tuple[float, float] = (0.0, 0.0)
    corrected: tuple[float, float] = (0.0, 0.0)
    sources: tuple[str, ...] = ()
    affine: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInputError(
                "not a name for a pair",
                expected="up to 80 letters and digits, with blanks, dots, hyphens or plus signs between",
                found=repr(self.name),
            )
        if not self.subject.strip():
            raise BadInputError(
                "a pair needs a subject", expected="a word that stands for one person or animal"
            )
        if self.factor not in FACTORS:
            raise BadInputError("not a factor of resolution", expected="1, 2, 3 or 4", found=self.factor)
        rows, columns, n_slices = self.shape_low
        if self.shape_high != (self.factor * rows, self.factor * columns, n_slices):
            raise BadInputError(
                "the two images of a pair do not fit together",
                expected=f"{self.factor} times {self.shape_low} in plane",
                found=self.shape_high,
            )
        # Written so that NaN fails too.
        if not (self.scale > 0 and self.sigma_low >= 0):
            raise BadInputError(
                "a pair needs a scale above 0 and a noise level that is not negative",
                found=f"scale {self.scale:g}, noise {self.sigma_low:g}",
            )
        if len(self.affine) not in (0, _AFFINE_NUMBERS) or not np.isfinite(self.affine).all():
            raise BadInputError(
                "this does not say where voxels lie",
                expected=f"{_AFFINE_NUMBERS} numbers, or none",
                found=list(self.affine),
            )
        object.__setattr__(self, "excluded", checked_slices(self.excluded, n_slices, self.name))

    @property
    def n_slices(self) -> int:
        """How many slices each of the two images has."""
        return self.shape_low[2]

    @property
    def used(self) -> tuple[int, ...]:
        """The slices that are learnt from."""
        return tuple(z for z in range(self.n_slices) if z not in self.excluded)

    @property
    def grid_low(self) -> Grid:
        """The grid of the low-resolution images as arrays with the axes (row, column, slice).

        Where it is not known where they lie, they begin at the origin.
        """
        if not self.affine:
            return Grid.from_spacing(self.shape_low, self.spacing_low_mm)
        return Grid(self.shape_low, np.vstack([np.reshape(self.affine, (3, 4)), [0, 0, 0, 1]]))

    @property
    def grid_high(self) -> Grid:
        """The grid of the high-resolution images; as `grid_low`."""
        return self.grid_low.refined((self.factor, self.factor, 1))

    @property
    def noise(self) -> float:
        """Noise of the low-resolution images in units of the brightest tissue."""
        return self.sigma_low / self.scale


def checked_slices(slices: tuple[int, ...], n_slices: int, name: str) -> tuple[int, ...]:
    """Slice numbers in rising order, each once.

    Raises
    ------
    BadInputError
        If there is no such slice, or none is left.
    """
    found = tuple(sorted(set(slices)))
    if found and not 0 <= found[0] <= found[-1] < n_slices:
        raise BadInputError(
            f"{name} has no such slice",
            expected=f"numbers from 0 to {n_slices - 1}",
            found=", ".join(map(str, found)),
        )
    if len(found) == n_slices:
        raise BadInputError(f"no slice of {name} would be left", remedy="Remove the pair instead.")
    return found
