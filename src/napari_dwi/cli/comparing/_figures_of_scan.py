"""Pictures of what several methods gave for one scan."""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.cli.comparing._drawing import (
    REFERENCE_COLOUR,
    colours_of,
    legend,
    new_figure,
    robust_limits,
    styled,
    title_of,
)
from napari_dwi.cli.comparing._pictures_of_scan import map_figure, residual_figure
from napari_dwi.cli.comparing.maps import MapSet
from napari_dwi.fit._readout import mean_signal, read_fit
from napari_dwi.measure.agreement import agreement
from napari_dwi.measure.binned_errors import binned_errors
from napari_dwi.measure.value_statistics import value_statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_dwi.cli.comparing.scan_output import Compared
    from napari_dwi.physics.signal_models import SignalParameter

_CURVE_POINTS = 200
_REGIONS_IN_A_ROW = 4
_MOST_REGIONS = 12
_MOST_DOTS = 4000
# With more methods than this each is compared with the first alone.
_MOST_IN_PAIRS = 4
_ERROR_BINS = 10
# Share of the reference values, in %, beyond either end of the bins.
_TAIL = 2.0


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
    if compared.reference is not None:
        figures["errors"] = error_figure(compared, compared.reference)
    return figures


@styled
def decay_figure(compared: Compared) -> Figure:
    """The measured decay of each region, and the curve of every method through it."""
    regions = _drawn_regions(compared)
    columns = max(1, min(_REGIONS_IN_A_ROW, len(regions)))
    figure, axes = new_figure(max(1, -(-len(regions) // columns)), columns, cell=(3.8, 3.2))
    colour = colours_of(compared.results)
    for place in axes.ravel()[len(regions) :]:
        place.set_axis_off()
    for place, (name, inside) in zip(axes.ravel(), regions.items(), strict=False):
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
    _say_what_is_left_out(figure, compared)
    return figure


@styled
def bar_figure(compared: Compared) -> Figure:
    """Median and quartiles of every map in every region, method by method."""
    sets = compared.sets_with_reference
    names = compared.drawn
    regions = _drawn_regions(compared)
    figure, axes = new_figure(1, len(names), cell=(3.6, 3.0))
    colour = colours_of([one.label for one in compared.sets])
    width = 0.8 / len(sets)
    for place, name in zip(axes[0], names, strict=True):
        parameter = compared.parameter(name)
        factor = 1.0 if parameter is None else parameter.screen_factor
        for turn, one in enumerate(sets):
            if name not in one.maps:
                continue
            said = [value_statistics(one.maps[name][inside] * factor) for inside in regions.values()]
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
        place.set_xticks(range(len(regions)), list(regions))
        if len(regions) > _REGIONS_IN_A_ROW:
            place.tick_params(axis="x", rotation=90)
        place.set_title(f"{title_of(parameter, name)}: median and quartiles")
    legend(figure, axes)
    _say_what_is_left_out(figure, compared)
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
    figure.suptitle(f"{title_of(parameter)}, all regions together", fontsize=10)
    return figure


@styled
def error_figure(compared: Compared, reference: MapSet) -> Figure:
    """Bias, SD and RMSE as functions of the reference value, and how its values are spread.

    All regions together; as Epstein et al. (2022), figure 5.
    """
    names = [name for name in compared.drawn if name in reference.maps]
    measures = {"bias": "bias", "sd": "SD", "rmse": "RMSE"}
    figure, axes = new_figure(len(measures) + 1, max(1, len(names)))
    inside = np.logical_or.reduce(list(compared.regions.values()))
    colour = colours_of([one.label for one in compared.sets])
    for column, name in enumerate(names):
        parameter = compared.parameter(name)
        factor = 1.0 if parameter is None else parameter.screen_factor
        true = reference.maps[name][inside] * factor
        edges = np.linspace(*robust_limits(true, share=_TAIL), _ERROR_BINS + 1)
        for one in compared.sets:
            found = binned_errors(one.maps[name][inside] * factor, true, edges)
            filled = found.count > 0
            for row, measure in enumerate(measures):
                axes[row, column].plot(
                    found.centres[filled],
                    getattr(found, measure)[filled],
                    "o-",
                    color=colour[one.label],
                    markersize=3,
                    label=one.label,
                )
        axes[0, column].axhline(0, color="#cccccc", linewidth=1, zorder=0)
        for row, words in enumerate(measures.values()):
            axes[row, column].set_title(f"{words} of {title_of(parameter, name)}")
        axes[-1, column].hist(true[np.isfinite(true)], bins=edges, color=REFERENCE_COLOUR)
        axes[-1, column].set_title("voxels")
        axes[-1, column].set_xlabel(f"reference {title_of(parameter, name)}")
    legend(figure, axes)
    return figure


def _drawn_regions(compared: Compared) -> dict[str, NDArray[np.bool_]]:
    """The first regions that hold a voxel; the tables have all."""
    filled = ((name, inside) for name, inside in compared.regions.items() if inside.any())
    return dict(islice(filled, _MOST_REGIONS))


def _say_what_is_left_out(figure: Figure, compared: Compared) -> None:
    total = sum(bool(inside.any()) for inside in compared.regions.values())
    if total > _MOST_REGIONS:
        figure.suptitle(f"the first {_MOST_REGIONS} of {total} regions", fontsize=10)


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
