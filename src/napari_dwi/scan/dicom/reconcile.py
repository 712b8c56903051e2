"""Which b-value each converted volume has, by the headers of the images it was made of.

The converter sets b-values to zero where there are no directions (GE trace series), so every
volume is traced back to its images: the sum of the stored values of a slice survives all flips
and is compared with the sums of the images at that place.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import BValues, format_b_value
from napari_dwi.scan.dicom.convert import Converted
from napari_dwi.scan.dicom.geometry import Geometry
from napari_dwi.scan.dicom.series import DicomSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ABSOLUTE_TOLERANCE = 1.0
_RELATIVE_TOLERANCE = 0.01


def reconcile(
    series: DicomSeries,
    geometry: Geometry,
    converted: Converted,
    *,
    check: Callable[[], None] | None = None,
) -> tuple[BValues, tuple[str, ...]]:
    """The b-values of a converted series, with notes on disagreements.

    Raises
    ------
    BadInputError
        If the headers do not say, or the volumes cannot be told apart. Nothing is guessed.
    """
    n_volumes = converted.signal.shape[3]
    by_header = _by_header(series, geometry, converted, check)
    if by_header is None:
        # The converter's own list may be right, but nothing shows that it is.
        raise BadInputError(
            "it is not certain which volume has which b-value",
            file=series.selector,
            expected=f"headers and pixels that tell {n_volumes} b-values for {n_volumes} volumes",
            found="volumes that cannot be traced to a b-value",
            remedy="Give the b-values in a text file (--bval FILE).",
        )
    notes: tuple[str, ...] = ()
    if converted.b_values is not None and not _agree(by_header, converted.b_values):
        notes = (
            f"the headers say b = {_listed(by_header)}, the converter says {_listed(converted.b_values)}"
            " s/mm2; the headers were used",
        )
    directions = converted.directions
    if directions is not None and (directions.shape != (n_volumes, 3) or not directions.any()):
        directions = None
    return BValues(by_header, directions, origin="DICOM headers"), notes


def _by_header(
    series: DicomSeries, geometry: Geometry, converted: Converted, check: Callable[[], None] | None
) -> NDArray[np.float64] | None:
    """One b-value per volume, or ``None`` where the images leave it open."""
    n_volumes = converted.signal.shape[3]
    different = {frame.b_value for frame in series.frames}
    if len(different) == 1:
        (only,) = different
        return None if only is None else np.full(n_volumes, only)
    sums = _frame_sums(series, check)
    if sums is None:
        return None
    # A mosaic is compared as a whole: what lies beside its slices is zero.
    volume_sums = (
        converted.stored_sums.sum(axis=0, keepdims=True) if series.is_mosaic else converted.stored_sums
    )
    candidates: dict[tuple[int, float], set[float | None]] = defaultdict(set)
    for frame, index, total in zip(series.frames, geometry.slice_of_frame, sums, strict=True):
        candidates[index, total].add(frame.b_value)
    b_values = []
    for volume in range(n_volumes):
        possible = [candidates[index, float(total)] for index, total in enumerate(volume_sums[:, volume])]
        common = set.intersection(*possible)
        b_value = common.pop() if len(common) == 1 else None
        if b_value is None:
            return None
        b_values.append(b_value)
    return np.array(b_values, dtype=np.float64)


def _frame_sums(series: DicomSeries, check: Callable[[], None] | None) -> list[float] | None:
    """Sum of the stored values of every frame; ``None`` if the compression cannot be undone here."""
    sums: dict[tuple[Path, int], float] = {}
    for file in series.files:
        if check is not None:
            check()
        try:
            sums.update({(file, index): total for index, total in enumerate(_file_sums(file))})
        except (RuntimeError, NotImplementedError):
            return None
        except (ValueError, AttributeError, EOFError, OSError) as err:
            raise BadInputError("the pixels of this image cannot be read", file=file) from err
    return [sums[frame.file, frame.index] for frame in series.frames]


def _file_sums(file: Path) -> list[float]:
    import pydicom

    with warnings.catch_warnings():
        # Trailing padding and the like do not change the pixels.
        warnings.simplefilter("ignore")
        pixels = pydicom.dcmread(file).pixel_array
    frames = pixels[None] if pixels.ndim == 2 else pixels
    return [float(total) for total in frames.sum(axis=(1, 2), dtype=np.float64)]


def _agree(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.shape == other.shape and bool(
        np.allclose(one, other, rtol=_RELATIVE_TOLERANCE, atol=_ABSOLUTE_TOLERANCE)
    )


def _listed(b_values: NDArray[np.float64]) -> str:
    """The b-values in the order of the volumes; long series by their different values."""
    shown = b_values if b_values.size <= 12 else np.unique(b_values)
    return " ".join(format_b_value(float(b)) for b in shown)
