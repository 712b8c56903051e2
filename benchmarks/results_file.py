"""Results of long benchmarks as they come, so that a run can be stopped and taken up again."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path


class ResultsFile:
    """A table of tab-separated values that grows by a row for each result.

    Parameters
    ----------
    path : Path or None
        The file; ``None`` keeps the rows in memory.
    keys : sequence of str
        Columns that tell what was run.
    values : sequence of str
        Columns of what came out.
    """

    def __init__(self, path: Path | None, keys: Sequence[str], values: Sequence[str]) -> None:
        self._path, self._keys, self._columns = path, tuple(keys), (*keys, *values)
        self.rows: list[dict[str, str]] = []
        if path is not None and path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                self.rows = list(csv.DictReader(file, delimiter="\t"))

    def has(self, **keys: object) -> bool:
        """Whether there is a row with these keys."""
        return any(all(row[name] == str(value) for name, value in keys.items()) for row in self.rows)

    def add(self, row: Mapping[str, object]) -> None:
        """Append a row and write it at once."""
        cells = {name: str(row.get(name, "")) for name in self._columns}
        self.rows.append(cells)
        if self._path is None:
            return
        new = not self._path.is_file()
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self._columns, delimiter="\t", lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(cells)

    def numbers(self, column: str, **keys: object) -> list[float]:
        """A column of the rows with these keys (a list: any of its values) that hold a number there."""
        wanted = {
            name: [str(one) for one in value] if isinstance(value, list) else [str(value)]
            for name, value in keys.items()
        }
        chosen = (row for row in self.rows if all(row[name] in any_of for name, any_of in wanted.items()))
        return [float(row[column]) for row in chosen if row[column] not in ("", "nan")]
