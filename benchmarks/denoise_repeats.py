"""How close every denoising method comes to repeats of a real prostate scan.

Run ``python benchmarks/denoise_repeats.py FOLDER``, the folder being that of a scan of one b = 0 and 12
directions at b = 800, repeated five times (``dwi_5x13.nii.gz`` and ``.bval``; PROSTATEx-0218, TCIA, CC BY
3.0). The first repeat is denoised; the mean of the third and the fifth is the reference, as the others
differ by motion. For every method:

gain   noisy over denoised mean squared error in the body, dB, the noise of the reference subtracted
bias   mean of the body against the reference, %
CPU s  CPU seconds for one volume, with one thread

with 12 other volumes to learn from, and with b = 0 and two others, as in the clinic.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from denoise_runs import Run, denoised, runs_of
from results_file import ResultsFile

from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.methods.method import Inputs
from napari_dwi.scan import BValues, DwiSeries, open_series

_VOLUMES, _REPEATS = 13, 5
# Counted from 0: b = 0 is volume 0 of each repeat.
_DIRECTIONS = (1, 5, 9)
_CASES = {"12 others": None, "b0 + 2 others": 2}


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where dwi_5x13.nii.gz is")
    parser.add_argument("--methods", nargs="*", default=[], help="such as gaussian bl-inr bl-inr:fast; all")
    parser.add_argument("--directions", nargs="*", type=int, default=list(_DIRECTIONS), help="1 to 12")
    parser.add_argument("--limit", type=float, default=1800.0, help="CPU seconds for one run (1800)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="file of all results, taken up again if it is there")
    options = parser.parse_args()
    scan = open_series(options.folder / "dwi_5x13.nii.gz")
    results = ResultsFile(options.out, ("case", "direction", "method"), ("gain", "bias", "seconds"))
    for case, others in _CASES.items():
        for direction in options.directions:
            for run in [None, *runs_of(options.methods)]:
                title = "noisy" if run is None else run.title
                if not results.has(case=case, direction=direction, method=title):
                    _measure(scan, run, case, direction, others, options, results)
    for case in _CASES:
        print(f"\n{case}, directions {options.directions}")
        print(f"{'method':24}{'gain dB':>9}{'bias %':>9}{'CPU s':>9}")
        for method in dict.fromkeys(row["method"] for row in results.rows):
            columns = [
                results.numbers(name, case=case, method=method, direction=options.directions)
                for name in ("gain", "bias", "seconds")
            ]
            if columns[0]:
                gain, bias, seconds = (float(np.mean(values)) for values in columns)
                print(f"{method:24}{gain:9.2f}{bias:9.2f}{seconds:9.1f}")


def _measure(
    scan: DwiSeries,
    run: Run | None,
    case: str,
    direction: int,
    others: int | None,
    options: argparse.Namespace,
    results: ResultsFile,
) -> None:
    first, third, fifth = (
        scan.signal[..., repeat * _VOLUMES + direction].astype(np.float64) for repeat in (0, 2, 4)
    )
    inputs = _inputs(scan, direction, others)
    body = foreground_mask(inputs.series)
    reference = (third + fifth) / 2
    noise_of_reference = float(np.var((third - fifth)[body])) / 4
    image, seconds = first, 0.0
    if run is not None:
        targeted = replace(run, settings=(*run.settings, ("targets", f"{_TARGET_B:g}")))
        signal, seconds = denoised(targeted, inputs, limit_s=options.limit, device=options.device)
        print(f"{case}, direction {direction}, {run.title}: {seconds:.1f} CPU s", flush=True)
        if signal is None:
            results.add(
                {"case": case, "direction": direction, "method": run.title, "seconds": f"{seconds:.1f}"}
            )
            return
        image = signal[..., 0].astype(np.float64)
    errors = [float(np.mean((one - reference)[body] ** 2)) - noise_of_reference for one in (first, image)]
    results.add(
        {
            "case": case,
            "direction": direction,
            "method": "noisy" if run is None else run.title,
            "gain": f"{10 * np.log10(errors[0] / errors[1]):.3f}" if errors[1] > 0 else "nan",
            "bias": f"{100 * (image[body].mean() / reference[body].mean() - 1):.3f}",
            "seconds": f"{seconds:.1f}",
        }
    )


# The other directions are called by another b-value, so that only one volume is denoised.
_TARGET_B, _OTHER_B = 800.0, 900.0


def _inputs(scan: DwiSeries, direction: int, others: int | None) -> Inputs:
    """The first repeat, with one direction that can be asked for by its b-value."""
    rest = [n for n in range(1, _VOLUMES) if n != direction]
    volumes = [0, direction, *(rest if others is None else rest[:: len(rest) // others][:others])]
    b_values = np.array([0.0, _TARGET_B, *[_OTHER_B] * (len(volumes) - 2)])
    chosen = scan.volumes(np.array(volumes))
    return Inputs(replace(chosen, b_values=BValues(b_values, origin="directions told apart")))


if __name__ == "__main__":
    main()
