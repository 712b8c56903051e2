"""Statistics of regions of interest: mean, spread, and contrast against a background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan import DwiSeries, Volume, format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RegionStatistics:
    """One region in one volume; every number over the region's finite voxels.

    Parameters
    ----------
    image : str
        Name of the image.
    volume : int
        Index of the volume in its series, 0 for a single volume.
    b_value : float or None
        s/mm2; ``None`` for a single volume.
    region : str
        Name of the region.
    n : int
        Voxels with a value.
    n_missing : int
        Voxels of the region without one (NaN).
    mean, std, minimum, maximum : float
        In the image's unit; ``std`` is the sample standard deviation (n - 1). NaN without voxels.
    cv : float
        Coefficient of variation, std / mean.
    cnr : float
        (mean - background mean) / background std; NaN without a background or for the
        background itself.
    """

    image: str
    volume: int
    b_value: float | None
    region: str
    n: int
    n_missing: int
    mean: float
    std: float
    cv: float
    minimum: float
    maximum: float
    cnr: float


COLUMNS = ("image", "volume", "b_value", "region", "n", "n_missing", "mean", "std", "cv", "min", "max", "cnr")


def measure_regions(
    image: DwiSeries | Volume,
    labels: Volume,
    names: Mapping[int, str] | None = None,
    background: str | None = None,
) -> tuple[RegionStatistics, ...]:
    """Measure every region in every volume of an image.

    Parameters
    ----------
    image : DwiSeries or Volume
        What to measure.
    labels : Volume
        Whole numbers, 0 outside all regions, on the same grid, on one that the image's grid refines (see
        `napari_dwi.scan.Grid.refined`), or on one that refines it. A voxel counts as far as it lies in
        the region.
    names : mapping of int to str, optional
        Name of each region to report; by default every label found, by its number.
    background : str, optional
        Name of the region that CNR is taken against.

    Returns
    -------
    tuple of RegionStatistics
        Volume by volume, region by region.

    Raises
    ------
    BadInputError
        If the grids differ or there is no region of the background's name.
    """
    parts = _label_parts(labels, image)
    inside = (parts > 0).any(axis=0)
    codes = parts[:, inside].astype(np.intp)
    if names is None:
        names = {int(code): str(code) for code in np.unique(codes[codes > 0])}
    if background is not None and background not in names.values():
        raise BadInputError(
            f"there is no region called {background}", expected="one of " + ", ".join(names.values())
        )
    b_values = image.b_values.values if isinstance(image, DwiSeries) else None
    values = image.signal[inside] if isinstance(image, DwiSeries) else image.data[inside][:, None]
    # One pass per region over all volumes at once: regions are few, volumes can be many.
    per_region = {name: _moments_within(values, codes == code) for code, name in names.items()}
    reference = per_region[background] if background is not None else None
    rows = []
    for volume in range(values.shape[1]):
        b_value = None if b_values is None else float(b_values[volume])
        for name, moments in per_region.items():
            mean, std = float(moments.mean[volume]), float(moments.std[volume])
            cnr = float("nan")
            if reference is not None and name != background:
                cnr = _ratio(mean - float(reference.mean[volume]), float(reference.std[volume]))
            rows.append(
                RegionStatistics(
                    image=image.name,
                    volume=volume,
                    b_value=b_value,
                    region=name,
                    n=round(float(moments.n[volume])),
                    n_missing=round(moments.n_all - float(moments.n[volume])),
                    mean=mean,
                    std=std,
                    cv=_ratio(std, mean),
                    minimum=float(moments.minimum[volume]),
                    maximum=float(moments.maximum[volume]),
                    cnr=cnr,
                )
            )
    return tuple(rows)


def statistics_table(rows: tuple[RegionStatistics, ...]) -> str:
    """The rows as tab-separated text with a header line; empty where there is no value."""
    lines = ["\t".join(COLUMNS)]
    for row in rows:
        numbers = (row.mean, row.std, row.cv, row.minimum, row.maximum, row.cnr)
        cells = [
            row.image,
            str(row.volume),
            "" if row.b_value is None else format_b_value(row.b_value),
            row.region,
            str(row.n),
            str(row.n_missing),
            *("n/a" if np.isnan(number) else f"{number:.6g}" for number in numbers),
        ]
        lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def _label_parts(labels: Volume, image: DwiSeries | Volume) -> NDArray[np.float32]:
    """The labels within every voxel of an image, shape (n, x, y, z): one for each equal part of a voxel.

    A voxel of the labels' own grid has one part. Halves of finer voxels lie within one voxel of the
    labels each, and halves of finer labels within one voxel of the image; what lies beyond the labels
    belongs to no region.
    """
    pairs = list(zip(image.grid.shape, labels.grid.shape, strict=True))
    finer = [max(1, in_image // in_labels) for in_image, in_labels in pairs]
    coarser = [max(1, in_labels // in_image) for in_image, in_labels in pairs]
    if not labels.grid.refined(finer).same_as(image.grid.refined(coarser)):
        raise BadInputError(
            f"the regions do not lie on the grid of {image.name}",
            expected=f"size {image.grid.shape}",
            found=f"size {labels.grid.shape}",
            remedy="Draw them on this image or resample them to it.",
        )
    parts = labels.data[None]
    for axis, (finely, coarsely) in enumerate(zip(finer, coarser, strict=True), start=1):
        if finely == coarsely == 1:
            continue
        padded = np.pad(parts, [(0, 0), *((int(n == axis),) * 2 for n in range(1, parts.ndim))])
        # In voxels of the labels: where voxels of the image lie, and the middles of their parts.
        centre = np.arange(image.grid.shape[axis - 1]) * coarsely / finely
        sides = (np.arange(-coarsely, coarsely) + 0.5) / (2 * finely)
        places = [np.floor(centre + side + 0.5).astype(np.intp) + 1 for side in sides]
        parts = np.concatenate([np.take(padded, place, axis=axis) for place in places])
    return parts


def _moments_within(values: NDArray[np.float32], belongs: NDArray[np.bool_]) -> _Moments:
    """Statistics of one region; ``belongs`` (parts, voxels) says which parts of each voxel it has."""
    share = belongs.mean(axis=0)
    some = share > 0
    return _moments(values[some], share[some])


@dataclass(frozen=True, eq=False)
class _Moments:
    """Numbers of one region, an array over volumes each; counts are in voxels, parts of them included."""

    n_all: float
    n: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    minimum: np.ndarray
    maximum: np.ndarray


def _moments(values: np.ndarray, share: np.ndarray) -> _Moments:
    """Statistics over axis 0 of values (voxels, volumes), leaving out what is not finite."""
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    weight = finite * share[:, None]
    n = weight.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weight * np.where(finite, numbers, 0)).sum(axis=0) / n
        spread = np.where(finite, numbers - mean, 0)
        std = np.sqrt((weight * spread**2).sum(axis=0) / (n - 1))
    std = np.where(n > 1, std, np.nan)
    minimum = np.where(n > 0, np.where(finite, numbers, np.inf).min(axis=0, initial=np.inf), np.nan)
    maximum = np.where(n > 0, np.where(finite, numbers, -np.inf).max(axis=0, initial=-np.inf), np.nan)
    return _Moments(float(share.sum()), n, mean, std, minimum, maximum)


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom else float("nan")
