"""Which b-value each converted volume has, by the headers of the images it was made of.

The converter sets b-values to zero where there are no directions (GE trace series), so every
volume is traced back to its images: what tells a slice apart however it is turned is compared with
the images at that place. Where pixels cannot tell (phantoms, compression that is not decoded here),
the images of each b-value are converted on their own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import format_b_value
from napari_dwi.scan.dicom.convert import Converted, convert, fingerprints
from napari_dwi.scan.dicom.files import UNREADABLE, read_pixels
from napari_dwi.scan.dicom.geometry import Geometry
from napari_dwi.scan.dicom.parts import convert_parts, same_scaling, scaling_error
from napari_dwi.scan.dicom.quiet import quietly
from napari_dwi.scan.dicom.series import DicomSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

Check = Callable[[], None]

_ABSOLUTE_TOLERANCE = 1.0
_RELATIVE_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class Reconciled:
    """A converted series with what is certain about its b-values.

    Parameters
    ----------
    converted : Converted
        Pixels and geometry.
    b_values : tuple of float or None
        One per volume, s/mm2; ``None`` where nothing proves one.
    notes : tuple of str
        What the user should know.
    """

    converted: Converted
    b_values: tuple[float | None, ...]
    notes: tuple[str, ...] = ()


def reconcile(
    series: DicomSeries, geometry: Geometry, *, keep_order: bool = False, check: Check | None = None
) -> Reconciled:
    """Convert a series and find the b-value of every volume. Nothing is guessed.

    Parameters
    ----------
    keep_order : bool
        Whether the volumes are wanted as the converter orders them, at the price of unknown b-values:
        where the user brings a list in that order.
    check : callable, optional
        Called at least every 0.1 s; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If it cannot be converted with certainty.
    """
    whole: Converted | None = None
    refusal: BadInputError | None = None
    certain: tuple[float | None, ...] = ()
    if same_scaling(series):
        try:
            whole = convert(series, geometry, check=check)
        except BadInputError as err:
            refusal = err
        else:
            possible = _possible_b_values(series, geometry, whole, check)
            certain, is_settled = _certain(series, geometry, possible)
            if keep_order or is_settled:
                return _labelled(whole, certain)
    parts = convert_parts(series, geometry, check=check)
    if parts is not None:
        converted, b_values = parts
        note = "converted one b-value at a time, because the pixels do not tell the volumes apart"
        return Reconciled(converted, b_values, (note,) if whole is not None else ())
    if whole is None:
        raise refusal or scaling_error(series)
    return _labelled(whole, certain)


def _labelled(converted: Converted, b_values: tuple[float | None, ...]) -> Reconciled:
    notes: tuple[str, ...] = ()
    known = [b for b in b_values if b is not None]
    listed = converted.b_values
    if listed is not None and len(known) == len(b_values) and not _agree(np.array(known), listed):
        notes = (
            f"the headers say b = {_listed(np.array(known))}, the converter says {_listed(listed)}"
            " s/mm2; the headers were used",
        )
    return Reconciled(converted, b_values, notes)


def _possible_b_values(
    series: DicomSeries, geometry: Geometry, converted: Converted, check: Check | None
) -> list[set[float | None]]:
    """For every volume, the b-values it may have by the headers and pixels of the images."""
    n_volumes = converted.signal.shape[3]
    different = {frame.b_value for frame in series.frames}
    if len(different) == 1:
        return [different] * n_volumes
    found = _frame_fingerprints(series, check)
    if found is None:
        return [different] * n_volumes
    volumes = converted.fingerprints
    # A mosaic is compared as a whole: what lies beside its slices is zero.
    if series.is_mosaic:
        volumes = volumes.sum(axis=0, keepdims=True)
    candidates: dict[tuple[int, float, float], set[float | None]] = defaultdict(set)
    for frame, index, (total, squares) in zip(series.frames, geometry.slice_of_frame, found, strict=True):
        candidates[index, total, squares].add(frame.b_value)
    return [
        set.intersection(
            *(
                candidates[index, float(total), float(squares)]
                for index, (total, squares) in enumerate(volumes[:, volume])
            )
        )
        for volume in range(n_volumes)
    ]


def _certain(
    series: DicomSeries, geometry: Geometry, possible: list[set[float | None]]
) -> tuple[tuple[float | None, ...], bool]:
    """The b-values of the volumes that can have only one, and whether that is all there is to find."""
    slices = 1 if series.is_mosaic else geometry.n_slices
    acquired = Counter(frame.b_value for frame in series.frames)
    only = tuple(next(iter(b_values)) if len(b_values) == 1 else None for b_values in possible)
    if any(
        count * slices > acquired[b_value] for b_value, count in Counter(only).items() if b_value is not None
    ):
        return (None,) * len(possible), False
    return only, all(len(b_values) == 1 for b_values in possible)


def _frame_fingerprints(series: DicomSeries, check: Check | None) -> list[tuple[float, float]] | None:
    """Those of every frame; ``None`` if the compression cannot be undone here."""
    found: dict[tuple[Path, int], tuple[float, float]] = {}
    for file in series.files:
        if check is not None:
            check()
        try:
            of_file = _file_fingerprints(file)
        except RuntimeError as err:
            # pydicom raises this, or its subclass NotImplementedError, where it has no decoder.
            if isinstance(err, RecursionError):
                raise BadInputError("the pixels of this image cannot be read", file=file) from err
            return None
        except UNREADABLE as err:
            raise BadInputError("the pixels of this image cannot be read", file=file) from err
        for index, (total, squares) in enumerate(of_file):
            found[file, index] = float(total), float(squares)
    return [found.get((frame.file, frame.index), (np.nan, np.nan)) for frame in series.frames]


def _file_fingerprints(file: Path) -> NDArray[np.float64]:
    with quietly():
        pixels = read_pixels(file).pixel_array
    frames = pixels[None] if pixels.ndim == 2 else pixels
    return fingerprints(np.moveaxis(frames, 0, -1))


def _agree(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=_RELATIVE_TOLERANCE, atol=_ABSOLUTE_TOLERANCE)
    )


def _listed(b_values: NDArray[np.float64]) -> str:
    """The b-values in the order of the volumes; long series by their different values."""
    shown = b_values if b_values.size <= 12 else np.unique(b_values)
    return " ".join(format_b_value(float(b)) for b in shown)
