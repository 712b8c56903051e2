"""What all pictures share: matplotlib without a display, colours, and the bytes of a file."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.signal_models import SignalParameter

# Okabe and Ito: told apart by colour-blind readers too.
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a3fa0")
LIMIT_COLOUR = "#808080"
REFERENCE_COLOUR = "#b8860b"
_DOTS_PER_INCH = 100
# What an entry of the legend takes, about.
_INCHES_OF_HANDLE, _INCHES_OF_LETTER = 0.7, 0.07
_Arguments = ParamSpec("_Arguments")
_Drawn = TypeVar("_Drawn")
_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def styled(draw: Callable[_Arguments, _Drawn]) -> Callable[_Arguments, _Drawn]:
    """Draw in our style, whatever the user's own settings of matplotlib are."""

    @functools.wraps(draw)
    def in_style(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Drawn:
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
            return draw(*arguments, **named)

    return in_style


def new_figure(rows: int, columns: int, *, cell: tuple[float, float] = (3.2, 2.6)) -> tuple[Figure, Any]:
    """A figure and its axes (rows, columns), each about ``cell`` inches wide and high."""
    figure = Figure(
        figsize=(cell[0] * columns, cell[1] * rows + 0.7), layout="constrained", dpi=_DOTS_PER_INCH
    )
    return figure, figure.subplots(rows, columns, squeeze=False)


@styled
def png(figure: Figure) -> bytes:
    """The figure as a PNG file; the same figure gives the same bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # Without the transparency that nothing uses, and packed well: a third less.
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def colours_of(labels: Iterable[str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """A colour for each method, those known first."""
    known = known or {}
    free = cycle(_COLOURS)
    return {label: known[label] if label in known else next(free) for label in labels}


def legend(figure: Figure, axes: NDArray[Any]) -> None:
    """One legend for all axes, below them; what several show stands there once."""
    entries: dict[str, Any] = {}
    for place in axes.ravel():
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    longest = max((len(label) for label in entries), default=0)
    fit = int(figure.get_figwidth() / (_INCHES_OF_HANDLE + _INCHES_OF_LETTER * longest))
    columns = min(max(1, fit), max(1, len(entries)))
    figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def title_of(parameter: SignalParameter | None, name: str = "") -> str:
    """The symbol of a parameter with its unit on the screen; the name of what is no parameter."""
    if parameter is None:
        return name
    return f"{parameter.symbol} ({parameter.screen_unit})" if parameter.screen_unit else parameter.symbol


def robust_limits(*values: NDArray[Any], share: float = 0.5) -> tuple[float, float]:
    """Limits that leave out this share of the values, in %, at either end; 0 to 1 for none."""
    known = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v))] for v in values]) if values else np.empty(0)
    if not known.size:
        return 0.0, 1.0
    low, high = (float(q) for q in np.percentile(known, [share, 100 - share]))
    return (low, high) if low < high else (low - 0.5, high + 0.5)
