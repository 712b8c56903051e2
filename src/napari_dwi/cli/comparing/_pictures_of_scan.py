"""Maps and images of several methods side by side, as they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.cli.comparing._drawing import new_figure, robust_limits, styled, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import NDArray

    from napari_dwi.cli.comparing.scan_output import Compared

_CELL = (2.4, 2.2)
_NO_VALUE = "#d0d0d0"


@styled
def map_figure(compared: Compared) -> Figure:
    """The maps of all methods in one slice, a row for each parameter on one fixed scale."""
    sets = compared.sets_with_reference
    names = compared.drawn
    z = _slice(compared)
    figure, axes = new_figure(len(names), len(sets), cell=_CELL)
    for row, name in enumerate(names):
        parameter = compared.parameter(name)
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
        axes[row, 0].set_ylabel(title_of(parameter, name))
        figure.colorbar(image, ax=list(axes[row]), shrink=0.8)
    return figure


@styled
def residual_figure(compared: Compared) -> Figure:
    """What each denoiser took away at the highest b-value, on one symmetric scale."""
    (name,) = compared.drawn[-1:]
    z = _slice(compared)
    before, *sets = compared.sets
    figure, axes = new_figure(1, max(1, len(sets)), cell=_CELL)
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
