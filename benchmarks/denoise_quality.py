"""How close every denoising method comes to the truth, on the simulated head.

Run ``python benchmarks/denoise_quality.py --out results.tsv``; with ``--out`` a run that was stopped goes on
where it was. The head is scanned with 96 x 96 x 8 voxels of 2 x 2 x 4 mm at b = 0, 50, 400 and 800, with
Rician noise in every volume; SNR is the mean noise-free b = 0 signal of the brain over sigma. The methods
are not told sigma. For every SNR a table of means over the seeds, inside the brain:

dP, dS   PSNR (dB) and SSIM against the expected magnitude (noise floor included)
cP, cS   the same after Koay's correction with the true sigma, against the noise-free image
les      contrast of the largest lesion that is left (1 is all of it); high PSNR without it is a flat image
bias     mean of the brain against its expected magnitude, %, over all b-values
CPU s    CPU seconds for all volumes, with one thread

The best of each column of dB and SSIM has a star. In the file there are, besides, uP and uS: PSNR and
SSIM against the noise-free image before any correction. ``--correlated`` makes noise that is alike
between neighbours within slices, as scanners have it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from denoise_runs import Run, denoised, runs_of
from results_file import ResultsFile

from napari_dwi.measure.image_quality import psnr, ssim
from napari_dwi.measure.lesion_contrast import contrast_recovery, surroundings
from napari_dwi.methods.method import Inputs
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.rician import correct_rician_bias, rician_mean
from napari_dwi.physics.scan_noise import SCANNER_CORRELATION, ScanNoise
from napari_dwi.scan import resample_to

_SHAPE = (96, 96, 8)
_B_VALUES = (0.0, 50.0, 400.0, 800.0)
_KEYS = ("noise", "snr", "seed", "method", "b")
_FIGURES = ("dP", "dS", "uP", "uS", "cP", "cS", "lesion", "bias")
_VALUES = (*_FIGURES, "seconds")
_NOISY = "noisy"
# Of what is printed, where more is better.
_STARRED = ("dP", "dS", "cP", "cS")


@dataclass(frozen=True)
class Case:
    """A scan and where to look at it."""

    scan: SimulatedScan
    inputs: Inputs
    brain: np.ndarray
    lesion: np.ndarray
    around: np.ndarray


def case_of(snr: float, seed: int, noise: ScanNoise | None = None) -> Case:
    """The head with some noise."""
    scan = simulate_brain(snr=snr, seed=seed, shape=_SHAPE, b_values=_B_VALUES, noise=noise)
    anatomy = tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy)
    labels = scan.labels.data
    brain = np.isin(labels, [code for code, name in scan.label_names.items() if name != "CSF"])
    lesions = [labels == code for code, name in scan.label_names.items() if name.startswith("lesion")]
    largest = max(lesions, key=np.count_nonzero)
    around = surroundings(largest, brain & ~np.logical_or.reduce(lesions))
    return Case(scan, Inputs(scan.series, anatomy), brain, largest, around)


def scores_of(case: Case, image: np.ndarray, volume: int) -> dict[str, float]:
    """All figures of one volume."""
    scan = case.scan
    clean = scan.truth.signal[..., volume]
    expected = rician_mean(clean, scan.sigma).astype(np.float32)
    corrected = correct_rician_bias(image, scan.sigma).astype(np.float32)
    peak = float(clean[case.brain].max())
    figures = {}
    for letter, one, truth in (("d", image, expected), ("u", image, clean), ("c", corrected, clean)):
        figures[f"{letter}P"] = psnr(one, truth, case.brain, peak)
        figures[f"{letter}S"] = ssim(one, truth, case.brain, peak)
    figures["lesion"] = contrast_recovery(image, expected, case.lesion, case.around)
    figures["bias"] = 100 * (float(image[case.brain].mean()) / float(expected[case.brain].mean()) - 1)
    return figures


def measure(results: ResultsFile, runs: list[Run], options: argparse.Namespace) -> None:
    """Run what is not in the results yet."""
    kind = "correlated" if options.correlated else "white"
    noise = ScanNoise(in_plane_correlation=SCANNER_CORRELATION if options.correlated else 0.0)
    for snr in options.snr:
        for seed in options.seeds:
            known = {"noise": kind, "snr": f"{snr:g}", "seed": seed}
            left = [run for run in runs if not results.has(**known, method=run.title)]
            if not left and results.has(**known, method=_NOISY):
                continue
            case = case_of(snr, seed, noise)
            if not results.has(**known, method=_NOISY):
                _add(results, known | {"method": _NOISY, "seconds": "0"}, case, case.inputs.series.signal)
            for run in left:
                signal, seconds = denoised(run, case.inputs, limit_s=options.limit, device=options.device)
                print(f"{kind} SNR {snr:g} seed {seed} {run.title}: {seconds:.1f} CPU s", flush=True)
                row = known | {"method": run.title, "seconds": f"{seconds:.1f}"}
                if signal is None:
                    results.add(row | {"b": "stopped"})
                else:
                    _add(results, row, case, signal)


def _add(results: ResultsFile, row: dict[str, object], case: Case, signal: np.ndarray) -> None:
    for volume, b_value in enumerate(_B_VALUES):
        figures = {
            name: f"{value:.4f}" for name, value in scores_of(case, signal[..., volume], volume).items()
        }
        results.add(row | {"b": f"{b_value:g}"} | figures)


def table(results: ResultsFile, kind: str, snr: str, seeds: list[int]) -> str:
    """Means over the seeds for every b-value."""
    columns = {
        f"b{b:g} {figure}": (f"{b:g}", "lesion" if figure == "les" else figure)
        for b in _B_VALUES
        for figure in ("dP", "dS", "cP", "cS", "les")
    }
    rows = {}
    for method, known in _finished(results, kind, snr, seeds):
        rows[method] = [_mean(results.numbers(figure, **known, b=b)) for b, figure in columns.values()]
    lines = _starred(list(columns), rows)
    width = max(len(cells[0]) for cells in lines)
    return "\n".join(f"{cells[0]:{width}}" + "".join(f"{cell:>9}" for cell in cells[1:]) for cells in lines)


def summary(results: ResultsFile, kind: str, snr: str, seeds: list[int]) -> str:
    """Means over the seeds and b-values, as a table of Markdown."""
    heads = ["dP", "cP", "dS", "cS", "les 400", "les 800", "bias %", "CPU s"]
    rows = {}
    for method, known in _finished(results, kind, snr, seeds):
        rows[method] = [
            *(_mean(results.numbers(figure, **known)) for figure in ("dP", "cP", "dS", "cS")),
            *(_mean(results.numbers("lesion", **known, b=b)) for b in ("400", "800")),
            _mean(results.numbers("bias", **known)),
            _mean(results.numbers("seconds", **known, b="0")),
        ]
    first, *rest = ("| " + " | ".join(cells) + " |" for cells in _starred(heads, rows))
    return "\n".join([first, "|---" * (len(heads) + 1) + "|", *rest])


def _finished(
    results: ResultsFile, kind: str, snr: str, seeds: list[int]
) -> Iterator[tuple[str, dict[str, object]]]:
    """Methods that have results for all seeds, and what tells their rows."""
    for method in dict.fromkeys(row["method"] for row in results.rows):
        known: dict[str, object] = {"noise": kind, "snr": snr, "method": method}
        if all(results.has(**known, seed=seed, b=f"{b:g}") for seed in seeds for b in _B_VALUES):
            yield method, known | {"seed": seeds}


def _starred(heads: list[str], rows: dict[str, list[float]]) -> list[list[str]]:
    """Cells of a table, the best of each column of dB and SSIM with a star."""
    lines = [["method", *heads]]
    for method, values in rows.items():
        cells = [method]
        for n, (head, value) in enumerate(zip(heads, values, strict=True)):
            text = f"{value:.3f}" if head.endswith(("dS", "cS")) else f"{value:.2f}"
            best = max((row[n] for name, row in rows.items() if name != _NOISY), default=np.nan)
            marked = head.endswith(_STARRED) and method != _NOISY and value == best
            cells.append(text + ("*" if marked else ""))
        lines.append(cells)
    return lines


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", nargs="*", type=float, default=[1.0, 3.0, 5.0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--methods", nargs="*", default=[], help="such as gaussian bl-inr bl-inr:fast; all")
    parser.add_argument("--correlated", action="store_true", help="noise that is alike within slices")
    parser.add_argument("--limit", type=float, default=1800.0, help="CPU seconds for one run (1800)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="file of all results, taken up again if it is there")
    options = parser.parse_args()
    results = ResultsFile(options.out, _KEYS, _VALUES)
    measure(results, runs_of(options.methods), options)
    kind = "correlated" if options.correlated else "white"
    for snr in options.snr:
        print(f"\nSNR {snr:g}, {kind} noise, seeds {options.seeds}")
        print(table(results, kind, f"{snr:g}", options.seeds))
        print(f"\nmeans over b, SNR {snr:g}\n")
        print(summary(results, kind, f"{snr:g}", options.seeds))
        stopped = [row for row in results.rows if row["snr"] == f"{snr:g}" and row["b"] == "stopped"]
        for row in stopped:
            print(f"{row['method']}, seed {row['seed']}: stopped after {row['seconds']} CPU s")


if __name__ == "__main__":
    main()
