"""Voxels per CPU second of every fit method, as a ratio to scipy's curve_fit in the same run.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_speed.py``. The first table is for single fits of noisy
IVIM voxels (SNR 15 and 30), everything included: screening, maps, standard deviations, residuals. The
second is for a whole volume, 128 x 128 x 20 voxels with 10 b-values and half of them in the mask, in
seconds. CPU seconds, because other programs share the machine.
"""

from __future__ import annotations

import argparse

import numpy as np
from ivim_protocol import B_VALUES, as_inputs, curve_fitted, seed_004_voxels, timed_fit

from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

_SHAPE = (128, 128, 20)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", nargs="*", type=float, default=[15.0, 30.0])
    parser.add_argument("--voxels", type=int, default=40_000)
    parser.add_argument("--peer-voxels", type=int, default=600)
    parser.add_argument("--methods", nargs="*", help="all of them if not given")
    options = parser.parse_args()
    known = [method.name for method in methods_of("fit")]
    runs = [
        (name, model)
        for name in options.methods or known
        for model in find_method(name, "fit").models
        if model in ("ivim", "adc")
    ]
    for snr in options.snr:
        _, signals = seed_004_voxels(options.voxels, 1, snr, 1)
        some = signals[: options.peer_voxels]
        _, seconds = curve_fitted(some)
        peer = len(some) / seconds
        print(f"\nSNR {snr:g}\n{'method':22}{'model':8}{'vox/s':>10}{'x curve_fit':>14}")
        print(f"{'curve_fit':22}{'ivim':8}{peer:10.0f}{1:14.0f}")
        inputs = as_inputs(signals)
        for name, model in runs:
            _, seconds = timed_fit(find_method(name), inputs, model=model, noise_sigma=str(1 / snr))
            speed = len(signals) / seconds
            print(f"{name:22}{model:8}{speed:10.0f}{speed / peer:14.0f}", flush=True)
    print(f"\n{' x '.join(map(str, _SHAPE))} voxels, {len(B_VALUES)} b-values, half masked: CPU seconds")
    volume = volume_of(options.snr[-1])
    for name, model in runs:
        _, seconds = timed_fit(find_method(name), volume, model=model, noise_sigma=str(1 / options.snr[-1]))
        _, without = timed_fit(
            find_method(name), volume, model=model, noise_sigma=str(1 / options.snr[-1]), sd_maps="no"
        )
        print(f"{name:22}{model:8}{seconds:8.2f}, without SD maps {without:.2f}", flush=True)


def volume_of(snr: float) -> Inputs:
    """A volume of which half is in the mask."""
    _, signals = seed_004_voxels(int(np.prod(_SHAPE)), 1, snr, 2)
    grid = Grid(_SHAPE, np.eye(4), "simulated")
    signal = np.asfortranarray(signals.reshape(*_SHAPE, -1).astype(np.float32))
    mask = np.zeros(_SHAPE, np.float32)
    mask[: _SHAPE[0] // 2] = 1
    series = DwiSeries(signal, grid, BValues(B_VALUES), "volume")
    return Inputs(series, mask=Volume(mask, grid, "mask"))


if __name__ == "__main__":
    main()
