"""Figures 1 to 5 of SI-CNN, drawn from what ``ivim_image_networks.py`` measured.

Run ``python benchmarks/ivim_image_figures.py FOLDER --out FOLDER``: the first folder holds the JSON files
of one seed or several. Noise and errors of signals by epoch and by fitting error, losses by epoch,
errors by iteration, and RMSE by SNR. Needs the libraries of the windows (pyqtgraph), and no display.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ivim_image_networks import DI, EARLY, EDGES, EQUAL, OUTLIERS, RAW, SI, TITLES

# pyqtgraph starts Qt when it is imported.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
import pyqtgraph as pg
import pyqtgraph.exporters

_COLOURS = {
    "least squares": "#000000",
    EQUAL: "#e08000",
    EARLY: "#b01020",
    DI: "#208040",
    SI: "#1f5fbf",
    RAW: "#7a3fa0",
    OUTLIERS: "#30a0b0",
}
_PARAMETERS = (("f", ""), ("D", " (10⁻³ mm²/s)"), ("D*", " (10⁻³ mm²/s)"))
_SNR_TICKS = (8, 10, 15, 25, 50, 100)
_ERROR_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
_NAMES_HEIGHT, _AXIS_WIDTH = 40, 60


def main() -> None:
    """Write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measured", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--snr", type=float, default=15.0, help="of the figures of a single SNR")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    every = [json.loads(path.read_text(encoding="utf-8")) for path in options.measured.glob("snr_*.json")]
    every.sort(key=lambda found: (found["seed"], found["snr"]))
    one = next(found for found in every if found["snr"] == options.snr)
    pg.setConfigOptions(background="w", foreground="k", antialias=True)
    application = pg.mkQApp()
    drawings = {
        "signal_quality": (lambda window: _signal_quality(window, one), (1000, 400)),
        "iterations": (lambda window: _iterations(window, one), (1000, 400)),
        "rmse_by_snr": (lambda window: _rmse(window, every), (1000, 420)),
    }
    for name, (draw, size) in drawings.items():
        window = pg.GraphicsLayoutWidget(show=False, size=size)
        draw(window)
        window.show()
        application.processEvents()
        path = options.out / f"{name}.png"
        pyqtgraph.exporters.ImageExporter(window.scene()).export(str(path))
        print(f"wrote {path}", flush=True)
        window.close()


def _signal_quality(window: pg.GraphicsLayoutWidget, found: dict[str, Any]) -> None:
    """Figures 1, 2 and 4: noise and errors of signals by epoch and by fitting error; losses by epoch."""
    window.addLabel(
        f"SNR {found['snr']:g}: mean |difference| from the clean signal, of "
        '<font color="#b01020">measured</font> and <font color="#1f5fbf">predicted</font> signals',
        colspan=3,
    )
    window.nextRow()
    epochs = [one["epoch"] for one in found["by_epoch"]]
    plot = _plot(window, "epoch of the warm-up")
    for key, colour in (("noise", "#b01020"), ("recon_error", "#1f5fbf")):
        plot.plot(epochs, [one[key] for one in found["by_epoch"]], **_style(colour))
    plot = _plot(window, "fitting error (units of the noise)")
    centres = [*(np.array(EDGES[:-1]) + np.array(EDGES[1:])) / 2, EDGES[-1] * 1.25]
    for key, colour in (("noise", "#b01020"), ("recon_error", "#1f5fbf")):
        plot.plot(centres, [group[key] for group in found["by_fitting_error"]], **_style(colour))
    plot = _plot(
        window, "epoch", '<font color="#000000">loss</font>, and of <font color="#208040">held-out</font>'
    )
    plot.getAxis("left").setWidth(_AXIS_WIDTH)
    numbers = np.arange(1, len(found["losses"]) + 1)
    # The first epochs would hide all that follows.
    for key, colour in (("loss", "#000000"), ("held_out_loss", "#208040")):
        plot.plot(numbers[3:], [one[key] for one in found["losses"][3:]], pen=pg.mkPen(colour, width=2))


def _iterations(window: pg.GraphicsLayoutWidget, found: dict[str, Any]) -> None:
    """Figure 3: errors of the signals learnt, and of f, by iteration."""
    _legend(window, (DI, SI, RAW, OUTLIERS), f"SNR {found['snr']:g}", columns=2)
    window.nextRow()
    plots = [_plot(window, "iteration", title) for title in ("error of the signals learnt", "RMSE of f")]
    for plot in plots:
        plot.getAxis("left").setWidth(_AXIS_WIDTH)
    for title, record in found["iterations"].items():
        numbers = [one["number"] for one in record]
        errors = [found["noise_rms"], *(one["signal_error"] for one in record)]
        plots[0].plot([0, *numbers], errors, **_style(_COLOURS[title]))
        plots[1].plot(numbers, [one["rmse"][0] for one in record], **_style(_COLOURS[title]))


def _rmse(window: pg.GraphicsLayoutWidget, every: Sequence[dict[str, Any]]) -> None:
    """Figure 5: RMSE of every method by SNR, the mean over seeds."""
    _legend(window, TITLES, "RMSE by SNR")
    window.nextRow()
    snrs = sorted({found["snr"] for found in every})
    for n, (name, unit) in enumerate(_PARAMETERS):
        plot = _plot(window, "SNR", f"{name}{unit}")
        plot.setLogMode(x=True, y=True)
        for side, ticks in (("bottom", _SNR_TICKS), ("left", _ERROR_TICKS)):
            plot.getAxis(side).setTicks([[(np.log10(tick), f"{tick:g}") for tick in ticks]])
        for title in TITLES:
            rmse = [
                np.mean([found["scores"][title]["rmse"][n] for found in every if found["snr"] == snr])
                for snr in snrs
            ]
            plot.plot(snrs, rmse, **_style(_COLOURS[title]))


def _plot(window: pg.GraphicsLayoutWidget, across: str, title: str = "") -> pg.PlotItem:
    plot = window.addPlot(title=title)
    plot.setLabel("bottom", across)
    for side in ("left", "bottom"):
        plot.getAxis(side).enableAutoSIPrefix(False)
    return plot


def _style(colour: str) -> dict[str, Any]:
    return {"pen": pg.mkPen(colour, width=2), "symbol": "o", "symbolSize": 5, "symbolBrush": colour}


def _legend(
    window: pg.GraphicsLayoutWidget, titles: Sequence[str], heading: str, *, columns: int = 3
) -> None:
    window.addLabel(heading, colspan=columns)
    window.nextRow()
    names = window.addLayout(colspan=columns)
    for n, title in enumerate(titles):
        names.addLabel(f"<b>— {title}</b>", row=n // 4, col=n % 4, color=_COLOURS[title])
    window.ci.layout.setRowFixedHeight(1, _NAMES_HEIGHT)


if __name__ == "__main__":
    main()
