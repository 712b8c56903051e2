"""Figures 2 to 4 and 8 to 12 of Epstein et al. (2022), measured again with the methods of this package.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_figures.py --out FOLDER``: one PNG a figure, and the numbers
behind figures 2, 3, 8 and 10 as TSV. Every estimator sees the same signals: a grid of 10 values each of f,
D and Dfast, S0 = 1, 500 noise repeats. Networks are trained or taken from the cache. The dashed line is the
lowest SD of an unbiased estimate (Cramer-Rao bound). Needs matplotlib.

Figure 8 overweights one parameter a millionfold in the loss. For it the script also prints how far the
network is from labels like those it was trained on, and from the truth: a network that follows the labels of
maximum likelihood more closely becomes more like maximum likelihood, scatter included. ``--preset paper``
trains as long as the paper does.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ivim_networks import RUNS, settings_of
from ivim_protocol import B_VALUES

from napari_dwi.cli.comparing._drawing import png
from napari_dwi.cli.comparing._figures_of_truth import (
    arrow_figure,
    crossing_figure,
    difference_figure,
    marginal_figure,
)
from napari_dwi.cli.comparing.files import tsv
from napari_dwi.fit._estimator import estimator
from napari_dwi.measure.estimator_quality import EstimatorQuality, ParameterGrid, estimator_quality
from napari_dwi.measure.estimator_tables import marginal_rows, summaries
from napari_dwi.methods.registry import find_method
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import IVIM_DFAST

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RANGES = ((0.1, 0.5), (0.4e-3, 3e-3), (10e-3, 150e-3), (1.0, 1.0))
_PARAMETERS = ("f", "D", "Dfast")
# As in the paper: networks near likelihood red, those of true labels blue, conventional fits black.
_COLOURS = {
    "MLE, Rician": "#000000",
    "MLE, Gaussian": "#8a8a8a",
    "Supervised GT": "#1f5fbf",
    "Hybrid, alpha 0.5": "#7a3fa0",
    "Self-supervised": "#f0a000",
    "Supervised MLE, Gaussian": "#e06a50",
    "Supervised MLE, Rician": "#b01020",
    "Supervised MLE, Rician, f overweighted": "#1f5fbf",
    "Supervised MLE, Rician, D overweighted": "#208040",
    "Supervised MLE, Rician, Dfast overweighted": "#e08000",
}
_COMPARED = (
    "MLE, Rician",
    "Supervised GT",
    "Self-supervised",
    "Supervised MLE, Gaussian",
    "Supervised MLE, Rician",
)
_MLE, _GT, _LIKELY = "MLE, Rician", "Supervised GT", "Supervised MLE, Rician"
_OVERWEIGHT = "1000000"
_OVERWEIGHTED = {f"{_LIKELY}, {name} overweighted": (name,) for name in _PARAMETERS}
_LABEL_SEED, _LABEL_REPEATS = 5, 60
_SCREEN = np.array([1.0, 1e3, 1e3])


class Measured:
    """Estimators measured once each, when they are asked for."""

    def __init__(self, points: int, repeats: int, preset: str | None, seed: int) -> None:
        self.grid = ParameterGrid.spread(IVIM_DFAST, _RANGES, (points, points, points, 1))
        self.repeats = repeats
        self._preset, self._seed = preset, seed
        self._known: dict[tuple[str, float], EstimatorQuality] = {}

    def __call__(self, title: str, snr: float) -> EstimatorQuality:
        """The quality of a method of `RUNS`, or of the network with one loss weight raised."""
        key = title, snr
        if key not in self._known:
            print(f"measuring {title} at SNR {snr:g}", flush=True)
            estimate = self.estimate(title, snr)
            self._known[key] = estimator_quality(estimate, self.grid, B_VALUES, 1 / snr, repeats=self.repeats)
        return self._known[key]

    def estimate(self, title: str, snr: float) -> Callable[[np.ndarray], np.ndarray]:
        """The method itself."""
        (overweighted,) = _OVERWEIGHTED.get(title, ("",))
        title = _LIKELY if overweighted else title
        method = find_method(RUNS[title][0])
        settings = settings_of(title, snr)
        if overweighted:
            settings[f"{overweighted}_weight"] = _OVERWEIGHT
        preset = self._preset if self._preset in method.presets else None
        return estimator(method, method.settings(preset).with_settings(settings), B_VALUES, seed=self._seed)

    def together(self, titles: tuple[str, ...], snr: float) -> dict[str, EstimatorQuality]:
        """Several of them."""
        return {title: self(title, snr) for title in titles}


def main() -> None:
    """Write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--preset", help="of the networks, such as paper")
    parser.add_argument("--seed", type=int, default=0, help="of the networks")
    parser.add_argument("--figures", type=int, nargs="*", default=list(_FIGURES), choices=list(_FIGURES))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    measured = Measured(options.points, options.repeats, options.preset, options.seed)
    for figure in options.figures:
        path = options.out / f"figure_{figure:02d}.png"
        path.write_bytes(png(_FIGURES[figure](measured, path.with_suffix(".tsv"))))
        print(f"wrote {path}", flush=True)
        if figure == 8:
            _say_distance_to_labels(measured)


def _figure_2(measured: Measured, table: Path) -> Figure:
    return _curves(measured.together(_COMPARED, 15.0), 15.0, table)


def _figure_3(measured: Measured, table: Path) -> Figure:
    return _curves(measured.together(_COMPARED, 30.0), 30.0, table)


def _figure_4(measured: Measured, _table: Path) -> Figure:
    return _arrows(measured.together((_MLE, _GT), 15.0))


def _figure_8(measured: Measured, table: Path) -> Figure:
    qualities = measured.together((_LIKELY, *_OVERWEIGHTED), 15.0)
    return _curves(qualities, 15.0, table, only=_OVERWEIGHTED)


def _figure_9(measured: Measured, _table: Path) -> Figure:
    return _arrows(measured.together(("Supervised MLE, Gaussian", _LIKELY), 15.0))


def _figure_10(measured: Measured, table: Path) -> Figure:
    return _curves(measured.together((_GT, "Hybrid, alpha 0.5", _LIKELY), 15.0), 15.0, table)


def _figure_11(measured: Measured, _table: Path) -> Figure:
    one, other = (measured(title, 15.0) for title in (_LIKELY, _GT))
    return crossing_figure((_LIKELY, one), (_GT, other), "SNR 15")


def _figure_12(measured: Measured, _table: Path) -> Figure:
    one, other = (measured(title, 15.0) for title in (_GT, _LIKELY))
    # The paper's 0.69 and 2.71: the second and the last but one of ten values.
    last = len(measured.grid.axes[1]) - 1
    return difference_figure((_GT, one), (_LIKELY, other), "D", (min(1, last), max(0, last - 1)), "SNR 15")


def _curves(
    qualities: Mapping[str, EstimatorQuality],
    snr: float,
    table: Path,
    only: Mapping[str, tuple[str, ...]] | None = None,
) -> Figure:
    table.write_text(tsv(marginal_rows(qualities, B_VALUES, 1 / snr)), encoding="utf-8")
    return marginal_figure(qualities, f"SNR {snr:g}", (B_VALUES, 1 / snr), _COLOURS, only)


def _arrows(qualities: Mapping[str, EstimatorQuality]) -> Figure:
    figure = arrow_figure(qualities, "SNR 15", _COLOURS)
    assert figure is not None, "IVIM has pairs of parameters"
    return figure


def _say_distance_to_labels(measured: Measured) -> None:
    """What overweighting does: distance to the labels, and bias, SD and RMSE against the truth."""
    truth = np.repeat(measured.grid.truth.reshape(-1, 4), _LABEL_REPEATS, axis=0)
    clean = IVIM_DFAST.signal(B_VALUES, truth)
    noisy = add_rician_noise(clean, 1 / 15, np.random.default_rng(_LABEL_SEED)).astype(np.float32)
    label = measured.estimate(_MLE, 15.0)(noisy)
    # As in training, labels at a bound do not count.
    low, high = np.array(find_method(RUNS[_MLE][0]).settings("seed-004").bounds()).T
    margin = 1e-3 * (high - low)
    inside = ((label[:, :3] > low + margin) & (label[:, :3] < high - margin)).all(axis=1)
    print(f"\n{'SNR 15, the parameter overweighted':54}{'to label':>10}{'|bias|':>10}{'SD':>10}{'RMSE':>10}")
    for title in (_MLE, _LIKELY, *_OVERWEIGHTED):
        distance = (measured.estimate(title, 15.0)(noisy) - label)[inside]
        said = summaries(measured(title, 15.0), B_VALUES, 1 / 15, measured.repeats)
        for n, name in enumerate(_PARAMETERS):
            if name in _OVERWEIGHTED.get(title, _PARAMETERS):
                to_label = float(np.sqrt(np.nanmean(distance[:, n] ** 2)))
                numbers = (to_label, said[n].absolute_bias, said[n].sd, said[n].rmse)
                print(f"{title + ': ' + name:54}" + "".join(f"{x * _SCREEN[n]:10.4g}" for x in numbers))
    print(flush=True)


_FIGURES: Mapping[int, Callable[[Measured, Path], Figure]] = {
    2: _figure_2,
    3: _figure_3,
    4: _figure_4,
    8: _figure_8,
    9: _figure_9,
    10: _figure_10,
    11: _figure_11,
    12: _figure_12,
}

if __name__ == "__main__":
    main()
