"""Whether what a denoiser took away is noise: what is left over should look like nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_VOXELS = 100
# Above these a radiologist sees anatomy in the residual; chance stays far below within a body.
FOLLOWS_FROM = 0.15
ALIKE_FROM = 0.3


@dataclass(frozen=True)
class ResidualStructure:
    """Correlations of a residual (input minus output); 0 throughout for white noise.

    Parameters
    ----------
    along : (float, float, float)
        Autocorrelation between neighbouring voxels along x, y and z. The noise of scanners that
        interpolate reaches 0.5 in the plane by itself.
    with_image : float
        Correlation with an image of the anatomy: brightness that was taken away. Below 0 where the
        noise floor was, which dark tissue has most of.
    with_edges : float
        Correlation of its size with the slope of that image in the plane: edges that were blurred.
    """

    along: tuple[float, float, float]
    with_image: float
    with_edges: float

    @property
    def follows_anatomy(self) -> bool:
        """Whether the image or its edges can be seen in the residual."""
        return self.with_image > FOLLOWS_FROM or self.with_edges > FOLLOWS_FROM

    def figures(self) -> dict[str, float]:
        """Those of the correlations that there are, by name, rounded."""
        named = {
            "residual with its neighbours (r)": float(np.nanmax(self.along))
            if np.isfinite(self.along).any()
            else float("nan"),
            "residual with the image (r)": self.with_image,
            "residual with edges (r)": self.with_edges,
        }
        return {name: round(value, 3) for name, value in named.items() if np.isfinite(value)}

    def sentence(self) -> str:
        """What the numbers mean, in one or two sentences."""
        if np.isnan(self.with_image):
            return "There is no residual to judge."
        followed = []
        if self.with_image > FOLLOWS_FROM:
            followed.append(f"the image (r = {self.with_image:.2f})")
        if self.with_edges > FOLLOWS_FROM:
            followed.append(f"its edges (r = {self.with_edges:.2f})")
        if followed:
            said = f"The residual follows {' and '.join(followed)}: anatomy was changed with the noise."
        else:
            said = "The residual follows neither the image nor its edges, as noise would."
        if (most := float(np.nanmax(self.along))) > ALIKE_FROM:
            said += (
                f" Neighbours in it are alike (r = {most:.2f}): the scanner's noise is, or smooth "
                "tissue was removed."
            )
        return said


def remarks_on(structures: Mapping[str, ResidualStructure]) -> tuple[str, ...]:
    """What the residuals of several volumes, by name, say together: a sentence or two."""
    known = {name: one for name, one in structures.items() if np.isfinite(one.with_image)}
    if not known:
        return ()
    following = {name: one for name, one in known.items() if one.follows_anatomy}
    if not following:
        said = "No residual follows the image or its edges."
    elif len(following) == 1:
        (name, one), *_ = following.items()
        said = f"{one.sentence()} ({name})"
    else:
        said = (
            f"The residuals of {len(following)} of {len(known)} volumes follow the image or its edges "
            f"({'; '.join(following)}): anatomy was changed with the noise."
        )
    alike = max(float(np.nanmax(one.along)) for one in known.values())
    if alike > ALIKE_FROM and len(following) != 1:
        said += (
            f" Neighbours in residuals are alike (r up to {alike:.2f}): the scanner's noise is, or smooth "
            "tissue was removed."
        )
    return (said,)


def residual_structure(
    residual: NDArray[np.floating],
    image: NDArray[np.floating],
    mask: NDArray[np.bool_],
    slice_axis: int = 2,
    check: Callable[[], None] | None = None,
) -> ResidualStructure:
    """Look for structure in a residual.

    Parameters
    ----------
    residual, image : ndarray, shape (x, y, z)
        Input minus output of a denoiser, and the anatomy to look for in it: best an image of the same
        tissue with noise of its own, such as another b-value. Voxels without a value are left out.
    mask : ndarray of bool, shape (x, y, z)
        Where to look; in air there is nothing to follow.
    slice_axis : int
        Axis along which slices are stacked; edges are looked for within slices.
    check : callable, optional
        Called often; raises to stop.

    Returns
    -------
    ResidualStructure
        NaN where there are too few voxels, or where the residual or the image is constant.
    """
    check = check or (lambda: None)
    known = mask & np.isfinite(residual) & np.isfinite(image)
    if np.count_nonzero(known) < _FEWEST_VOXELS:
        return ResidualStructure((np.nan,) * 3, np.nan, np.nan)
    left = np.where(known, residual, 0).astype(np.float32)
    left = np.where(known, left - left[known].mean(dtype=np.float64).astype(np.float32), 0)
    check()
    seen = np.where(known, image, 0).astype(np.float32)
    along = []
    for axis in range(3):
        check()
        one, other = _neighbours(left, axis)
        both = np.logical_and(*_neighbours(known, axis))
        along.append(_correlation(one[both], other[both]))
    check()
    inner = known.copy()
    steepness = np.zeros(seen.shape, dtype=np.float32)
    for axis in {0, 1, 2} - {slice_axis}:
        if seen.shape[axis] < 3:
            continue
        check()
        middle = _cut(axis, slice(1, -1))
        before, after = _cut(axis, slice(None, -2)), _cut(axis, slice(2, None))
        steepness[middle] += (seen[after] - seen[before]) ** 2
        # A slope is known where both neighbours are.
        whole = np.zeros_like(known)
        whole[middle] = known[before] & known[after]
        inner &= whole
    check()
    return ResidualStructure(
        (along[0], along[1], along[2]),
        _correlation(left[known], seen[known]),
        _correlation(np.abs(left[inner]), np.sqrt(steepness[inner])),
    )


def _neighbours(values: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    return values[_cut(axis, slice(None, -1))], values[_cut(axis, slice(1, None))]


def _cut(axis: int, part: slice) -> tuple[slice, ...]:
    return tuple(part if n == axis else slice(None) for n in range(3))


def _correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    if first.size < _FEWEST_VOXELS:
        return float("nan")
    a, b = (values.astype(np.float64) - values.mean(dtype=np.float64) for values in (first, second))
    both = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / both if both else float("nan")
