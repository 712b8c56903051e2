"""A series converted in parts, so that no volume can be taken for another.

Each image is given to the converter together with those of its own b-value only, or of its own
volume only; what comes out has that b-value, whatever its pixels look like, and one scaling,
whatever the others have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.convert import Converted, convert
from napari_dwi.scan.dicom.geometry import Geometry, geometry_of
from napari_dwi.scan.dicom.series import DicomSeries, Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_PARTS = 128
_TOLERANCE_MM = 0.01


def same_scaling(series: DicomSeries) -> bool:
    """Whether stored values of all images mean the same signal."""
    return len({frame.scaling for frame in series.frames}) == 1


def scaling_error(series: DicomSeries) -> BadInputError:
    """What to say where the stored values of a series mean different things."""
    return BadInputError(
        "the images of this series are scaled differently, and not in a way that can be undone here",
        file=series.selector,
        expected="one rescale slope for every volume",
        remedy="Export the series again, or convert it to NIfTI yourself.",
    )


def convert_parts(
    series: DicomSeries, geometry: Geometry, *, check: Callable[[], None] | None = None
) -> tuple[Converted, tuple[float | None, ...]] | None:
    """Convert the images of every b-value, or else of every volume, on their own.

    Parameters
    ----------
    check : callable, optional
        Called at least every 0.1 s; may raise `Stopped`.

    Returns
    -------
    (Converted, tuple of float or None) or None
        All volumes, in the order in which their b-values were first acquired, and the b-value of
        each; ``None`` where these images do not make whole volumes of the same grid, or their scaling
        cannot be made the same.
    """
    for groups in (_by_b_value(series), _by_volume(series, geometry)):
        if 1 < len(groups) <= _MOST_PARTS:
            converted = _convert_groups(series, geometry, groups, check)
            if converted is not None:
                return converted
    return None


def _by_b_value(series: DicomSeries) -> list[tuple[Frame, ...]]:
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    for frame in series.frames:
        groups[frame.b_value, frame.scaling].append(frame)
    return [tuple(group) for group in groups.values()]


def _by_volume(series: DicomSeries, geometry: Geometry) -> list[tuple[Frame, ...]]:
    """One group for every volume: repeats in the order in which each slice was stored."""
    groups: dict[tuple[object, ...], list[Frame]] = defaultdict(list)
    times: Counter[tuple[object, ...]] = Counter()
    for frame, index in zip(series.frames, geometry.slice_of_frame, strict=True):
        key = (frame.b_value, frame.scaling, frame.direction)
        groups[*key, times[*key, index]].append(frame)
        times[*key, index] += 1
    return [tuple(group) for group in groups.values()]


def _convert_groups(
    series: DicomSeries,
    geometry: Geometry,
    groups: Sequence[tuple[Frame, ...]],
    check: Callable[[], None] | None,
) -> tuple[Converted, tuple[float | None, ...]] | None:
    parts: list[Converted] = []
    b_values: list[float | None] = []
    for frames in groups:
        part = replace(series, frames=frames)
        try:
            place = geometry_of(part)
            if place.shape != geometry.shape or not np.allclose(
                place.affine, geometry.affine, atol=_TOLERANCE_MM
            ):
                return None
            parts.append(convert(part, place, check=check))
        except BadInputError:
            return None
        b_values += [frames[0].b_value] * place.n_volumes
    if not _fit_together(parts) or not (same_scaling(series) or _scaled_alike(groups, parts)):
        return None
    return _joined(parts, b_values), tuple(b_values)


def _fit_together(parts: list[Converted]) -> bool:
    first = parts[0]
    return all(
        part.signal.shape[:3] == first.signal.shape[:3]
        and np.allclose(part.affine, first.affine, atol=_TOLERANCE_MM)
        for part in parts
    )


def _scaled_alike(groups: Sequence[tuple[Frame, ...]], parts: Sequence[Converted]) -> bool:
    """Whether the converter used the scaling of the headers, by the same rule for all parts.

    The rules are rescale slope and intercept, and Philips' way from displayed to measured values
    (Chenevert 2014, doi:10.1593/tlo.13811): (stored * RS + RI) / (RS * SS).
    """
    by_rescaling, by_philips = [], []
    for frames, part in zip(groups, parts, strict=True):
        slope, intercept, scale = frames[0].scaling
        by_rescaling.append(_close(part.scaling, (slope, intercept)))
        by_philips.append(
            scale is not None
            and scale * slope != 0
            and _close(part.scaling, (1 / scale, intercept / (slope * scale)))
        )
    return all(by_rescaling) or all(by_philips)


def _close(found: tuple[float, float], expected: tuple[float, float]) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-4, atol=1e-6))


def _joined(parts: list[Converted], b_values: list[float | None]) -> Converted:
    return Converted(
        signal=np.concatenate([part.signal for part in parts], axis=3),
        affine=parts[0].affine,
        fingerprints=np.concatenate([part.fingerprints for part in parts], axis=1),
        scaling=parts[0].scaling,
        b_values=None,
        directions=_directions(parts, b_values),
    )


def _directions(parts: list[Converted], b_values: list[float | None]) -> NDArray[np.float64] | None:
    found = []
    for part in parts:
        n_volumes = part.signal.shape[3]
        known = part.directions is not None and part.directions.shape == (n_volumes, 3)
        found.append(part.directions if known and part.directions is not None else np.zeros((n_volumes, 3)))
    directions = np.concatenate(found)
    told = [bool(direction.any()) for direction, b in zip(directions, b_values, strict=True) if b]
    return directions if told and all(told) else None
