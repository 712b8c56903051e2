"""Which volumes of a series are shown and analysed: those acquired, or means of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_dwi.scan import DwiSeries
from napari_dwi.scan.averaging import averaged, is_directional, trace_weighted


@dataclass(frozen=True)
class VolumeChoice:
    """One way to come from the volumes as acquired to those that are shown.

    Parameters
    ----------
    title : str
        What the user picks.
    help : str
        What it means.
    suits : callable
        Whether it makes sense for a series.
    make : callable
        The series made of the one as acquired.
    """

    title: str
    help: str
    suits: Callable[[DwiSeries], bool]
    make: Callable[[DwiSeries], DwiSeries]


def has_repeats(series: DwiSeries) -> bool:
    """Whether some b-value was measured more than once."""
    return len(series.b_values) > len(series.b_values.distinct)


AS_ACQUIRED = VolumeChoice(
    "as acquired",
    "Every volume as it was read: all repeats and all gradient directions",
    lambda _: True,
    lambda series: series,
)
GEOMETRIC = VolumeChoice(
    "trace-weighted (geometric mean)",
    "The directions of each b-value become one volume by their geometric mean: for Gaussian diffusion"
    " exactly the decay with the mean diffusivity, trace(D) / 3",
    is_directional,
    trace_weighted,
)
ARITHMETIC = VolumeChoice(
    "trace-weighted (arithmetic mean)",
    "The directions of each b-value become one volume by their arithmetic mean: less noise, but the"
    " diffusivity comes out too low where diffusion is anisotropic",
    is_directional,
    lambda series: trace_weighted(series, "arithmetic"),
)
REPEATS = VolumeChoice(
    "average of repeats",
    "The repeats of each b-value become one volume by their arithmetic mean",
    lambda series: has_repeats(series) and not is_directional(series),
    averaged,
)

VOLUME_CHOICES = (AS_ACQUIRED, GEOMETRIC, ARITHMETIC, REPEATS)


def usual_choice(series: DwiSeries) -> VolumeChoice:
    """What a series is shown as before anybody has chosen."""
    return GEOMETRIC if is_directional(series) else AS_ACQUIRED
