"""b-values as text files (.bval, as FSL writes them)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_values import BValues, format_b_value

# More text than this is not a list of b-values, whatever its name says.
_LARGEST_FILE_BYTES = 1_000_000
# Nobody measures only below this in s/mm2; in ms/um2 everybody does.
_LARGEST_B_IN_MS = 10.0
_S_PER_MS_UM2 = 1000.0


def read_b_values(bval: Path, n_volumes: int | None, allow: Collection[Allowance] = ()) -> BValues:
    """Read the b-values of a series.

    Parameters
    ----------
    bval : Path
        Text with one b-value (s/mm2) per volume, in one row or one column, separated by blanks,
        tabs, or a comma followed by a blank.
    n_volumes : int or None
        Number of volumes of the image the values belong to; ``None`` for a protocol without an image.
    allow : collection of str
        ``"b-in-ms/um2"`` multiplies values that can hardly be in s/mm2 by 1000;
        ``"b-in-s/mm2"`` takes them as they are.

    Raises
    ------
    BadInputError
        If the file cannot be read, holds anything but finite numbers >= 0, or does not have one
        value per volume. With offers, if all values are below 10 and their unit was not said.
    """
    rows = number_rows(bval)
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
    if n_volumes is not None and len(values) != n_volumes:
        raise BadInputError(
            "the number of b-values does not match the number of volumes",
            file=bval,
            expected=f"{n_volumes} b-values",
            found=f"{len(values)}",
            remedy="Choose the .bval file that belongs to this image.",
        )
    b_values = BValues(np.array(values), origin=bval.name)
    if not _unit_is_doubtful(b_values) or "b-in-s/mm2" in allow:
        return b_values
    if "b-in-ms/um2" in allow:
        return BValues(b_values.values * _S_PER_MS_UM2, origin=f"{bval.name}, in ms/µm² times 1000")
    raise BadInputError(
        "the unit of the b-values is not clear",
        file=bval,
        expected="values in s/mm2, such as 0 100 800",
        found=" ".join(f"{b:g}" for b in sorted(set(values))[:8]),
        remedy="Say whether they are in s/mm2 or in ms/um2.",
        offers=("b-in-s/mm2", "b-in-ms/um2"),
    )


def _unit_is_doubtful(b_values: BValues) -> bool:
    values = set(b_values.values.tolist())
    return max(values) < _LARGEST_B_IN_MS and len(values) > 2


def b_value_text(b_values: BValues) -> str:
    """The text of a .bval file: one row, s/mm2."""
    return " ".join(format_b_value(b) for b in b_values.values) + "\n"


def number_rows(path: Path) -> list[list[float]]:
    """The numbers of a text file, line by line.

    Raises
    ------
    BadInputError
        If it cannot be read, is empty, or holds anything but numbers.
    """
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
