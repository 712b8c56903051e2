"""PSNR and SSIM of denoised images against the truth, on the simulated head.

Run ``python benchmarks/denoise_smoke.py``. For SNR 3 and 5 (mean noise-free b = 0 signal of the
brain over sigma; all volumes noisy) it prints PSNR and SSIM inside the head's brain tissue against
the noise-free image, after Koay's correction of the noise floor with the known sigma, for the noisy
image, Gaussian filters of several widths (the best one counts) and BL-INR, with CPU seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from napari_dwi.measure.image_quality import psnr, ssim
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.rician import correct_rician_bias
from napari_dwi.scan import resample_to

_B_VALUES = (400.0, 800.0)
_GAUSSIAN_SIGMAS_MM = (2.0, 3.0, 4.0, 6.0)


def _denoised(
    scan: SimulatedScan, presets: tuple[str | None, ...], device: str
) -> Iterator[tuple[str, np.ndarray, float]]:
    """Name, volumes at the b-values of interest and seconds, for every method."""
    volumes = np.concatenate([scan.series.b_values.indices(b) for b in _B_VALUES])
    yield "noisy", scan.series.signal[..., volumes], 0.0
    anatomy = tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy)
    targets = ",".join(f"{b:g}" for b in _B_VALUES)
    runs = [
        ("gaussian", None, {"sigma_mm": str(sigma)}, f"Gaussian {sigma:g} mm")
        for sigma in _GAUSSIAN_SIGMAS_MM
    ]
    runs += [("bl-inr", preset, {}, f"BL-INR {preset or 'recommended'}") for preset in presets]
    for name, preset, settings, title in runs:
        method = find_method(name)
        parameters = method.settings(preset).with_settings(settings | {"targets": targets})
        clock = time.process_time() if device == "cpu" else time.monotonic()
        result = run_method(method, parameters, Inputs(scan.series, anatomy), device=device)
        seconds = (time.process_time() if device == "cpu" else time.monotonic()) - clock
        yield title, result.output.image("denoised").signal, seconds


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--presets", nargs="*", default=["fast"], help="besides the recommended settings")
    parser.add_argument("--snr", nargs="*", type=float, default=[3.0, 5.0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    columns = [f"b {b:g} {figure}" for b in _B_VALUES for figure in ("PSNR dB", "SSIM")]
    for snr in options.snr:
        for seed in options.seeds:
            scan = simulate_brain(snr=snr, seed=seed)
            brain = _brain(scan)
            print(f"\nSNR {snr:g}, seed {seed}, {options.device}")
            print(f"{'method':24}" + "".join(f"{column:>16}" for column in columns) + f"{'seconds':>10}")
            for title, signal, seconds in _denoised(scan, (None, *options.presets), options.device):
                print(f"{title:24}" + _scores(scan, brain, signal) + f"{seconds:10.1f}", flush=True)


def _brain(scan: SimulatedScan) -> np.ndarray:
    tissue = [code for code, name in scan.label_names.items() if name != "CSF"]
    return np.isin(scan.labels.data, tissue)


def _scores(scan: SimulatedScan, brain: np.ndarray, signal: np.ndarray) -> str:
    cells = []
    for step, b_value in enumerate(_B_VALUES):
        truth = scan.truth.signal[..., scan.truth.b_values.indices(b_value)[0]]
        image = correct_rician_bias(signal[..., step], scan.sigma, "koay").astype(np.float32)
        data_range = float(truth[brain].max())
        cells += [psnr(image, truth, brain, data_range), ssim(image, truth, brain, data_range)]
    return "".join(f"{cell:16.3f}" for cell in cells)


if __name__ == "__main__":
    main()
