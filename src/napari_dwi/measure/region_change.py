"""What denoising does to regions of even tissue: the spread should fall and the mean should stay."""

from __future__ import annotations

from dataclasses import dataclass

from napari_dwi.measure.regions import measure_regions
from napari_dwi.scan import DwiSeries, Volume


@dataclass(frozen=True)
class RegionChange:
    """One region in one volume before and after.

    Parameters
    ----------
    region : str
        Name of the region.
    b_value : float or None
        s/mm2; ``None`` for a single volume.
    n : int
        Voxels with a value before.
    mean_change : float
        Mean after over mean before, minus 1.
    sd_ratio : float
        Standard deviation after over that before.
    """

    region: str
    b_value: float | None
    n: int
    mean_change: float
    sd_ratio: float


def region_changes(
    before: DwiSeries | Volume, after: DwiSeries | Volume, labels: Volume, names: dict[int, str] | None = None
) -> tuple[RegionChange, ...]:
    """How regions change from one image to another of the same volumes.

    Parameters
    ----------
    before, after : DwiSeries or Volume
        Images of the same volumes on the grid of the labels.
    labels, names
        As for `measure_regions`.

    Returns
    -------
    tuple of RegionChange
        Volume by volume, region by region; NaN where a region has no value or no spread before.

    Raises
    ------
    BadInputError
        As `measure_regions`.
    """
    pairs = zip(measure_regions(before, labels, names), measure_regions(after, labels, names), strict=True)
    return tuple(
        RegionChange(
            old.region,
            old.b_value,
            old.n,
            new.mean / old.mean - 1 if old.mean else float("nan"),
            new.std / old.std if old.std else float("nan"),
        )
        for old, new in pairs
    )
