"""What tells a user that b-values fit: how the volumes look, how bright they are, what was typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.gui.layers import window
from napari_dwi.scan import BValues, View, format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan.unlabelled import UnlabelledSeries

_THUMBNAIL_PIXELS = 64
# Enough voxels for a mean that tells volumes apart, few enough to be there at once.
_SLICES_OF_MEAN = 3
# Noise alone makes a mean rise by less than this.
_LEAST_RISE = 1.05
_LEAST_DISTINCT = 2


@dataclass(frozen=True, eq=False)
class Previews:
    """The volumes of a series at a glance.

    Parameters
    ----------
    pictures : ndarray, uint8, shape (n, rows, columns)
        The middle slice of each volume, all with one window.
    means : ndarray, shape (n,)
        Mean signal of the slices in the middle, scanner units.
    """

    pictures: NDArray[np.uint8]
    means: NDArray[np.float64]


def previews_of(series: UnlabelledSeries) -> Previews:
    """Pictures and means of all volumes."""
    shown = View(series.grid).to_display(series.signal)
    middle = shown.shape[1] // 2
    step = max(1, -(-max(shown.shape[2:]) // _THUMBNAIL_PIXELS))
    low, high = window(shown[:, middle])
    slices = shown[:, middle, ::step, ::step]
    grey = np.clip((np.nan_to_num(slices, posinf=high, neginf=low) - low) / (high - low), 0, 1)
    first = max(0, middle - _SLICES_OF_MEAN // 2)
    around = shown[:, first : first + _SLICES_OF_MEAN, ::2, ::2]
    finite = np.isfinite(around)
    counts = finite.sum(axis=(1, 2, 3))
    sums = np.where(finite, around, 0).sum(axis=(1, 2, 3), dtype=np.float64)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return Previews((255 * grey).astype(np.uint8), means)


def why_not(values: Sequence[float | None]) -> str:
    """Why these cannot be the b-values of a series, s/mm2; empty if they can."""
    missing = [n + 1 for n, value in enumerate(values) if value is None]
    if missing:
        first = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        return f"no b-value yet for volume {first}"
    if len(_distinct(values)) < _LEAST_DISTINCT:
        return "a diffusion series needs at least two different b-values"
    return ""


def counts_of(values: Sequence[float | None]) -> str:
    """The different b-values, each with the number of its volumes: ``"0 (1), 800 (3)"``."""
    given = [value for value in values if value is not None]
    if not given:
        return ""
    b_values = BValues(np.array(given))
    return ", ".join(f"{format_b_value(b)} ({len(b_values.indices(b))})" for b in b_values.distinct)


def doubt_about(values: Sequence[float | None], means: NDArray[np.float64]) -> str:
    """What makes b-values unlikely: signal that does not fall with b; empty if nothing does."""
    known = [n for n, value in enumerate(values) if value is not None and np.isfinite(means[n])]
    if not known:
        return ""
    b_values = BValues(np.array([values[n] for n in known], dtype=np.float64))
    of_b = [float(means[known][b_values.indices(b)].mean()) for b in b_values.distinct]
    for (lower, before), (higher, after) in pairwise(zip(b_values.distinct, of_b, strict=True)):
        if after > _LEAST_RISE * before:
            return (
                f"the mean signal is higher at b = {format_b_value(higher)} than at"
                f" b = {format_b_value(lower)}: are they in the right order?"
            )
    return ""


def parse_b_values(text: str) -> list[float]:
    """The numbers of a pasted text, separated by blanks, line breaks, commas or semicolons.

    Raises
    ------
    BadInputError
        If anything in it is no b-value, or a comma could be a decimal point.
    """
    if re.search(r"\d,\d", text) and re.search(r"\d[;\s]+\d", text):
        raise BadInputError(
            "a comma within a number cannot be told from one between two numbers",
            found=text.strip()[:40],
            remedy="Write decimals with a point.",
        )
    values = []
    for word in re.split(r"[\s,;]+", text.strip(" \t\r\n,;[]()")):
        value = parse_b_value(word)
        if value is None:
            raise BadInputError("this is no list of b-values", expected="numbers >= 0", found=repr(word[:40]))
        values.append(value)
    return values


def parse_b_value(text: str) -> float | None:
    """One b-value, s/mm2; ``None`` if it is none."""
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text.strip()):
        return None
    return float(text)


def _distinct(values: Sequence[float | None]) -> tuple[float, ...]:
    return BValues(np.array(values, dtype=np.float64)).distinct
