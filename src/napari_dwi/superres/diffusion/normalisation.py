"""One scale for a pair of scans, taken from the quick one alone: the other is not there when it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Normalisation:
    """z = (x - mean) / sd, for both images of a pair.

    Parameters
    ----------
    mean, sd : float
        Of the volume of the quick scan, in its unit; kept with the pair.
    """

    mean: float
    sd: float

    @classmethod
    def of(cls, low: NDArray[np.floating]) -> Normalisation:
        """That of a whole volume of the quick scan; NaN is left out.

        Raises
        ------
        BadInputError
            If all its voxels are equal or none has a value.
        """
        values = low[np.isfinite(low)]
        sd = float(values.std(dtype=np.float64)) if values.size else 0.0
        if not sd > 0:
            raise BadInputError("a constant image cannot be normalised")
        return cls(float(values.mean(dtype=np.float64)), sd)

    def apply(self, image: NDArray[np.floating]) -> NDArray[np.floating]:
        """Scanner units to units of the network."""
        return (image - self.mean) / self.sd

    def undo(self, image: NDArray[np.floating]) -> NDArray[np.floating]:
        """Back to scanner units."""
        return image * self.sd + self.mean
