"""What a file of any format holds once it is read: the common ground of all readers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

Check = Callable[[], None]


@dataclass(frozen=True, eq=False)
class FileHeader:
    """What the header alone says.

    Parameters
    ----------
    shape : tuple of int
        (x, y, z) or (x, y, z, n).
    grid : Grid
        Geometry of every volume.
    notes : tuple of str
        What the user should know about how it is read.
    b_values : BValues, optional
        One per volume, for formats that hold their own.
    description : str
        The protocol's own name, for formats that hold it; no patient fields.
    """

    shape: tuple[int, ...]
    grid: Grid
    notes: tuple[str, ...] = ()
    b_values: BValues | None = None
    description: str = ""


@dataclass(frozen=True, eq=False)
class FileImage:
    """An image as read, before anything is known about what it is for.

    Parameters
    ----------
    data : ndarray, float32, shape (x, y, z) or (x, y, z, n)
        Scaled values.
    grid, notes, b_values
        As for `FileHeader`.
    source : Source
        The file, with its digest.
    n_not_finite, n_negative : int
        Number of values that are NaN or infinite, and below zero.
    """

    data: NDArray[np.float32]
    grid: Grid
    source: Source
    notes: tuple[str, ...] = ()
    b_values: BValues | None = None
    n_not_finite: int = 0
    n_negative: int = 0


@dataclass(frozen=True)
class Format:
    """A file format, declared as ``FORMAT`` by one module of ``scan/formats/``.

    Parameters
    ----------
    name : str
        What users call it.
    suffixes : tuple of str
        Endings of the names, in lower case, of the files that stand for an image in a folder.
    claims : callable
        ``claims(path, start)`` tells whether a file is of this format, from its first bytes
        (unpacked, where it is gzipped) and, where they say nothing, its name. Folders have no bytes.
    read_header : callable
        ``read_header(path, allow)`` gives a `FileHeader`.
    read : callable
        ``read(path, allow, check)`` gives a `FileImage`.
    """

    name: str
    suffixes: tuple[str, ...]
    claims: Callable[[Path, bytes], bool]
    read_header: Callable[[Path, Collection[Allowance]], FileHeader]
    read: Callable[[Path, Collection[Allowance], Check | None], FileImage]
