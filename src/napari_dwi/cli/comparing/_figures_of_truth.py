"""Pictures of how good estimators are on known truth (Epstein et al. 2022, figures 2-4 and 8-11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.cli.comparing._drawing import (
    LIMIT_COLOUR,
    colours_of,
    legend,
    new_figure,
    robust_limits,
    styled,
    title_of,
)
from napari_dwi.measure.estimator_quality import EstimatorQuality, mean_of_known
from napari_dwi.measure.estimator_tables import marginal_limit

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray


_MEASURES = {"bias": "bias", "sd": "SD", "rmse": "RMSE"}
_BINS = 40
LIMIT = "limit of unbiased fits (CRLB)"


@styled
def marginal_figure(
    qualities: Mapping[str, EstimatorQuality],
    heading: str,
    limit_of: tuple[ArrayLike, float] | None = None,
    colours: Mapping[str, str] | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    """Bias, SD and RMSE of every parameter as functions of its true value, averaged over the others.

    Parameters
    ----------
    qualities : mapping of str to EstimatorQuality
        The methods by title, all on one grid.
    heading : str
        Above the figure.
    limit_of : (b-values in s/mm2, sigma), optional
        Protocol and noise whose Cramer-Rao bound is drawn beside SD and RMSE; Rician noise.
    colours : mapping of str to str, optional
        Colours of some of the methods.
    only : mapping of str to sequence of str, optional
        The parameters that a method is shown for, if not for all.
    """
    model = next(iter(qualities.values())).grid.model
    figure, axes = new_figure(len(_MEASURES), len(model.shape))
    colour = colours_of(qualities, colours)
    for column, parameter in enumerate(model.shape):
        factor = parameter.screen_factor
        for row, (measure, words) in enumerate(_MEASURES.items()):
            place = axes[row, column]
            place.set_title(f"{words} of {title_of(parameter)}")
            if measure == "bias":
                place.axhline(0, color="#cccccc", linewidth=1)
            for title, quality in qualities.items():
                if only is None or parameter.name in only.get(title, (parameter.name,)):
                    marginal = quality.marginal(parameter.name)
                    values = getattr(marginal, measure) * factor
                    place.plot(
                        marginal.true * factor, values, "o-", color=colour[title], markersize=3, label=title
                    )
            if limit_of is not None and measure != "bias":
                grid = next(iter(qualities.values())).grid
                lowest = marginal_limit(grid, *limit_of, parameter.name) * factor
                true = grid.axes[column] * factor
                place.plot(true, lowest, "--", color=LIMIT_COLOUR, label=LIMIT)
            if row == len(_MEASURES) - 1:
                place.set_xlabel(f"true {title_of(parameter)}")
    legend(figure, axes)
    figure.suptitle(heading, fontsize=10)
    return figure


@styled
def arrow_figure(
    qualities: Mapping[str, EstimatorQuality], heading: str, colours: Mapping[str, str] | None = None
) -> Figure | None:
    """Where pairs of true values are seen on average; arrows that run together lose information.

    A row for each method, a column for each pair of parameters; ``None`` for models with one.
    """
    model = next(iter(qualities.values())).grid.model
    pairs = list(combinations(model.shape, 2))
    if not pairs:
        return None
    figure, axes = new_figure(len(qualities), len(pairs))
    colour = colours_of(qualities, colours)
    for row, (title, quality) in enumerate(qualities.items()):
        for column, (first, second) in enumerate(pairs):
            factors = np.array([first.screen_factor, second.screen_factor])
            tail, head = ((end * factors).reshape(-1, 2) for end in quality.arrows(first.name, second.name))
            place = axes[row, column]
            shift = head - tail
            place.quiver(
                *tail.T,
                *shift.T,
                angles="xy",
                scale_units="xy",
                scale=1,
                width=0.004,
                color=colour[title],
            )
            place.plot(*tail.T, "k.", markersize=2.5)
            # Arrow heads do not count for the limits of axes by themselves.
            place.set_xlim(*_room(tail[:, 0], head[:, 0]))
            place.set_ylim(*_room(tail[:, 1], head[:, 1]))
            place.set_title(title)
            place.set_xlabel(title_of(first))
            place.set_ylabel(title_of(second))
    figure.suptitle(f"{heading}: from true values (dots) to mean estimates (arrow heads)", fontsize=10)
    return figure


@styled
def crossing_figure(
    one: tuple[str, EstimatorQuality], other: tuple[str, EstimatorQuality], heading: str
) -> Figure:
    """One method against another at every crossing of the grid, nothing averaged away, as densities."""
    model = one[1].grid.model
    figure, axes = new_figure(len(_MEASURES), len(model.shape))
    for row, (measure, words) in enumerate(_MEASURES.items()):
        for column, parameter in enumerate(model.shape):
            x, y = (
                np.ravel(getattr(quality, measure)[..., column]) * parameter.screen_factor
                for _, quality in (one, other)
            )
            known = np.isfinite(x) & np.isfinite(y)
            ends = robust_limits(x[known], y[known])
            counts, _, _ = np.histogram2d(x[known], y[known], bins=_BINS, range=[ends, ends])
            place = axes[row, column]
            # By the root, so that single crossings are seen beside thousands.
            place.imshow(
                np.sqrt(counts.T), origin="lower", extent=(*ends, *ends), cmap="viridis", aspect="equal"
            )
            place.plot(ends, ends, color="w", linewidth=1)
            place.set_title(f"{words} of {title_of(parameter)}")
            place.set_xlabel(one[0])
            place.set_ylabel(other[0])
    figure.suptitle(f"{heading}, every crossing of the grid", fontsize=10)
    return figure


@styled
def difference_figure(
    one: tuple[str, EstimatorQuality],
    other: tuple[str, EstimatorQuality],
    name: str,
    at: Sequence[int],
    heading: str,
) -> Figure:
    """Where one method is better and where the other, at some true values of one parameter.

    Parameters
    ----------
    one, other : (str, EstimatorQuality)
        Titles and qualities; the first minus the second is shown, of the size of the bias, SD and RMSE.
    name : str
        The parameter that is estimated.
    at : sequence of int
        Indices of its true values, a column for each; the first two other parameters span the panels
        (Epstein et al. 2022, figure 12).
    heading : str
        Above the figure.
    """
    grid = one[1].grid
    index = grid.model.names.index(name)
    parameter = grid.model.shape[index]
    across, up = [n for n in range(len(grid.model.shape)) if n != index][:2]
    others = tuple(n for n in range(len(grid.axes)) if n not in (index, across, up))
    figure, axes = new_figure(len(_MEASURES), len(at))
    for row, (measure, words) in enumerate(_MEASURES.items()):
        sizes = [np.abs(getattr(quality, measure)[..., index]) for _, quality in (one, other)]
        whole = (sizes[0] - sizes[1]) * parameter.screen_factor
        # Axes of the grid in the order that the panels need: value, across, up, and the rest.
        planes = mean_of_known(whole.transpose(index, across, up, *others), tuple(range(3, whole.ndim)))
        high = max(abs(end) for end in robust_limits(planes[list(at)]))
        for column, value in enumerate(at):
            place = axes[row, column]
            factors = [grid.model.shape[n].screen_factor for n in (across, up)]
            ends = [grid.axes[n][[0, -1]] * f for n, f in zip((across, up), factors, strict=True)]
            image = place.imshow(
                planes[value].T,
                origin="lower",
                extent=(*ends[0], *ends[1]),
                aspect="auto",
                cmap="RdBu_r",
                vmin=-high,
                vmax=high,
            )
            true = grid.axes[index][value] * parameter.screen_factor
            size = "size of bias" if measure == "bias" else words
            place.set_title(f"{size} of {title_of(parameter)} at {true:.3g}")
            place.set_xlabel(title_of(grid.model.shape[across]))
            place.set_ylabel(title_of(grid.model.shape[up]))
            figure.colorbar(image, ax=place)
    figure.suptitle(f"{heading}: {one[0]} minus {other[0]}; blue where the first is better", fontsize=10)
    return figure


def _room(*values: NDArray[Any]) -> tuple[float, float]:
    together = np.concatenate(values)
    known = together[np.isfinite(together)]
    if not known.size:
        return 0.0, 1.0
    margin = 0.05 * float(np.ptp(known)) or 0.5
    return float(known.min()) - margin, float(known.max()) + margin
