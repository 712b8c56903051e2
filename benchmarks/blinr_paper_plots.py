"""Plots of figures 2, 10, 11 and 12 of the BL-INR paper, ours beside the paper's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from blinr_paper_variants import OMEGAS, PAPER, PATCHES, SHIFTS
from results_file import ResultsFile

mpl.use("Agg")
import matplotlib.pyplot as plt

# By column of the results: what it is, and which of the paper's two numbers it is, if any.
_MEASURES: dict[str, tuple[str, int | None]] = {
    "psnr": ("PSNR (dB)", 0),
    "ssim": ("SSIM", 1),
    "tissue_psnr": ("PSNR of tissue, Koay (dB)", None),
}
_PAPER_COLOUR = "#c04020"


def draw(results: ResultsFile, figures: list[int], folder: Path) -> list[Path]:
    """Write one PNG for each figure that has results."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for figure in figures:
        if not any(row["figure"] == str(figure) and row["psnr"] for row in results.rows):
            continue
        window = _FIGURES[figure](results)
        path = folder / f"blinr_figure_{figure:02d}.png"
        window.savefig(path, dpi=120, bbox_inches="tight")
        plt.close(window)
        paths.append(path)
    return paths


def _bars(results: ResultsFile, figure: int) -> plt.Figure:
    rows = [row for row in results.rows if row["figure"] == str(figure) and row["psnr"]]
    levels = list(dict.fromkeys(row["snr"] for row in rows))
    window, places = plt.subplots(len(levels), 3, figsize=(18, 3.6 * len(levels)), squeeze=False)
    for line, snr in zip(places, levels, strict=True):
        names = list(dict.fromkeys(row["variant"] for row in rows if row["snr"] == snr))
        for place, (measure, (text, which)) in zip(line, _MEASURES.items(), strict=True):
            numbers = [
                results.numbers(measure, figure=figure, snr=snr, variant=name, part="brain") for name in names
            ]
            spread = [np.std(values) for values in numbers]
            place.bar(names, [np.mean(values) for values in numbers], yerr=spread, color="#6080a0")
            paper = {n: PAPER.get((figure, "brain", snr, name)) for n, name in enumerate(names)}
            if known := _known(paper, which):
                place.plot(*zip(*known, strict=True), "D", color=_PAPER_COLOUR, label="paper")
                place.legend()
            place.set(title=f"SNR {snr}", ylabel=text)
            place.tick_params(axis="x", rotation=75)
    window.tight_layout()
    return window


def _curves(
    results: ResultsFile, figure: int, lines: dict[str, tuple[str, str, dict[float, str]]], x_text: str
) -> plt.Figure:
    """Lines of variants: title to part, SNR and the variant at each x."""
    window, places = plt.subplots(1, 3, figsize=(18, 4))
    for place, (measure, (text, which)) in zip(places, _MEASURES.items(), strict=True):
        for title, (part, snr, variants) in lines.items():
            points = {
                x: results.numbers(measure, figure=figure, part=part, snr=snr, variant=name)
                for x, name in variants.items()
            }
            points = {x: values for x, values in points.items() if values}
            if not points:
                continue
            means = [np.mean(values) for values in points.values()]
            (drawn,) = place.plot(list(points), means, "o-", label=title)
            paper = {x: PAPER.get((figure, part, snr, name)) for x, name in variants.items()}
            if known := _known(paper, which):
                place.plot(*zip(*known, strict=True), "D", color=drawn.get_color(), mfc="none", ms=9)
        place.set(xlabel=x_text, ylabel=text)
        place.legend(fontsize=8)
    window.suptitle("open diamonds: the paper")
    return window


def _known(
    paper: Mapping[float, tuple[float | None, ...] | None], which: int | None
) -> list[tuple[float, float]]:
    """What the paper prints, by place on the axis."""
    if which is None:
        return []
    printed = {x: numbers[which] for x, numbers in paper.items() if numbers}
    return [(x, number) for x, number in printed.items() if number is not None]


def _figure_11(results: ResultsFile) -> plt.Figure:
    omegas = {float(omega): f"omega {omega}" for omega in OMEGAS}
    lines = {f"brain, SNR {snr}": ("brain", snr, omegas) for snr in ("1", "3", "5")}
    lines |= {f"{part}, SNR 3": (part, "3", omegas) for part in ("abdomen", "head-neck", "pelvis")}
    return _curves(results, 11, lines, "omega_max")


def _figure_12(results: ResultsFile) -> plt.Figure:
    lines = {
        "patch size": ("brain", "1", {float(size): f"patch {size}" for size in PATCHES}),
        "shift (voxels), patch 9": ("brain", "1", {float(s): f"patch 9, shift {s}" for s in SHIFTS}),
    }
    return _curves(results, 12, lines, "patch size, or shift of the priors (voxels)")


_FIGURES = {
    2: lambda results: _bars(results, 2),
    10: lambda results: _bars(results, 10),
    11: _figure_11,
    12: _figure_12,
}
