"""How close ADC maps of a phantom with 13 tubes of known ADC come after denoising, tube by tube.

Run ``python benchmarks/phantom_tubes.py --out results.tsv``; with ``--out`` a run that was stopped goes on
where it was. The phantom (`napari_dwi.physics.phantoms.tubes`) is scanned at b = 0, 250, 500, 750 and 1000
with T1 and T2, Rician noise in every volume; SNR is the mean noise-free b = 0 signal of the tubes over
sigma. All volumes are denoised and the ADC is fitted to all of them by least squares, as the paper of
BL-INR does (section 3.4, figure 9). Against the truth, voxel by voxel: mean absolute error (MAE) in 1e-6
mm2/s, means over the seeds, and how much smaller it is than that of the noisy scan.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from denoise_runs import denoised, runs_of
from results_file import ResultsFile

from napari_dwi.measure.phantom_errors import TubeError, tube_errors
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.phantoms.body import simulate_body
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.phantoms.tubes import TUBES, TUBES_MM2_PER_S
from napari_dwi.physics.scan_noise import SCANNER_CORRELATION, ScanNoise
from napari_dwi.scan import DwiSeries, Volume, resample_to

_SLICES = 6
_FIT = "least-squares"
_NOISY = "noisy"
# The bar of the paper: BL-INR made the mean error smaller by a third.
_PAPER_REDUCTION = 33


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", nargs="*", type=float, default=[10.0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--methods", nargs="*", default=[], help="such as gaussian bl-inr bl-inr:fast; all")
    parser.add_argument("--correlated", action="store_true", help="noise that is alike within slices")
    parser.add_argument("--limit", type=float, default=1800.0, help="CPU seconds for one run (1800)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="file of all results, taken up again if it is there")
    options = parser.parse_args()
    kind = "correlated" if options.correlated else "white"
    noise = ScanNoise(in_plane_correlation=SCANNER_CORRELATION if options.correlated else 0.0)
    results = ResultsFile(options.out, ("noise", "snr", "seed", "method", "tube"), ("mae", "bias", "seconds"))
    for snr in options.snr:
        for seed in options.seeds:
            known = {"noise": kind, "snr": f"{snr:g}", "seed": seed}
            runs = [run for run in runs_of(options.methods) if not results.has(**known, method=run.title)]
            if not runs and results.has(**known, method=_NOISY):
                continue
            scan = simulate_body(TUBES, snr, seed, shape=(*TUBES.shape[:2], _SLICES), noise=noise)
            inputs = Inputs(scan.series, tuple(resample_to(v, scan.series.grid) for v in scan.anatomy))
            if not results.has(**known, method=_NOISY):
                _add(results, known | {"method": _NOISY, "seconds": "0"}, _errors(scan, scan.series))
            for run in runs:
                signal, seconds = denoised(run, inputs, limit_s=options.limit, device=options.device)
                print(f"{kind} SNR {snr:g} seed {seed} {run.title}: {seconds:.1f} CPU s", flush=True)
                row = known | {"method": run.title, "seconds": f"{seconds:.1f}"}
                if signal is None:
                    results.add(row | {"tube": "stopped"})
                else:
                    _add(results, row, _errors(scan, replace(scan.series, signal=signal)))
        _print_table(results, kind, f"{snr:g}", options.seeds)


def _errors(scan: SimulatedScan, series: DwiSeries) -> tuple[TubeError, ...]:
    method = find_method(_FIT)
    inside = Volume((scan.labels.data > 0).astype(np.float32), series.grid, "mask")
    settings = {"model": "adc", "noise_sigma": f"{scan.sigma}", "sd_maps": "no"}
    result = run_method(
        method,
        method.settings().with_settings(settings),
        Inputs(series, mask=inside),
        device="cpu",
        threads=1,
    )
    adc = result.output.image("ADC").data
    return tube_errors(adc, scan.labels.data, scan.label_names, TUBES_MM2_PER_S)


def _add(results: ResultsFile, row: dict[str, object], errors: tuple[TubeError, ...]) -> None:
    for tube in errors:
        figures = {"mae": f"{1e6 * tube.mae:.3f}", "bias": f"{1e6 * tube.bias:.3f}"}
        results.add(row | {"tube": tube.name} | figures)


def _print_table(results: ResultsFile, kind: str, snr: str, seeds: list[int]) -> None:
    print(f"\nSNR {snr}, {kind} noise, seeds {seeds}: MAE in 1e-6 mm2/s by tube (true ADC above)")
    print(f"{'method':20}" + "".join(f"{1e6 * adc:6.0f}" for adc in TUBES_MM2_PER_S.values()), end="")
    print(f"{'mean':>8}{'bias':>8}{'less by':>9}{'CPU s':>8}")
    noisy = float("nan")
    for method in dict.fromkeys(row["method"] for row in results.rows):
        known = {"noise": kind, "snr": snr, "method": method, "seed": seeds}
        tubes = [np.mean(results.numbers("mae", **known, tube=name) or np.nan) for name in TUBES_MM2_PER_S]
        bias = np.mean(results.numbers("bias", **known) or np.nan)
        seconds = np.mean(results.numbers("seconds", **known) or np.nan)
        mean = float(np.mean(tubes))
        noisy = mean if method == _NOISY else noisy
        cells = "".join(f"{value:6.0f}" for value in tubes)
        print(f"{method:20}{cells}{mean:8.1f}{bias:8.1f}{100 * (1 - mean / noisy):7.0f} %{seconds:8.1f}")
    print(f"(paper: BL-INR makes the mean error smaller by about {_PAPER_REDUCTION} %)")


if __name__ == "__main__":
    main()
