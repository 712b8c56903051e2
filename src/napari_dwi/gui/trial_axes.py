"""Where the values of a search parameter lie on an axis from 0 to 1, and how the axis is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_dwi.text import brief

# Where trials without a value lie.
ABSENT = -0.15
_ABSENT_WORD = "none"
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
        0 at the bottom to 1 at the top; `ABSENT`, below, where a trial has no such value.
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
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    known = [value for value in values if value is not None]
    absent = ((ABSENT, _ABSENT_WORD),) if len(known) < len(values) else ()
    if len(numbers) == len(known) and len(set(numbers)) > max(few, 1):
        places, marks = _by_size([np.nan if value is None else value for value in values])  # type: ignore[misc]
        return TrialAxis(name, places, marks + absent)
    distinct = sorted(set(numbers)) if len(numbers) == len(known) else sorted(set(known), key=str)
    where = {value: n / (len(distinct) - 1) if len(distinct) > 1 else 0.5 for n, value in enumerate(distinct)}
    places = np.array([where.get(value, ABSENT) for value in values])
    return TrialAxis(name, places, tuple((place, word_of(value)) for value, place in where.items()) + absent)


def _by_size(values: Sequence[float]) -> tuple[NDArray[np.float64], tuple[tuple[float, str], ...]]:
    numbers = np.array(values, dtype=float)
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    marks = ((0.0, brief(low)), (1.0, brief(high)))
    if low > 0 and high > _WIDE * low:
        numbers, low, high = np.log(numbers), float(np.log(low)), float(np.log(high))
    return np.where(np.isnan(numbers), ABSENT, (numbers - low) / (high - low)), marks


def word_of(value: object) -> str:
    """A value as users read it; empty where there is none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return brief(value)
    return "" if value is None else str(value)
