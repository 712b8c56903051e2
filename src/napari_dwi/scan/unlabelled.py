"""Diffusion volumes whose b-values are not all known: shown, asked about, never fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import TYPED, BValues
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Source

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class UnlabelledSeries:
    """Volumes that become a `DwiSeries` once somebody says what their b-values are.

    Parameters
    ----------
    signal : ndarray, float32, shape (x, y, z, n)
        Magnitude signal in scanner units.
    grid : Grid
        Geometry shared by all volumes.
    b_values : tuple of float or None
        One per volume, s/mm2; ``None`` where it is not known.
    name, source, notes
        As for `DwiSeries`.
    directions : ndarray of shape (n, 3), optional
        Gradient directions, where the file has them.
    """

    signal: NDArray[np.float32]
    grid: Grid
    b_values: tuple[float | None, ...]
    name: str = "dwi"
    source: Source | None = None
    notes: tuple[str, ...] = field(default=())
    directions: NDArray[np.float64] | None = None

    def with_b_values(self, values: Sequence[float], origin: str = TYPED) -> DwiSeries:
        """The series with one b-value (s/mm2) per volume.

        Raises
        ------
        BadInputError
            If there is not one finite b-value >= 0 for every volume.
        """
        b_values = BValues(np.asarray(values), self.directions, origin)
        return DwiSeries(self.signal, self.grid, b_values, self.name, self.source, self.notes)


class UnknownBValuesError(BadInputError):
    """A diffusion series was read whose b-values must be asked for.

    Parameters
    ----------
    series : UnlabelledSeries
        What was read, so that it need not be read again.
    what, expected, found, remedy
        As for `BadInputError`.
    """

    def __init__(
        self,
        series: UnlabelledSeries,
        what: str,
        *,
        file: Path | str | None = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        self.series = series
        super().__init__(what, file=file, expected=expected, found=found, remedy=remedy)
