"""Voxels laid out as a stack of slices for image networks, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._image_parameters import BY_VOXEL
from napari_dwi.fit._problem import FitProblem, Voxels
from napari_dwi.physics.signal_models import UNWEIGHTED_B

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Ratios of noise to noise, where there is hardly any signal, would otherwise rule the loss.
_LARGEST_SIGNAL = 4.0
_SMALLEST_SCALE = 1e-3
_ROWS = 50_000


@dataclass(frozen=True, eq=False)
class ImageStack:
    """The voxels of a fit as slices, cropped to where they lie; slices without any are left out.

    Parameters
    ----------
    signal : ndarray, float32, shape (n_slices, n_b, height, width)
        Divided signal in the order of ``order``; 0 outside.
    inside : ndarray of bool, shape (n_slices, height, width)
        Where there are voxels.
    scale : ndarray, float32, shape (n_voxels,)
        What the signal of every voxel was divided by, in scanner units.
    order : ndarray of int, shape (n_b,)
        The volumes by rising b-value.
    places : tuple of ndarray of int, each of shape (n_voxels,)
        Slice, row and column of every voxel.
    """

    signal: NDArray[np.float32]
    inside: NDArray[np.bool_]
    scale: NDArray[np.float32]
    order: NDArray[np.intp]
    places: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]

    def at_voxels(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Values (n_voxels, n) of maps (n_slices, n, height, width)."""
        slices, rows, columns = self.places
        return np.asarray(maps[slices, :, rows, columns])

    def as_maps(self, values: NDArray[Any]) -> NDArray[Any]:
        """Maps (n_slices, n, height, width) of values (n_voxels, n); 0 outside."""
        slices, rows, columns = self.places
        n_slices, height, width = self.inside.shape
        maps = np.zeros((n_slices, values.shape[1], height, width), dtype=values.dtype)
        maps[slices, :, rows, columns] = values
        return maps


def _unheard() -> None:
    """A stop that nobody asks for."""


def image_stack(
    voxels: Voxels,
    problem: FitProblem,
    slice_axis: int,
    divided_by: str,
    check: Callable[[], None] = _unheard,
) -> ImageStack:
    """The voxels of a fit as a stack of slices.

    Parameters
    ----------
    voxels : Voxels
        What is fitted.
    problem : FitProblem
        The b-values.
    slice_axis : int
        Axis across the slices (0 to 2).
    divided_by : str
        ``"voxel"``: every voxel's signal is divided by its own mean at the lowest b-value; ``"scan"``:
        all by the mean of these over the voxels.
    check : callable
        Called often; may raise `Stopped`.
    """
    order = np.lexsort((problem.weights, problem.b))
    lowest = problem.b <= problem.b.min() + UNWEIGHTED_B
    share = problem.weights[lowest] / problem.weights[lowest].sum()
    own = voxels.signal[:, lowest].astype(np.float64) @ share
    typical = float(own[own > 0].mean()) if (own > 0).any() else 1.0
    scale = (
        np.maximum(own, _SMALLEST_SCALE * typical) if divided_by == BY_VOXEL else np.full_like(own, typical)
    )
    limit = _LARGEST_SIGNAL if divided_by == BY_VOXEL else max(_LARGEST_SIGNAL, float(own.max()) / typical)
    placed = np.nonzero(voxels.inside)
    rows, columns = (placed[axis] for axis in range(3) if axis != slice_axis)
    used, slices = np.unique(placed[slice_axis], return_inverse=True)
    rows, columns = rows - rows.min(), columns - columns.min()
    inside = np.zeros((len(used), rows.max() + 1, columns.max() + 1), dtype=bool)
    inside[slices, rows, columns] = True
    signal = np.zeros((len(used), len(order), *inside.shape[1:]), dtype=np.float32)
    for first in range(0, len(voxels.signal), _ROWS):
        check()
        some = slice(first, first + _ROWS)
        divided = voxels.signal[some][:, order] / scale[some, None]
        signal[slices[some], :, rows[some], columns[some]] = np.clip(divided, -limit, limit)
    return ImageStack(signal, inside, scale.astype(np.float32), order, (slices, rows, columns))
