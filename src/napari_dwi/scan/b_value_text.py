"""b-values and gradient directions as text files (.bval and .bvec, as FSL writes them)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import BValues, format_b_value

# More text than this is not a list of b-values, whatever its name says.
_LARGEST_FILE_BYTES = 1_000_000


def read_b_values(bval: Path, n_volumes: int, bvec: Path | None = None) -> BValues:
    """Read the b-values of a series, and its directions where there are any.

    Parameters
    ----------
    bval : Path
        Text with one b-value (s/mm2) per volume, in one row or one column, separated by blanks,
        tabs, or a comma followed by a blank.
    n_volumes : int
        Number of volumes of the image the values belong to.
    bvec : Path, optional
        Text with three rows (or three columns) of direction components.

    Raises
    ------
    BadInputError
        If a file cannot be read, holds anything but finite numbers >= 0, or does not have one
        value per volume.
    """
    rows = _number_rows(bval)
    if len(rows) > 1 and any(len(row) > 1 for row in rows):
        raise BadInputError(
            "b-values must stand in one row or one column",
            file=bval,
            expected="one row",
            found=f"{len(rows)} rows",
        )
    values = [value for row in rows for value in row]
    for value in values:
        if not np.isfinite(value) or value < 0:
            raise BadInputError("b-values must be finite and not negative", file=bval, found=f"{value:g}")
    if len(values) != n_volumes:
        raise BadInputError(
            "the number of b-values does not match the number of volumes",
            file=bval,
            expected=f"{n_volumes} b-values",
            found=f"{len(values)}",
            remedy="Choose the .bval file that belongs to this image.",
        )
    directions = None if bvec is None else _read_directions(bvec, n_volumes)
    return BValues(np.array(values), directions, origin=bval.name)


def b_value_text(b_values: BValues) -> str:
    """The text of a .bval file: one row, s/mm2."""
    return " ".join(format_b_value(b) for b in b_values.values) + "\n"


def direction_text(directions: np.ndarray) -> str:
    """The text of a .bvec file: three rows, one column per volume."""
    return "".join(" ".join(f"{c:.6f}" for c in row) + "\n" for row in np.asarray(directions).T)


def _read_directions(bvec: Path, n_volumes: int) -> np.ndarray:
    rows = _number_rows(bvec)
    if len({len(row) for row in rows}) == 1:
        table = np.array(rows)
        # A 3 x 3 table is read as FSL writes it, one row per component.
        if table.shape == (3, n_volumes):
            return table.T
        if table.shape == (n_volumes, 3):
            return table
    raise BadInputError(
        "the gradient directions do not match the volumes",
        file=bvec,
        expected=f"3 rows of {n_volumes} numbers",
        found=f"{len(rows)} rows of {len(rows[0])}",
    )


def _number_rows(path: Path) -> list[list[float]]:
    try:
        size = path.stat().st_size
        raw = b"" if size > _LARGEST_FILE_BYTES else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError("this is not a text file", file=path, expected="numbers") from None
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err
    if size > _LARGEST_FILE_BYTES:
        raise BadInputError(
            "too large for a list of b-values", file=path, expected="a short text", found=f"{size} bytes"
        )
    rows = [_numbers(line, path) for line in text.splitlines() if line.strip()]
    if not rows:
        raise BadInputError("the file is empty", file=path, expected="one number per volume")
    return rows


def _numbers(line: str, path: Path) -> list[float]:
    numbers = []
    for word in line.replace(", ", " ").split():
        try:
            # Python reads 10_50 as 1050.
            numbers.append(float(word.replace("_", "?")))
        except ValueError:
            remedy = "Write decimals with a point." if "," in word else None
            raise BadInputError(
                "not a number", file=path, expected="numbers only", found=repr(word[:40]), remedy=remedy
            ) from None
    return numbers
