"""The diffusion weighting of every volume of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Scanners store 4.99 for 5 and 929.75 for 930; Philips adds 0.001 to tell repeats apart.
_ABSOLUTE_TOLERANCE = 1.0
_RELATIVE_TOLERANCE = 0.01

# Where b-values come from, as `BValues.origin` says it; text files are called by their names.
FROM_HEADERS = "DICOM headers"
TYPED = "typed by the user"


@dataclass(frozen=True, eq=False)
class BValues:
    """One b-value per volume, and directions where they are known.

    Parameters
    ----------
    values : array_like, shape (n,)
        b-values in s/mm2, in the order of the volumes.
    directions : array_like, shape (n, 3), optional
        Gradient directions as stored (FSL convention, voxel axes). Zero rows are trace-weighted
        or b = 0 volumes.
    origin : str
        Where the values were read, in words for the user.

    Raises
    ------
    BadInputError
        If a value is negative, not finite, or the two arrays disagree in length.
    """

    values: NDArray[np.float64]
    directions: NDArray[np.float64] | None = None
    origin: str = "given"

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        if values.ndim != 1 or values.size == 0:
            raise BadInputError(
                "b-values must be a list of numbers", found=f"an array of shape {values.shape}"
            )
        if not np.isfinite(values).all() or (values < 0).any():
            bad = values[~np.isfinite(values) | (values < 0)][0]
            raise BadInputError("b-values must be finite and not negative", found=f"{bad:g}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        if self.directions is not None:
            directions = np.array(self.directions, dtype=np.float64)
            if directions.shape != (values.size, 3):
                raise BadInputError(
                    "gradient directions do not match the b-values",
                    expected=f"shape ({values.size}, 3)",
                    found=f"shape {directions.shape}",
                )
            directions.setflags(write=False)
            object.__setattr__(self, "directions", directions)

    def __len__(self) -> int:
        return int(self.values.size)

    def __str__(self) -> str:
        return " ".join(format_b_value(b) for b in self.distinct)

    @property
    def in_order_of_reading(self) -> bool:
        """Whether they were told volume by volume, in the order that DICOM series are read in.

        A text file made by the converter, or by hand from its images, has the order of the converter,
        which for some series is another one.
        """
        return self.origin == FROM_HEADERS or self.origin.startswith(TYPED)

    @property
    def distinct(self) -> tuple[float, ...]:
        """The different b-values in rising order, s/mm2; values within tolerance count as one."""
        return tuple(float(np.mean(self.values[group])) for group in self._groups())

    def indices(self, b_value: float) -> NDArray[np.intp]:
        """Volumes acquired at ``b_value`` (s/mm2), within tolerance, in their stored order.

        Raises
        ------
        BadInputError
            If no volume has that b-value.
        """
        for group in self._groups():
            mean = float(np.mean(self.values[group]))
            if abs(mean - b_value) <= _tolerance(mean):
                return np.sort(group)
        raise BadInputError(
            f"the series has no volume at b = {b_value:g} s/mm2",
            expected=f"one of {self}",
            remedy="Choose one of these b-values.",
        )

    def subset(self, volumes: ArrayLike) -> BValues:
        """The b-values of some of the volumes, given by index."""
        index = np.asarray(volumes, dtype=np.intp)
        directions = None if self.directions is None else self.directions[index]
        return BValues(self.values[index], directions, self.origin)

    def _groups(self) -> list[NDArray[np.intp]]:
        order = np.argsort(self.values, kind="stable")
        rising = self.values[order]
        starts = np.flatnonzero(np.diff(rising) > _tolerance(rising[:-1])) + 1
        return list(np.split(order, starts))


def format_b_value(b_value: float) -> str:
    """A b-value as readers write it: whole where it is whole, else with two decimals."""
    return f"{b_value:.2f}".rstrip("0").rstrip(".")


def _tolerance(b_value: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    return np.maximum(_ABSOLUTE_TOLERANCE, _RELATIVE_TOLERANCE * np.asarray(b_value))
