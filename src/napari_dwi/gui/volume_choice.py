"""Which volumes of a series are shown and analysed: those acquired, or means of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_dwi.scan import DwiSeries
from napari_dwi.scan.averaging import is_directional, take_volumes
from napari_dwi.scan.images import Volumes


@dataclass(frozen=True)
class VolumeChoice:
    """One way to come from the volumes as acquired to those that are shown.

    Parameters
    ----------
    volumes : str
        What `take_volumes` calls it.
    title : str
        What the user picks.
    help : str
        What it means.
    suits : callable
        Whether it makes sense for a series.
    """

    volumes: Volumes
    title: str
    help: str
    suits: Callable[[DwiSeries], bool]

    def make(self, series: DwiSeries) -> DwiSeries:
        """The volumes of a series as acquired that are shown."""
        return take_volumes(series, self.volumes)


def has_repeats(series: DwiSeries) -> bool:
    """Whether some b-value was measured more than once."""
    return len(series.b_values) > len(series.b_values.distinct)


AS_ACQUIRED = VolumeChoice(
    "keep",
    "as acquired",
    "Every volume as it was read: all repeats and all gradient directions",
    lambda _: True,
)
GEOMETRIC = VolumeChoice(
    "trace-geometric",
    "trace-weighted (geometric mean)",
    "The directions of each b-value become one volume by their geometric mean: for Gaussian diffusion"
    " exactly the decay with the mean diffusivity, trace(D) / 3",
    is_directional,
)
ARITHMETIC = VolumeChoice(
    "trace-arithmetic",
    "trace-weighted (arithmetic mean)",
    "The directions of each b-value become one volume by their arithmetic mean: less noise, but the"
    " diffusivity comes out too low where diffusion is anisotropic",
    is_directional,
)
REPEATS = VolumeChoice(
    "average",
    "average of repeats",
    "The repeats of each b-value become one volume by their arithmetic mean",
    lambda series: has_repeats(series) and not is_directional(series),
)

VOLUME_CHOICES = (AS_ACQUIRED, GEOMETRIC, ARITHMETIC, REPEATS)


def usual_choice(series: DwiSeries) -> VolumeChoice:
    """What a series is shown as before anybody has chosen."""
    return GEOMETRIC if is_directional(series) else AS_ACQUIRED
