"""Pictures of what several methods gave for one scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.cli.comparing._drawing import (
    REFERENCE_COLOUR,
    colours_of,
    legend,
    new_figure,
    robust_limits,
    styled,
)
from napari_dwi.cli.comparing.maps import MapSet
from napari_dwi.fit._readout import mean_signal, read_fit
from napari_dwi.measure.agreement import agreement
from napari_dwi.measure.value_statistics import value_statistics
from napari_dwi.physics.signal_models import find_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from napari_dwi.cli.comparing.scan_output import Compared
    from napari_dwi.physics.signal_models import SignalParameter

_CURVE_POINTS = 200
_MOST_DOTS = 4000
# With more methods than this each is compared with the first alone.
_MOST_IN_PAIRS = 4
_MAP_CELL = (2.4, 2.2)
_NO_VALUE = "#d0d0d0"


def figures_of_scan(compared: Compared) -> dict[str, Figure | None]:
    """All pictures of a comparison, by the stems of their file names."""
    figures: dict[str, Figure | None] = {"maps": map_figure(compared), "bars": bar_figure(compared)}
    if compared.model is None:
        figures["residuals"] = residual_figure(compared)
        return figures
    figures["decay"] = decay_figure(compared)
    if len(compared.sets) > 1:
        for parameter in compared.model.shape:
            figures[f"agreement_{parameter.name}"] = agreement_figure(compared, parameter)
    return figures


@styled
def decay_figure(compared: Compared) -> Figure:
    """The measured decay of each region, and the curve of every method through it."""
    regions = {name: inside for name, inside in compared.regions.items() if inside.any()}
    figure, axes = new_figure(1, max(1, len(regions)), cell=(3.8, 3.2))
    colour = colours_of(compared.results)
    for place, (name, inside) in zip(axes[0], regions.items(), strict=False):
        b, mean, sd = mean_signal(compared.inputs.series, inside)
        fine = np.linspace(0, b.max(), _CURVE_POINTS)
        place.errorbar(b, mean, np.nan_to_num(sd), fmt="o", color="#777777", markersize=4, label="mean ± SD")
        for label, result in compared.results.items():
            readout = read_fit(result.output, inside, fine)
            if readout is not None:
                place.plot(fine, readout.curve, color=colour[label], label=label)
        place.set_yscale("log")
        for axis_format in (place.yaxis.set_major_formatter, place.yaxis.set_minor_formatter):
            axis_format("{x:g}")
        place.set_title(f"{name} (n = {int(inside.sum())})")
        place.set_xlabel("b (s/mm²)")
        place.set_ylabel("signal")
    legend(figure, axes)
    return figure


@styled
def map_figure(compared: Compared) -> Figure:
    """The maps of all methods in one slice, a row for each parameter on one fixed scale."""
    sets = _with_reference(compared)
    names = _shown(compared)
    z = _slice(compared)
    figure, axes = new_figure(len(names), len(sets), cell=_MAP_CELL)
    for row, name in enumerate(names):
        parameter = _parameter(compared, name)
        factor = 1.0 if parameter is None else parameter.screen_factor
        pictures = [one.maps[name][..., z] * factor if name in one.maps else None for one in sets]
        limits = None if parameter is None else parameter.screen_limits
        low, high = limits or (0.0, robust_limits(*[p for p in pictures if p is not None])[1])
        for place, one, picture in zip(axes[row], sets, pictures, strict=True):
            _bare(place)
            if row == 0:
                place.set_title(one.label)
            if picture is not None:
                colours = "gray" if parameter is None else parameter.colormap
                image = _show(place, compared, picture, colours, (low, high))
        axes[row, 0].set_ylabel(_title(parameter, name))
        figure.colorbar(image, ax=list(axes[row]), shrink=0.8)
    return figure


@styled
def residual_figure(compared: Compared) -> Figure:
    """What each denoiser took away at the highest b-value, on one symmetric scale."""
    (name,) = _shown(compared)[-1:]
    z = _slice(compared)
    before, *sets = compared.sets
    figure, axes = new_figure(1, max(1, len(sets)), cell=_MAP_CELL)
    residuals = [before.maps[name][..., z] - one.maps[name][..., z] for one in sets if name in one.maps]
    high = max(abs(end) for end in robust_limits(*residuals))
    known = [one for one in sets if name in one.maps]
    for place, one, residual in zip(axes[0], known, residuals, strict=False):
        _bare(place)
        place.set_title(one.label)
        image = _show(place, compared, residual, "RdBu_r", (-high, high))
        figure.colorbar(image, ax=place, shrink=0.8)
    figure.suptitle(f"input minus output, {name}", fontsize=10)
    return figure


@styled
def bar_figure(compared: Compared) -> Figure:
    """Median and quartiles of every map in every region, method by method."""
    sets = _with_reference(compared)
    names = _shown(compared)
    figure, axes = new_figure(1, len(names), cell=(3.6, 3.0))
    colour = colours_of([one.label for one in compared.sets])
    width = 0.8 / len(sets)
    for place, name in zip(axes[0], names, strict=True):
        parameter = _parameter(compared, name)
        factor = 1.0 if parameter is None else parameter.screen_factor
        for turn, one in enumerate(sets):
            if name not in one.maps:
                continue
            said = [value_statistics(one.maps[name][inside] * factor) for inside in compared.regions.values()]
            middle = np.array([s.median for s in said])
            ends = [
                middle - np.array([s.lower_quartile for s in said]),
                np.array([s.upper_quartile for s in said]) - middle,
            ]
            at = np.arange(len(said)) + (turn - (len(sets) - 1) / 2) * width
            place.bar(
                at,
                middle,
                width,
                yerr=ends,
                color=colour.get(one.label, REFERENCE_COLOUR),
                label=one.label,
                error_kw={"elinewidth": 1, "ecolor": "#888888"},
            )
        place.set_xticks(range(len(compared.regions)), list(compared.regions))
        place.set_title(f"{_title(parameter, name)}: median and quartiles")
    legend(figure, axes)
    return figure


@styled
def agreement_figure(compared: Compared, parameter: SignalParameter) -> Figure:
    """Differences of pairs of methods against their means, with the limits of agreement."""
    pairs = list(combinations(compared.sets, 2))
    if len(compared.sets) > _MOST_IN_PAIRS:
        pairs = [(compared.sets[0], other) for other in compared.sets[1:]]
    figure, axes = new_figure(1, len(pairs), cell=(3.4, 3.0))
    inside = np.logical_or.reduce(list(compared.regions.values()))
    for place, (first, second) in zip(axes[0], pairs, strict=True):
        _bland_altman(place, first, second, parameter, inside)
    figure.suptitle(f"{_title(parameter, parameter.name)}, all regions together", fontsize=10)
    return figure


def _bland_altman(
    place: Axes, first: MapSet, second: MapSet, parameter: SignalParameter, inside: NDArray[np.bool_]
) -> None:
    one, other = (s.maps[parameter.name][inside] * parameter.screen_factor for s in (first, second))
    mean, difference = (one + other) / 2, one - other
    some = np.flatnonzero(np.isfinite(difference))
    some = some[:: max(1, len(some) // _MOST_DOTS)]
    place.plot(mean[some], difference[some], ".", color="#4477aa", markersize=2, alpha=0.5)
    found = agreement(one, other)
    for level, style in ((found.mean_difference, "-"), *((end, "--") for end in found.limits)):
        if np.isfinite(level):
            place.axhline(level, color="k", linestyle=style, linewidth=1)
    place.set_title(f"{first.label} − {second.label}")
    place.set_xlabel("mean of both")
    place.set_ylabel("difference")


def _with_reference(compared: Compared) -> Sequence[MapSet]:
    return compared.sets if compared.reference is None else (compared.reference, *compared.sets)


def _shown(compared: Compared) -> list[str]:
    """The maps that are drawn: all parameters but S0, or the highest b-value."""
    if compared.model is not None:
        return [parameter.name for parameter in compared.model.shape]
    computed = next(iter(compared.sets[1:]), compared.sets[0])
    order = {name: float(name.removeprefix("b=").split()[0]) for name in computed.maps}
    return [max(order, key=lambda name: order[name])]


def _parameter(compared: Compared, name: str) -> SignalParameter | None:
    if compared.model is None:
        return None
    known: Mapping[str, SignalParameter] = {p.name: p for p in find_model(compared.model.name).parameters}
    return known[name]


def _title(parameter: SignalParameter | None, name: str) -> str:
    if parameter is None:
        return name
    return f"{parameter.symbol} ({parameter.screen_unit})" if parameter.screen_unit else parameter.symbol


def _slice(compared: Compared) -> int:
    """The slice that most of the regions lies in."""
    inside = np.logical_or.reduce(list(compared.regions.values()))
    return int(inside.sum(axis=(0, 1)).argmax())


def _show(
    place: Axes, compared: Compared, picture: NDArray[Any], colormap: str, limits: tuple[float, float]
) -> AxesImage:
    """Show what there is of a slice (x, y), cut to the voxels that any method worked on."""
    mask = compared.inputs.mask
    worked = np.ones(picture.shape, bool) if mask is None else np.asarray(mask.data.any(axis=2))
    rows, columns = np.flatnonzero(worked.any(axis=1)), np.flatnonzero(worked.any(axis=0))
    if rows.size:
        picture = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    place.set_facecolor(_NO_VALUE)
    return place.imshow(
        _upright(compared, picture),
        cmap=colormap,
        vmin=limits[0],
        vmax=limits[1],
        aspect=_aspect(compared),
        interpolation="nearest",
    )


def _aspect(compared: Compared) -> float:
    x, y, _ = compared.inputs.series.grid.spacing_mm
    return y / x


def _upright(compared: Compared, picture: NDArray[Any]) -> NDArray[Any]:
    """A slice (x, y) as radiologists look at it, as far as the axes of the array allow."""
    letters = compared.inputs.series.grid.orientation
    turned = picture.T
    if letters[1] in "AS":
        turned = turned[::-1]
    if letters[0] in "RA":
        turned = turned[:, ::-1]
    return turned


def _bare(place: Axes) -> None:
    place.set_xticks([])
    place.set_yticks([])
    for spine in place.spines.values():
        spine.set_visible(False)
