"""Noise levels and organs of real scans, as the fits find them.

Run ``python benchmarks/ivim_real_scans.py FOLDER`` on the folder with the real scans. The first table is the
noise level of scans by where it is estimated from; the second, f and D (10^-3 mm2/s) of the organs of a real
abdomen: of their mean signal, and the mean over their voxels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit import fit_signal
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import DwiSeries, Volume, open_series, open_volume

_SCANS = (
    ("prostate_repeats/dwi_5x13.nii.gz", "adc"),
    ("abdomen_volunteer1/dwi_repeats.nii.gz", "ivim"),
    ("abdomen_volunteer1/dwi_mean_per_b.nii.gz", "ivim"),
)
_ORGANS = {"liver": 2, "pancreas": 1, "kidney": 3, "spleen": 4}
_METHODS = ("least-squares", "segmented", "maximum-likelihood", "bayes")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, model in _SCANS:
        series = open_series(folder / name)
        print(f"\n{name}: noise level from")
        for source in ("background", "repeats", "residual"):
            print(f"  {source:12}{_noise_level(series, model, source)}", flush=True)
    series = open_series(folder / "abdomen_volunteer1/dwi_mean_per_b.nii.gz")
    organs = open_volume(folder / "abdomen_volunteer1/rois_dseg.nii.gz")
    inside = Volume((organs.data > 0).astype(np.float32), organs.grid, "mask")
    print(f"\n{'method':20}{'organ':10}{'f, D of the mean signal':>26}{'mean f, D over voxels':>26}")
    for name in _METHODS:
        output = _fitted(name, series, inside).output
        for organ, code in _ORGANS.items():
            voxels = organs.data == code
            of_mean = fit_signal(series.signal[voxels].mean(axis=0), series.b_values.values, method=name)
            pairs = (
                (of_mean["f"].item(), of_mean["D"].item()),
                tuple(float(np.nanmean(output.image(role).data[voxels])) for role in ("f", "D")),
            )
            cells = "".join(f"{f:>17.3f}{1e3 * d:>9.3f}" for f, d in pairs)
            print(f"{name:20}{organ:10}{cells}", flush=True)


def _noise_level(series: DwiSeries, model: str, source: str) -> str:
    try:
        facts = (
            _fitted("maximum-likelihood", series, None, model=model, noise_from=source).output.images[0].facts
        )
    except BadInputError as err:
        return str(err).split(";")[0]
    return f"{facts['NoiseSigma']:.4g}"


def _fitted(name: str, series: DwiSeries, mask: Volume | None, **settings: str) -> Result:
    method = find_method(name, "fit")
    parameters = method.settings().with_settings({"sd_maps": "no", **settings})
    return run_method(method, parameters, Inputs(series, mask=mask), device="cpu")


if __name__ == "__main__":
    main()
