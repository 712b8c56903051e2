"""Figures 2, 10, 11 and 12 of the BL-INR paper, measured again beside the paper's own numbers.

Run ``python benchmarks/blinr_paper.py --out results.tsv --plots FOLDER``; with ``--out`` a run that was
stopped goes on where it was, and ``--heads 0`` prints what a file holds.

The paper's protocol: only the b = 0 volume is noisy, and the other b-values, T1 and T2 are nearly clean; 14
heads; Rician noise; Gudbjartsson-Patz correction of the result with the known noise level; PSNR and SSIM
over whole images. This correction leaves 0.75 sigma in the air of a denoised image, which weighs on whole
images at SNR 1; so PSNR after Koay's correction stands beside it, over whole images and inside the labelled
tissue. Its heads are scans of patients, ours the digital head folded in 14 ways with as many seeds of the
noise, 96 x 96 x 8 voxels of 2 x 2 x 4 mm. The paper does not say what its SNR is; ours is the mean
noise-free b = 0 signal of the brain over sigma.

BL-INR runs with its preset ``paper`` (1024 units, 20 epochs): days on a CPU, minutes on a graphics card
(``--device cuda``). ``--width``, ``--batch``, ``--epochs``, ``--heads``, ``--shape``, ``--mixed`` and
``--figures`` make it shorter; what was changed is printed and stands in the results. 256 units with batches
of 256 come closest to 1024 units with batches of 1024, in a fifth of the time.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from blinr_paper_findings import findings, print_tables
from blinr_paper_variants import VARIANTS, Variant, variants_of
from denoise_runs import denoised
from results_file import ResultsFile

from napari_dwi.measure.image_quality import psnr, ssim
from napari_dwi.measure.perceptual import lpips, why_not
from napari_dwi.methods.method import Inputs
from napari_dwi.physics.phantoms.body import simulate_body
from napari_dwi.physics.phantoms.catalogue import SIMULATIONS
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.rician import correct_rician_bias
from napari_dwi.physics.scan_noise import CLEAN_PRIORS, ScanNoise
from napari_dwi.scan import resample_to

_HOW = ("width", "epochs", "batch", "shape", "precision")
_KEYS = ("figure", "part", "snr", "head", "variant", *_HOW)
_VALUES = ("psnr", "ssim", "koay_psnr", "koay_ssim", "tissue_psnr", "lpips", "seconds")
# Other bodies than the one that everything was tried on.
_FIRST_HEAD = 100
_B_VALUES = (0.0, 50.0, 400.0, 800.0)


def main() -> None:
    """Measure what is missing, print the tables, draw the plots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figures", nargs="*", type=int, default=sorted(VARIANTS))
    parser.add_argument("--heads", type=int, default=14)
    parser.add_argument("--shape", nargs=3, type=int, default=[96, 96, 8])
    parser.add_argument("--width", type=int, default=1024, help="units of BL-INR (the paper's 1024)")
    parser.add_argument("--epochs", type=int, default=20, help="of BL-INR (the paper's 20)")
    parser.add_argument(
        "--batch", type=int, default=1024, help="voxels in one step (1024; the paper is silent)"
    )
    parser.add_argument("--mixed", action="store_true", help="16-bit numbers in BL-INR's hidden layers")
    parser.add_argument("--methods", nargs="*", default=[], help="those of figure 2; all")
    parser.add_argument("--snr", nargs="*", type=float, default=[], help="only these")
    parser.add_argument("--brain-only", action="store_true", help="no other parts of the body in figure 11")
    parser.add_argument("--limit", type=float, default=7200.0, help="CPU seconds for one run (7200)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="file of all results, taken up again if it is there")
    parser.add_argument("--plots", type=Path, help="folder for the plots; needs matplotlib")
    options = parser.parse_args()
    results = ResultsFile(options.out, _KEYS, _VALUES)
    if why_not() is not None:
        print(f"LPIPS {why_not()}")
    for head in range(_FIRST_HEAD, _FIRST_HEAD + options.heads):
        _measure_head(results, head, options)
    for how in dict.fromkeys(tuple(row[name] for name in _HOW) for row in results.rows):
        print("\n" + ", ".join(f"{name} {value}" for name, value in zip(_HOW, how, strict=True)))
    print_tables(results, options.figures)
    for sentence in findings(results):
        print(sentence)
    if options.plots is not None:
        from blinr_paper_plots import draw

        for path in draw(results, options.figures, options.plots):
            print(f"wrote {path}")


def _measure_head(results: ResultsFile, head: int, options: argparse.Namespace) -> None:
    how = {
        "width": options.width,
        "epochs": options.epochs,
        "batch": options.batch,
        "shape": "x".join(map(str, options.shape)),
        "precision": "mixed" if options.mixed else "full",
    }
    wanted: dict[tuple[str, float], list[tuple[int, Variant]]] = {}
    for figure in options.figures:
        for variant in variants_of(figure, options.methods):
            place = {"figure": figure, "part": variant.part, "snr": f"{variant.snr:g}", "head": head}
            skipped = (options.brain_only and variant.part != "brain") or (
                options.snr and variant.snr not in options.snr
            )
            if not skipped and not results.has(**place, variant=variant.title, **how):
                wanted.setdefault((variant.part, variant.snr), []).append((figure, variant))
    for (part, snr), variants in wanted.items():
        scan = _scan(part, snr, head, tuple(options.shape))
        inputs = Inputs(scan.series, tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy))
        # Several figures show the same result.
        made: dict[tuple[object, ...], tuple[np.ndarray | None, float]] = {}
        for figure, variant in variants:
            run = variant.run(how)
            key = run.parameters(), variant.shift
            if key not in made:
                moved = _shifted(inputs, variant.shift)
                made[key] = denoised(run, moved, limit_s=options.limit, device=options.device, seed=head)
            signal, seconds = made[key]
            print(f"head {head}, {part}, SNR {snr:g}, {variant.title}: {seconds:.1f} CPU s", flush=True)
            row = {"figure": figure, "part": part, "snr": f"{snr:g}", "head": head, "variant": variant.title}
            scores = {} if signal is None else _scores(scan, signal[..., 0])
            results.add(row | how | scores | {"seconds": f"{seconds:.1f}"})


def _scan(part: str, snr: float, head: int, shape: tuple[int, int, int]) -> SimulatedScan:
    noise = ScanNoise(mode=CLEAN_PRIORS, noisy_b_value=0.0)
    if part == "brain":
        return simulate_brain(snr, head, shape, b_values=_B_VALUES, noise=noise, head_seed=head)
    body = SIMULATIONS[part].simulate.args[0]
    nx, ny, _ = body.shape
    whole = (nx, ny, shape[2])
    return simulate_body(body, snr, head, whole, b_values=_B_VALUES, noise=noise, body_seed=head)


def _shifted(inputs: Inputs, voxels: int) -> Inputs:
    """All images but the noisy one moved along y, as if the patient had."""
    if not voxels:
        return inputs
    signal = inputs.series.signal.copy()
    signal[..., 1:] = np.roll(signal[..., 1:], voxels, axis=1)
    anatomy = tuple(replace(v, data=np.roll(v.data, voxels, axis=1)) for v in inputs.anatomy)
    return Inputs(replace(inputs.series, signal=signal), anatomy)


def _scores(scan: SimulatedScan, image: np.ndarray) -> dict[str, str]:
    truth = scan.truth.signal[..., 0]
    everywhere, peak = np.ones(truth.shape, bool), float(truth.max())
    corrected, by_koay = (
        correct_rician_bias(image, scan.sigma, how).astype(np.float32)
        for how in ("gudbjartsson-patz", "koay")
    )
    scores = {
        "psnr": f"{psnr(corrected, truth, everywhere, peak):.3f}",
        "ssim": f"{ssim(corrected, truth, everywhere, peak):.4f}",
        "koay_psnr": f"{psnr(by_koay, truth, everywhere, peak):.3f}",
        "koay_ssim": f"{ssim(by_koay, truth, everywhere, peak):.4f}",
        "tissue_psnr": f"{psnr(by_koay, truth, scan.labels.data > 0, peak):.3f}",
    }
    if why_not() is None:
        scores["lpips"] = f"{lpips(corrected, truth, peak):.4f}"
    return scores


if __name__ == "__main__":
    main()
