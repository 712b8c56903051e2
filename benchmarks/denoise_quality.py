"""How close every denoising method comes to the truth, on the simulated head.

Run ``python benchmarks/denoise_quality.py``. The head is scanned with 96 x 96 x 8 voxels of
2 x 2 x 4 mm at b = 0, 50, 400 and 800, with Rician noise in every volume; SNR is the mean noise-free
b = 0 signal of the brain over sigma. The methods are not told sigma. For every SNR a table of means
over the seeds:

dP, dS   PSNR (dB) and SSIM in the brain against the expected magnitude (noise floor included)
cP, cS   the same after Koay's correction with the true sigma, against the noise-free image
lesion   contrast of the largest lesion left at b = 800 (1 is all of it)
CPU s    CPU seconds for all volumes, with one thread

BL-INR runs with its preset ``fast``; ``--all`` adds its recommended settings and whatever takes more
than a minute for a series.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
from dataclasses import dataclass

import numpy as np

from napari_dwi.measure.image_quality import psnr, ssim
from napari_dwi.measure.lesion_contrast import contrast_recovery, surroundings
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method
from napari_dwi.physics.rician import correct_rician_bias, rician_mean
from napari_dwi.physics.simulation import SimulatedScan, simulate_brain
from napari_dwi.scan import resample_to

_SHAPE = (96, 96, 8)
_B_VALUES = (0.0, 50.0, 400.0, 800.0)
_SLOW = ("bm4d", "mm-bsn", "noise2self", "noise2void", "zs-n2n")


@dataclass(frozen=True)
class _Case:
    """A scan and where to look at it."""

    scan: SimulatedScan
    inputs: Inputs
    brain: np.ndarray
    lesion: np.ndarray
    around: np.ndarray


def _case(snr: float, seed: int) -> _Case:
    scan = simulate_brain(snr=snr, seed=seed, shape=_SHAPE, b_values=_B_VALUES)
    anatomy = tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy)
    labels = scan.labels.data
    brain = np.isin(labels, [code for code, name in scan.label_names.items() if name != "CSF"])
    lesions = [labels == code for code, name in scan.label_names.items() if name.startswith("lesion")]
    largest = max(lesions, key=np.count_nonzero)
    around = surroundings(largest, brain & ~np.logical_or.reduce(lesions))
    return _Case(scan, Inputs(scan.series, anatomy), brain, largest, around)


def _scores(case: _Case, signal: np.ndarray) -> list[float]:
    """dP, dS, cP and cS for every b-value, and the lesion's contrast."""
    scan, scores = case.scan, []
    for n in range(len(_B_VALUES)):
        clean, image = scan.truth.signal[..., n], signal[..., n]
        expected = rician_mean(clean, scan.sigma).astype(np.float32)
        corrected = correct_rician_bias(image, scan.sigma).astype(np.float32)
        peak = float(clean[case.brain].max())
        for one, truth in ((image, expected), (corrected, clean)):
            scores += [psnr(one, truth, case.brain, peak), ssim(one, truth, case.brain, peak)]
    expected = rician_mean(scan.truth.signal[..., -1], scan.sigma)
    return [*scores, contrast_recovery(signal[..., -1], expected, case.lesion, case.around)]


def _cpu_seconds() -> float:
    """Of this process and those it has started, which are gone by now."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _denoised(case: _Case, name: str, preset: str | None) -> tuple[np.ndarray, float]:
    method = find_method(name)
    start = _cpu_seconds()
    result = run_method(method, method.settings(preset), case.inputs, device="cpu", threads=1)
    return result.output.image("denoised").signal, _cpu_seconds() - start


def _runs(names: list[str], everything: bool) -> list[tuple[str, str | None]]:
    """Methods and presets to compare."""
    runs: list[tuple[str, str | None]] = []
    for method in methods_of("denoise"):
        if names and method.name not in names:
            continue
        if method.name == "bm4d" and importlib.util.find_spec("bm4d") is None:
            print("bm4d is left out: install the extra napari-dwi[bm4d]")
            continue
        if method.name == "bl-inr":
            runs += [("bl-inr", "fast"), *([("bl-inr", None)] if everything else [])]
        elif everything or names or method.name not in _SLOW:
            runs.append((method.name, None))
    return runs


def _header() -> str:
    figures = "".join(f"{f'b {b:g} ' + figure:>9}" for b in _B_VALUES for figure in ("dP", "dS", "cP", "cS"))
    return f"{'method':18}{figures}{'mean dP':>9}{'mean cP':>9}{'lesion':>8}{'CPU s':>8}"


def _row(title: str, scores: np.ndarray, seconds: float) -> str:
    by_b = scores[:-1].reshape(len(_B_VALUES), 4)
    cells = "".join(f"{value:9.2f}" if n % 2 == 0 else f"{value:9.3f}" for n, value in enumerate(scores[:-1]))
    means = f"{by_b[:, 0].mean():9.2f}{by_b[:, 2].mean():9.2f}"
    return f"{title:18}{cells}{means}{scores[-1]:8.2f}{seconds:8.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", nargs="*", type=float, default=[1.0, 3.0, 5.0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--methods", nargs="*", default=[], help="only these")
    parser.add_argument("--all", action="store_true", help="the slow ones too")
    options = parser.parse_args()
    runs = _runs(options.methods, options.all)
    for snr in options.snr:
        cases = [_case(snr, seed) for seed in options.seeds]
        print(f"\nSNR {snr:g}, seeds {options.seeds}, lesion of {np.count_nonzero(cases[0].lesion)} voxels")
        print(_header())
        noisy = np.mean([_scores(case, case.inputs.series.signal) for case in cases], axis=0)
        print(_row("noisy", noisy, 0.0), flush=True)
        for name, preset in runs:
            done = [_denoised(case, name, preset) for case in cases]
            scores = np.mean([_scores(case, one[0]) for case, one in zip(cases, done, strict=True)], axis=0)
            title = name if preset is None else f"{name} {preset}"
            print(_row(title, scores, float(np.mean([seconds for _, seconds in done]))), flush=True)


if __name__ == "__main__":
    main()
