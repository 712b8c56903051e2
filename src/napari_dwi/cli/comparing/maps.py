"""What the methods of a comparison gave for one scan: maps side by side, and the numbers about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.measure.agreement import agreement
from napari_dwi.measure.value_statistics import reference_errors, value_statistics
from napari_dwi.methods.method import Output
from napari_dwi.scan import DwiSeries, Volume, format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.signal_models import SignalModel

# A value this close to a bound, as a share of the range, stopped there.
_AT_BOUND = 1e-5


@dataclass(frozen=True, eq=False)
class MapSet:
    """The maps of one method.

    Parameters
    ----------
    label : str
        The name it goes by.
    maps : mapping of str to ndarray, float32, shape (x, y, z)
        By the name of the parameter, or of the volume; NaN where there is no value.
    unit : mapping of str to str
        Unit of each.
    bounds : mapping of str to pair
        Bounds of a fit, by parameter.
    seconds : float
        How long it took; NaN for what was not computed.
    """

    label: str
    maps: Mapping[str, NDArray[np.float32]]
    unit: Mapping[str, str]
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    seconds: float = float("nan")


def fitted_maps(label: str, output: Output, model: SignalModel, seconds: float) -> MapSet:
    """The parameter maps of a fit."""
    bounds: Mapping[str, Any] = output.images[0].facts.get("Bounds", {})
    found = {name: output.image(name) for name in model.names}
    return MapSet(
        label,
        {name: image.data for name, image in found.items() if isinstance(image, Volume)},
        {parameter.name: parameter.unit for parameter in model.parameters},
        {name: (float(low), float(high)) for name, (low, high) in bounds.items()},
        seconds,
    )


def volumes_by_name(label: str, series: DwiSeries, seconds: float = float("nan")) -> MapSet:
    """The volumes of a series, by their b-values."""
    b_values = series.b_values
    names = []
    for index, b in enumerate(b_values.values):
        repeated = len(b_values.indices(float(b))) > 1
        name = f"b={format_b_value(float(b))}"
        names.append(f"{name} volume {index}" if repeated else name)
    maps = {name: series.signal[..., n] for n, name in enumerate(names)}
    return MapSet(label, maps, dict.fromkeys(maps, "arbitrary"), seconds=seconds)


def table_rows(
    sets: Sequence[MapSet],
    regions: Mapping[str, NDArray[np.bool_]],
    reference: MapSet | None = None,
) -> Iterator[dict[str, Any]]:
    """Statistics of every map in every region, with errors where there is a reference.

    Yields
    ------
    dict
        See `COLUMNS`.
    """
    for one in sets:
        for region, inside in regions.items():
            for name, data in one.maps.items():
                values = data[inside]
                said = value_statistics(values)
                total = said.n + said.n_missing
                row: dict[str, Any] = {
                    "method": one.label,
                    "region": region,
                    "parameter": name,
                    "unit": one.unit[name],
                    **asdict(said),
                    "missing": said.n_missing / total if total else float("nan"),
                    "at_bound": _share_at_bound(values, one.bounds.get(name)),
                    "seconds": one.seconds,
                }
                if reference is not None:
                    row |= _errors(data, reference.maps.get(name), inside)
                yield row


COLUMNS = {
    "method": "name of the method in this comparison",
    "region": "region of interest",
    "parameter": "parameter of the signal model, or b-value of the volume",
    "unit": "unit of all that follows but counts, shares, dB and ssim",
    "n": "voxels with a value",
    "n_missing": "voxels of the region without one",
    "mean": "mean",
    "sd": "standard deviation over the voxels (n - 1)",
    "median": "median",
    "lower_quartile": "a quarter of the voxels lies below",
    "upper_quartile": "three quarters of the voxels lie below",
    "missing": "share of the voxels without a value, 0 to 1",
    "at_bound": "share of the values that stopped at a bound of the parameter, 0 to 1",
    "seconds": "time the method took for the whole scan",
}
ERROR_COLUMNS = {
    "bias": "mean of method minus reference",
    "error_sd": "standard deviation of method minus reference (n - 1)",
    "rmse": "root mean square of method minus reference",
    "psnr_db": "peak signal-to-noise ratio, dB; peak: the largest value of the reference in the region",
    "ssim": "structural similarity in the region, slice by slice",
}
AGREEMENT_COLUMNS = {
    "region": "region of interest",
    "parameter": "parameter of the signal model, or b-value of the volume",
    "unit": "unit of the differences",
    "first": "a method",
    "second": "another one",
    "n": "voxels that both have a value for",
    "mean_difference": "mean of first minus second",
    "sd_of_differences": "standard deviation of first minus second (n - 1)",
    "lower_limit": "mean difference minus 1.96 SD (Bland and Altman)",
    "upper_limit": "mean difference plus 1.96 SD",
}


def agreement_rows(
    sets: Sequence[MapSet], regions: Mapping[str, NDArray[np.bool_]]
) -> Iterator[dict[str, Any]]:
    """How far every pair of methods agrees on every map in every region.

    Yields
    ------
    dict
        See `AGREEMENT_COLUMNS`.
    """
    for first, second in combinations(sets, 2):
        for region, inside in regions.items():
            for name in (name for name in first.maps if name in second.maps):
                found = agreement(first.maps[name][inside], second.maps[name][inside])
                low, high = found.limits
                yield {
                    "region": region,
                    "parameter": name,
                    "unit": first.unit[name],
                    "first": first.label,
                    "second": second.label,
                    "n": found.n,
                    "mean_difference": found.mean_difference,
                    "sd_of_differences": found.sd,
                    "lower_limit": low,
                    "upper_limit": high,
                }


def _share_at_bound(values: NDArray[np.float32], bounds: tuple[float, float] | None) -> float:
    known = values[np.isfinite(values)].astype(np.float64)
    if bounds is None or not known.size:
        return float("nan")
    low, high = bounds
    margin = _AT_BOUND * (high - low)
    return float(((known <= low + margin) | (known >= high - margin)).mean())


def _errors(
    data: NDArray[np.float32], reference: NDArray[np.float32] | None, inside: NDArray[np.bool_]
) -> dict[str, float]:
    if reference is None:
        return dict.fromkeys(ERROR_COLUMNS, float("nan"))
    found = reference_errors(data, reference, inside)
    numbers = (found.bias, found.sd, found.rmse, found.psnr, found.ssim)
    return dict(zip(ERROR_COLUMNS, numbers, strict=True))
