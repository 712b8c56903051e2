"""One volume per b-value: the mean of its repeats, or of its gradient directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import BValues, format_b_value
from napari_dwi.scan.images import DwiSeries, Volumes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mean = Literal["geometric", "arithmetic"]
VOLUMES: tuple[Volumes, ...] = get_args(Volumes)

# Up to here a volume counts as b = 0, s/mm2: what it says of directions is noise of the file.
_UNWEIGHTED = 1.0
# Stored directions are rounded; those less than about 2 degrees apart are one.
_SAME_DIRECTION = 0.9995
# The mean of g gT over directions spread evenly is 1/3 of the identity.
_EVEN_SPREAD_TOLERANCE = 0.03


def take_volumes(series: DwiSeries, volumes: Volumes) -> DwiSeries:
    """The series as it was read, or made of means of its volumes.

    Parameters
    ----------
    series : DwiSeries
        As read.
    volumes : str
        ``"keep"``, ``"average"`` (`averaged`), ``"trace-geometric"`` or ``"trace-arithmetic"``
        (`trace_weighted`).
    """
    if volumes == "keep":
        return series
    if volumes == "average":
        return averaged(series)
    return trace_weighted(series, "geometric" if volumes == "trace-geometric" else "arithmetic")


def is_directional(series: DwiSeries) -> bool:
    """Whether some b-value was measured along more than one gradient direction."""
    return any(directions > 1 for directions in map(len, by_direction(series)))


def trace_weighted(series: DwiSeries, mean: Mean = "geometric") -> DwiSeries:
    """Average the gradient directions of each b-value into one trace-weighted volume.

    Repeats of one direction are averaged arithmetically first, so that every direction counts the
    same. For Gaussian diffusion the geometric mean over directions spread evenly is
    S0 exp(-b trace(D) / 3), whatever the tensor; the arithmetic mean lies above it where diffusion
    is anisotropic.

    Parameters
    ----------
    series : DwiSeries
        Volumes along several gradient directions.
    mean : str
        ``"geometric"`` (default) or ``"arithmetic"``.

    Returns
    -------
    DwiSeries
        One volume per b-value (s/mm2, the mean of its volumes), rising, without directions, with
        notes on what was averaged. A voxel without a value in one direction has none; one of zero
        or negative signal in one direction has the geometric mean 0.

    Raises
    ------
    BadInputError
        If no b-value was measured along more than one direction.

    References
    ----------
    Mori S, van Zijl PCM. Diffusion weighting by the trace of the diffusion tensor within a single
    scan. Magn Reson Med 1995;33:41-52.
    """
    if not is_directional(series):
        raise BadInputError(
            f"{series.name} was not measured along several gradient directions",
            expected="two or more directions at one b-value",
            remedy="Average its repeats instead, or add the directions (.bvec).",
        )
    volumes: Volumes = "trace-geometric" if mean == "geometric" else "trace-arithmetic"
    return _averaged(series, by_direction(series), mean, volumes)


def averaged(series: DwiSeries) -> DwiSeries:
    """Average the repeats of each b-value arithmetically.

    Parameters
    ----------
    series : DwiSeries
        Volumes without directions; those along different directions are taken as repeats too.

    Returns
    -------
    DwiSeries
        As for `trace_weighted`. Averaging magnitudes keeps the Rician bias of the single volumes.
    """
    groups = [series.b_values.indices(b_value) for b_value in series.b_values.distinct]
    return _averaged(series, [[group] for group in groups], "arithmetic", "average")


def by_direction(series: DwiSeries) -> list[list[NDArray[np.intp]]]:
    """For each b-value in rising order, the volumes along each of its directions.

    Where a scanner put its own trace-weighted volume (direction zero) beside the directions it was
    made from, that volume is left out.
    """
    b_values = series.b_values
    found = []
    for b_value in b_values.distinct:
        volumes = b_values.indices(b_value)
        if b_values.directions is None or b_value <= _UNWEIGHTED:
            found.append([volumes])
            continue
        axes = _unit(b_values.directions[volumes])
        weighted = axes.any(axis=1)
        found.append(_alike(volumes[weighted], axes[weighted]) if weighted.any() else [volumes])
    return found


def repeated_volumes(series: DwiSeries) -> list[NDArray[np.intp]]:
    """Volumes that are the same but for the noise: of one b-value and direction, the lowest b first."""
    return [volumes for axes in by_direction(series) for volumes in axes if len(volumes) > 1]


def _unit(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions of length 1; zero where there is none."""
    known = np.where(np.isfinite(directions).all(axis=1, keepdims=True), directions, 0)
    length = np.linalg.norm(known, axis=1, keepdims=True)
    return known / np.where(length > 0, length, 1)


def _alike(volumes: NDArray[np.intp], axes: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Volumes along the same axis together; diffusion does not tell a direction from its opposite."""
    same = np.abs(axes @ axes.T) > _SAME_DIRECTION
    first = same.argmax(axis=1)
    return [volumes[first == index] for index in np.unique(first)]


def _averaged(
    series: DwiSeries, groups: list[list[NDArray[np.intp]]], mean: Mean, volumes: Volumes
) -> DwiSeries:
    signal = np.empty((*series.grid.shape, len(groups)), dtype=np.float32, order="F")
    values, notes = [], []
    for n, directions in enumerate(groups):
        b_value = float(series.b_values.values[np.concatenate(directions)].mean())
        values.append(b_value)
        signal[..., n] = _mean_over(series.signal, directions, mean)
        notes += [f"b = {format_b_value(b_value)}: {note}" for note in _notes(series, directions, mean)]
    b_values = BValues(np.array(values), None, series.b_values.origin)
    source = series.source
    if source is not None:
        # Means of means cannot be made again from what the record says.
        again = source.volumes == "keep"
        source = replace(source, volumes=volumes, acquired=series.b_values) if again else None
    return replace(series, signal=signal, b_values=b_values, source=source, notes=(*series.notes, *notes))


def _mean_over(
    signal: NDArray[np.float32], directions: list[NDArray[np.intp]], mean: Mean
) -> NDArray[np.floating]:
    """The mean over directions of the arithmetic mean of each; one volume at a time to save memory."""
    total = np.zeros(signal.shape[:3], dtype=np.float64)
    # Zero has the logarithm minus infinity, which the exponential makes zero again.
    with np.errstate(divide="ignore", invalid="ignore"):
        for repeats in directions:
            of_direction = sum(signal[..., volume].astype(np.float64) for volume in repeats) / len(repeats)
            if mean == "geometric" and len(directions) > 1:
                of_direction = np.log(np.maximum(of_direction, 0))
            total += of_direction
        total /= len(directions)
        return np.exp(total) if mean == "geometric" and len(directions) > 1 else total


def _notes(series: DwiSeries, directions: list[NDArray[np.intp]], mean: Mean) -> Iterator[str]:
    members = np.concatenate(directions)
    repeats = sorted({len(volumes) for volumes in directions})
    span = f"{repeats[0]} to {repeats[-1]}" if len(repeats) > 1 else f"{repeats[0]}"
    if len(directions) > 1:
        of_each = "" if repeats == [1] else f", {span} repeats of each"
        yield f"{mean} mean of {len(directions)} directions{of_each}"
    elif len(members) > 1:
        yield f"mean of {span} repeats"
    b_value = float(series.b_values.values[members].mean())
    if len(members) < len(series.b_values.indices(b_value)):
        yield "the scanner's own mean of the directions is left out"
    if not _evenly_spread(series, directions):
        yield "the directions are not spread evenly, so this is not quite the trace"


def _evenly_spread(series: DwiSeries, directions: list[NDArray[np.intp]]) -> bool:
    b_values = series.b_values
    if len(directions) < 2 or b_values.directions is None:
        return True
    axes = _unit(b_values.directions[[volumes[0] for volumes in directions]])
    return bool(np.abs(axes.T @ axes / len(axes) - np.eye(3) / 3).max() < _EVEN_SPREAD_TOLERANCE)
