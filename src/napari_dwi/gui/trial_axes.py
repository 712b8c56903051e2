"""Where the values of a search parameter lie on an axis from 0 to 1, and how the axis is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_dwi.text import brief

# So few different numbers are marked one by one.
_FEW = 5
# Numbers that differ by more than this factor are compared by their ratios.
_WIDE = 30.0


@dataclass(frozen=True, eq=False)
class TrialAxis:
    """One axis.

    Parameters
    ----------
    name : str
        What it shows.
    places : ndarray, shape (n_trials,)
        0 at the bottom to 1 at the top; NaN where a trial has no such value.
    marks : tuple of (float, str)
        Places with what stands there.
    """

    name: str
    places: NDArray[np.float64]
    marks: tuple[tuple[float, str], ...]


def axis_of(name: str, values: Sequence[object], *, few: int = _FEW) -> TrialAxis:
    """The axis of a parameter, from its value in every trial; ``None`` where it has none.

    Words, and up to ``few`` different numbers, are spread evenly; more numbers lie as they are, or by
    their logarithm where they span more than a factor of 30.
    """
    known = [value for value in values if value is not None and value == value]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    if not known:
        return TrialAxis(name, np.full(len(values), np.nan), ())
    distinct = sorted(set(known)) if numeric else sorted(set(known), key=str)  # type: ignore[type-var]
    if not numeric or len(distinct) <= max(few, 1):
        where = {value: _spread(n, len(distinct)) for n, value in enumerate(distinct)}
        places = np.array([where.get(value, np.nan) for value in values])
        return TrialAxis(name, places, tuple((place, _word(value)) for value, place in where.items()))
    numbers = np.array([np.nan if value is None else value for value in values], dtype=float)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    marks = ((0.0, brief(low)), (1.0, brief(high)))
    if low > 0 and high > _WIDE * low:
        numbers, low, high = np.log(numbers), float(np.log(low)), float(np.log(high))
    return TrialAxis(name, (numbers - low) / (high - low), marks)


def _spread(n: int, count: int) -> float:
    return n / (count - 1) if count > 1 else 0.5


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return brief(value) if isinstance(value, int | float) else str(value)
