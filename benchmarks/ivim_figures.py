"""Figures 2 to 4 and 8 to 11 of Epstein et al. (2022), measured again with the methods of this package.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_figures.py --out FOLDER``: one PNG a figure, and the numbers
behind figures 2, 3, 8 and 10 as TSV. Every estimator sees the same signals: a grid of 10 values each of f,
D and Dfast, S0 = 1, 500 noise repeats. Networks are trained or taken from the cache. Needs the libraries
of the windows (pyqtgraph), and no display.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ivim_networks import RUNS, settings_of
from ivim_protocol import B_VALUES

from napari_dwi.fit._estimator import estimator
from napari_dwi.measure.estimator_quality import EstimatorQuality, ParameterGrid, estimator_quality
from napari_dwi.methods.registry import find_method
from napari_dwi.physics.signal_models import IVIM_DFAST

# pyqtgraph starts Qt when it is imported.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
import pyqtgraph as pg
import pyqtgraph.exporters

_RANGES = ((0.1, 0.5), (0.4e-3, 3e-3), (10e-3, 150e-3), (1.0, 1.0 + 1e-9))
_NAMES = {"f": ("f", 1.0), "D": ("D (10⁻³ mm²/s)", 1e3), "Dfast": ("Dfast (10⁻³ mm²/s)", 1e3)}
_MEASURES = {"bias": "bias", "sd": "SD", "rmse": "RMSE"}
# As in the paper: networks near likelihood red, those of true labels blue, conventional fits black.
_COLOURS = {
    "MLE, Rician": "#000000",
    "MLE, Gaussian": "#8a8a8a",
    "Supervised GT": "#1f5fbf",
    "Hybrid, alpha 0.5": "#7a3fa0",
    "Self-supervised": "#f0a000",
    "Supervised MLE, Gaussian": "#e06a50",
    "Supervised MLE, Rician": "#b01020",
}
_COMPARED = (
    "MLE, Rician",
    "Supervised GT",
    "Self-supervised",
    "Supervised MLE, Gaussian",
    "Supervised MLE, Rician",
)
_OVERWEIGHT = "1000000"
_NAMES_HEIGHT = 45


class Measured:
    """Estimators measured once each, when they are asked for."""

    def __init__(self, points: int, repeats: int) -> None:
        self._grid = ParameterGrid.spread(IVIM_DFAST, _RANGES, (points, points, points, 1))
        self._repeats = repeats
        self._known: dict[tuple[str, float, str], EstimatorQuality] = {}

    def __call__(self, title: str, snr: float, overweighted: str = "") -> EstimatorQuality:
        """The quality of a method of `RUNS`, one of its loss weights raised if named."""
        key = title, snr, overweighted
        if key not in self._known:
            print(f"measuring {' '.join(map(str, key))}", flush=True)
            method = find_method(RUNS[title][0])
            settings = settings_of(title, snr)
            if overweighted:
                settings[f"{overweighted}_weight"] = _OVERWEIGHT
            estimate = estimator(method, method.settings().with_settings(settings), B_VALUES)
            self._known[key] = estimator_quality(
                estimate, self._grid, B_VALUES, 1 / snr, repeats=self._repeats
            )
        return self._known[key]


def main() -> None:
    """Write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--figures", type=int, nargs="*", default=[2, 3, 4, 8, 9, 10, 11])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    pg.setConfigOptions(background="w", foreground="k", antialias=True)
    application = pg.mkQApp()
    measured = Measured(options.points, options.repeats)
    for figure in options.figures:
        window = pg.GraphicsLayoutWidget(show=False, size=(1200, 1000))
        _FIGURES[figure](window, measured, options.out / f"figure_{figure:02d}.tsv")
        window.show()
        application.processEvents()
        path = options.out / f"figure_{figure:02d}.png"
        pyqtgraph.exporters.ImageExporter(window.scene()).export(str(path))
        print(f"wrote {path}", flush=True)
        window.close()


def _figure_2(window: pg.GraphicsLayoutWidget, measured: Measured, table: Path) -> None:
    _curves(window, {title: measured(title, 15.0) for title in _COMPARED}, "SNR 15", table)


def _figure_3(window: pg.GraphicsLayoutWidget, measured: Measured, table: Path) -> None:
    _curves(window, {title: measured(title, 30.0) for title in _COMPARED}, "SNR 30", table)


def _figure_4(window: pg.GraphicsLayoutWidget, measured: Measured, _table: Path) -> None:
    _arrows(window, [(title, measured(title, 15.0)) for title in ("MLE, Rician", "Supervised GT")])


def _figure_8(window: pg.GraphicsLayoutWidget, measured: Measured, table: Path) -> None:
    title = "Supervised MLE, Rician"
    qualities = {title: measured(title, 15.0)}
    qualities |= {f"{title}, {name} overweighted": measured(title, 15.0, name) for name in _NAMES}
    _curves(window, qualities, "SNR 15", table, each_its_own=True)


def _figure_9(window: pg.GraphicsLayoutWidget, measured: Measured, _table: Path) -> None:
    titles = ("Supervised MLE, Gaussian", "Supervised MLE, Rician")
    _arrows(window, [(title, measured(title, 15.0)) for title in titles])


def _figure_10(window: pg.GraphicsLayoutWidget, measured: Measured, table: Path) -> None:
    titles = ("Supervised GT", "Hybrid, alpha 0.5", "Supervised MLE, Rician")
    _curves(window, {title: measured(title, 15.0) for title in titles}, "SNR 15", table)


def _figure_11(window: pg.GraphicsLayoutWidget, measured: Measured, _table: Path) -> None:
    """One method against the other at every crossing of the grid, as densities."""
    one, other = "Supervised MLE, Rician", "Supervised GT"
    window.addLabel(f"SNR 15, every point of the grid: {other} (up) against {one} (right)", colspan=3)
    for measure, words in _MEASURES.items():
        window.nextRow()
        for n, (text, factor) in enumerate(_NAMES.values()):
            x, y = (
                np.ravel(getattr(measured(title, 15.0), measure)[..., n] * factor) for title in (one, other)
            )
            ends = np.percentile(np.concatenate([x, y]), [0.5, 99.5])
            counts, _, _ = np.histogram2d(x, y, bins=40, range=[ends, ends])
            image = pg.ImageItem(np.sqrt(counts), colorMap=pg.colormap.get("viridis"))
            width = ends[1] - ends[0]
            image.setRect(ends[0], ends[0], width, width)
            plot = window.addPlot(title=f"{words} of {text}")
            plot.addItem(image)
            plot.plot(ends, ends, pen=pg.mkPen("w", width=1))


def _curves(
    window: pg.GraphicsLayoutWidget,
    qualities: Mapping[str, EstimatorQuality],
    heading: str,
    table: Path,
    *,
    each_its_own: bool = False,
) -> None:
    """Bias, SD and RMSE of every parameter as a function of its true value.

    With ``each_its_own`` a method that names a parameter is shown for that parameter alone.
    """
    window.addLabel(heading, colspan=3)
    rows = ["parameter\ttrue\tmethod\tbias\tSD\tRMSE"]
    pens = {title: _pen(title, n) for n, title in enumerate(qualities)}
    window.nextRow()
    names = window.addLayout(colspan=3)
    for n, title in enumerate(qualities):
        names.addLabel(f"<b>— {title}</b>", row=n // 3, col=n % 3, color=pens[title].color())
    window.ci.layout.setRowFixedHeight(1, _NAMES_HEIGHT)
    for measure, words in _MEASURES.items():
        window.nextRow()
        for name, (text, factor) in _NAMES.items():
            plot = window.addPlot(title=f"{words} of {text}")
            plot.setLabel("bottom", f"true {text}")
            _plain_numbers(plot)
            if measure == "bias":
                plot.addLine(y=0, pen=pg.mkPen("#bbbbbb"))
            for title, quality in qualities.items():
                if each_its_own and "overweighted" in title and f", {name} over" not in title:
                    continue
                marginal = quality.marginal(name)
                values = getattr(marginal, measure) * factor
                plot.plot(marginal.true * factor, values, pen=pens[title], symbol="o", symbolSize=4)
    for name, (_, factor) in _NAMES.items():
        for title, quality in qualities.items():
            m = quality.marginal(name)
            for cells in zip(m.true * factor, m.bias * factor, m.sd * factor, m.rmse * factor, strict=True):
                numbers = [f"{cell:.5g}" for cell in cells]
                rows.append("\t".join([name, numbers[0], title, *numbers[1:]]))
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _plain_numbers(plot: pg.PlotItem) -> None:
    """Numbers as they are, without a factor in the label of the axis."""
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)


def _pen(title: str, n: int) -> pg.mkPen:
    colour = _COLOURS.get(title) or ("#1f5fbf", "#208040", "#e08000")[n % 3]
    return pg.mkPen(colour, width=2)


def _arrows(window: pg.GraphicsLayoutWidget, qualities: Sequence[tuple[str, EstimatorQuality]]) -> None:
    """From true pairs of parameters to where they are seen on average."""
    window.addLabel("SNR 15: from true values (dots) to mean estimates", colspan=3)
    for title, quality in qualities:
        window.nextRow()
        for first, second in (("f", "D"), ("f", "Dfast"), ("D", "Dfast")):
            factors = np.array([_NAMES[first][1], _NAMES[second][1]])
            tail, head = ((end * factors).reshape(-1, 2) for end in quality.arrows(first, second))
            plot = window.addPlot(title=title)
            plot.setLabel("bottom", _NAMES[first][0])
            plot.setLabel("left", _NAMES[second][0])
            _plain_numbers(plot)
            lines = np.stack([tail, head], axis=1).reshape(-1, 2)
            plot.plot(lines[:, 0], lines[:, 1], connect="pairs", pen=pg.mkPen(_COLOURS[title], width=1.5))
            plot.plot(tail[:, 0], tail[:, 1], pen=None, symbol="o", symbolSize=4, symbolBrush="k")


_FIGURES = {
    2: _figure_2,
    3: _figure_3,
    4: _figure_4,
    8: _figure_8,
    9: _figure_9,
    10: _figure_10,
    11: _figure_11,
}

if __name__ == "__main__":
    main()
