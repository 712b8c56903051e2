"""What a user says of a pair that is to be imported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NARROWEST = 8
_RANGE = re.compile(r"(\d*):(\d*)")


@dataclass(frozen=True)
class Crop:
    """The part of each slice that is kept, in voxels of low resolution.

    Parameters
    ----------
    rows, columns : (int, int or None)
        First voxel, and the one after the last (``None``: to the end), along both axes of the slice in the
        order in which the low-resolution file has them.
    """

    rows: tuple[int, int | None] = (0, None)
    columns: tuple[int, int | None] = (0, None)

    def of(self, slices: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
        """The part of slices, shape (n_slices, h, w), that have so many voxels for one.

        Raises
        ------
        BadInputError
            If the part is not within the slices, or too small to learn from.
        """
        window = [slice(None)]
        for (start, stop), size in zip((self.rows, self.columns), slices.shape[1:], strict=True):
            last = size // factor if stop is None else stop
            if start < 0 or last * factor > size or last - start < _NARROWEST:
                raise BadInputError(
                    "this part of the slices cannot be used",
                    expected=f"at least {_NARROWEST} of the voxels 0:{size // factor}",
                    found=f"{start}:{last}",
                )
            window.append(slice(factor * start, factor * last))
        return slices[tuple(window)]

    def turned(self, shape: Sequence[int], rows: bool, columns: bool) -> Crop:
        """The same part of slices of this shape (h, w) that are turned round along some axes."""
        return Crop(
            _from_other_end(self.rows, shape[0]) if rows else self.rows,
            _from_other_end(self.columns, shape[1]) if columns else self.columns,
        )


def _from_other_end(part: tuple[int, int | None], size: int) -> tuple[int, int | None]:
    start, stop = part
    return (0 if stop is None else size - stop), size - start


@dataclass(frozen=True)
class PairRequest:
    """What a user says of a pair.

    Parameters
    ----------
    low, high : Path
        Image files or DICOM folders (``folder#5``), of low and of high resolution.
    subject : str
        Whose scans these are. Nothing of the patient is taken from the files.
    plane : str
        How the slices lie; empty takes it from how the patient was lying.
    name : str
        The name of the pair; empty makes one from the subject and the plane.
    exclude : tuple of int
        Slices that nothing is learnt from, counted from 0.
    crop : Crop
        The part of each slice that is kept.
    b_value : float, optional
        Which b-value (s/mm2) of a diffusion series is meant; its volumes are averaged.
    """

    low: Path
    high: Path
    subject: str
    plane: str = ""
    name: str = ""
    exclude: tuple[int, ...] = ()
    crop: Crop = Crop()
    b_value: float | None = None


def parse_slices(text: str) -> tuple[int, ...]:
    """Slice numbers as typed: ``"0,5,17"``; empty or ``"none"`` for no slice.

    Raises
    ------
    BadInputError
        If these are no numbers.
    """
    if text.strip().lower() in ("", "none"):
        return ()
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as err:
        raise BadInputError(
            "not slice numbers", expected="numbers as in 0,5,17, or none", found=text
        ) from err


def parse_crop(text: str) -> Crop:
    """A part of slices as typed: ``"10:140,20:"``; empty for all of them.

    Raises
    ------
    BadInputError
        If it is not written so.
    """
    if not text.strip():
        return Crop()
    matches = [_RANGE.fullmatch(word.strip()) for word in text.split(",")]
    if len(matches) != 2 or not all(matches):
        raise BadInputError("not a part of a slice", expected="two ranges as in 10:140,20:", found=text)
    rows, columns = ((int(m[1] or 0), int(m[2]) if m[2] else None) for m in matches if m is not None)
    return Crop(rows, columns)


def parse_b_value(text: str) -> float | None:
    """A b-value (s/mm2) as typed; empty for none.

    Raises
    ------
    BadInputError
        If it is no number.
    """
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError as err:
        raise BadInputError("not a b-value", expected="a number in s/mm2", found=text) from err
