"""Tables of pairs to be imported."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.superres.pairs.blame import arising_in
from napari_dwi.superres.pairs.request import PairRequest, parse_b_value, parse_crop, parse_slices

_NEEDED = ("subject", "low", "high")
_OPTIONAL = ("plane", "name", "exclude", "crop", "b")


@dataclass(frozen=True)
class TableRow:
    """One row.

    Parameters
    ----------
    where : str
        The table and the line in it, counted from 1 as editors do.
    request : PairRequest
        What it says.
    """

    where: str
    request: PairRequest


def read_table(path: Path) -> tuple[TableRow, ...]:
    """Read a table of pairs: text with tabs between the columns, whose first line names them.

    Parameters
    ----------
    path : Path
        The table. ``subject``, ``low`` and ``high`` are needed, ``plane``, ``name``, ``exclude``, ``crop``
        and ``b`` may be there. Files are looked for from the folder of the table.

    Raises
    ------
    BadInputError
        If it cannot be read, a column is unknown or missing, or a row is not as it should be; it names the
        line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise BadInputError("cannot be read", file=path, expected="a table of pairs", found=str(err)) from err
    reader = csv.DictReader(lines, delimiter="\t", strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as err:
        raise BadInputError("not a table", file=path, found=f"{err} in line {reader.line_num}") from err
    columns = tuple(reader.fieldnames or ())
    missing = [name for name in _NEEDED if name not in columns]
    unknown = [name for name in columns if name not in (*_NEEDED, *_OPTIONAL)]
    if missing or unknown or not rows or len(set(columns)) < len(columns):
        raise BadInputError(
            "not a table of pairs",
            file=path,
            expected=f"the columns {', '.join(_NEEDED)}, perhaps {', '.join(_OPTIONAL)}, and rows below them",
            found=f"{', '.join(columns) or 'nothing'} and {len(rows)} rows",
            remedy="Columns are separated by tabs.",
        )
    return tuple(_row(row, f"{path}, line {line}", path.parent) for line, row in rows)


def _row(row: Mapping[str, str], where: str, folder: Path) -> TableRow:
    # csv files what is beyond the columns under None, and gives None for what is missing.
    if None in row or None in row.values():
        raise BadInputError("this row does not have as many columns as the first", file=where)
    said = {name: value.strip() for name, value in row.items()}
    empty = [name for name in _NEEDED if not said[name]]
    if empty:
        raise BadInputError(f"there is no {' and no '.join(empty)}", file=where)
    with arising_in(where):
        request = PairRequest(
            folder / said["low"],
            folder / said["high"],
            said["subject"],
            said.get("plane", ""),
            said.get("name", ""),
            parse_slices(said.get("exclude", "")),
            parse_crop(said.get("crop", "")),
            parse_b_value(said.get("b", "")),
        )
    return TableRow(where, request)
