"""Gradient directions as text files (.bvec, as FSL writes them).

Nothing computed here needs directions to be right, so whatever is wrong with them is said and they
are left out; it never keeps anybody from opening a series.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_value_text import number_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Text files round to a few digits; scanners that scale b by the length of the vector go far beyond.
_UNIT_TOLERANCE = 0.02
# At b = 0 (s/mm2, within the tolerance of BValues) a direction means nothing.
_LARGEST_B_WITHOUT_DIRECTION = 1.0


def read_directions(
    bvec: Path, b_values: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    """Read the direction of every volume, as stored (FSL convention, voxel axes).

    Parameters
    ----------
    bvec : Path
        Text with three rows, or three columns, of direction components.
    b_values : ndarray, shape (n,)
        b-value of every volume, s/mm2.

    Returns
    -------
    directions : ndarray of shape (n, 3), or None
        Unit vectors, or zeros for volumes without a direction; ``None`` if the file is not usable.
    notes : tuple of str
        What was assumed, or why they were left out.
    """
    try:
        rows = number_rows(bvec)
    except BadInputError as err:
        return None, (f"directions left out: {bvec.name}: {err.what}",)
    table = np.array(rows) if len({len(row) for row in rows}) == 1 else np.empty((0, 0))
    notes: list[str] = []
    if table.shape == (3, b_values.size):
        directions = table.T.copy()
        if b_values.size == 3:
            notes.append(f"{bvec.name}: a 3 x 3 table was read with one row per component, as FSL does")
    elif table.shape == (b_values.size, 3):
        directions = table
        notes.append(f"{bvec.name}: read with one row per volume")
    else:
        expected = f"3 rows of {b_values.size} numbers"
        found = f"{len(rows)} rows of {len(rows[0])}"
        return None, (f"directions left out: {bvec.name}: expected {expected}, found {found}",)
    weighted = b_values > _LARGEST_B_WITHOUT_DIRECTION
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(directions, axis=1)
    is_unit, is_zero = np.abs(lengths - 1) <= _UNIT_TOLERANCE, lengths == 0
    directions[~weighted & ~is_unit] = 0
    if not np.isfinite(directions).all():
        return None, (f"directions left out: {bvec.name}: some are NaN or infinite",)
    if n_bad := int((weighted & ~is_unit & ~is_zero).sum()):
        return None, (f"directions left out: {bvec.name}: {n_bad} are not of length one",)
    n_trace = int((weighted & is_zero).sum())
    if 0 < n_trace < weighted.sum():
        notes.append(f"{n_trace} volumes with b > 0 have no direction and are taken as trace-weighted")
    return directions, tuple(notes)


def direction_text(directions: np.ndarray) -> str:
    """The text of a .bvec file: three rows, one column per volume."""
    return "".join(" ".join(f"{c:.6f}" for c in row) + "\n" for row in np.asarray(directions).T)
