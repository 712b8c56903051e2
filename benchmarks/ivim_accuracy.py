"""Bias, SD and RMSE of every IVIM fit on the protocol of Epstein et al., beside scipy's curve_fit.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_accuracy.py``. For every SNR and seed it prints mean bias,
SD, and RMSE of f, D and D* (D and D* in 10^-3 mm2/s), the share of true values within 2 SD, voxels per
CPU second, and the RMSE as a ratio to that of curve_fit on the same voxels. Voxels that curve_fit or the
method gave up are left out of both. The last lines are noise-free: the largest relative error over voxels,
and over dipy's test voxel.
"""

from __future__ import annotations

import argparse

import numpy as np
from ivim_protocol import B_VALUES, as_inputs, curve_fitted, seed_004_voxels, timed_fit

from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import Result
from napari_dwi.physics.signal_models import IVIM

_SCREEN = np.array([1.0, 1e3, 1e3])
# The voxel and b-values of dipy's own test of its IVIM fits.
_DIPY_VOXEL = np.array([0.132, 0.921e-3, 8.85e-3, 1000.0])
_DIPY_B = np.array(
    [0, 10, 20, 30, 40, 60, 80, 100, 120, 140, 160, 180, 200, 300, 400, 500, 600, 700, 800, 900, 1000]
)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", nargs="*", type=float, default=[15.0, 30.0])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--methods", nargs="*", help="all that know IVIM if not given")
    parser.add_argument("--presets", nargs="*", default=["seed-004"], help="each for methods that have it")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=100, help="noise repeats for batched methods")
    parser.add_argument("--peer-repeats", type=int, default=10, help="noise repeats for curve_fit")
    options = parser.parse_args()
    for snr in options.snr:
        for seed in options.seeds:
            _table(options, snr, seed)
    _noise_free()


def _table(options: argparse.Namespace, snr: float, seed: int) -> None:
    truth, signals = seed_004_voxels(options.draws, options.repeats, snr, seed)
    compared = slice(0, options.draws * options.peer_repeats)
    peer, peer_seconds = curve_fitted(signals[compared])
    print(f"\nSNR {snr:g}, seed {seed}: bias / SD / RMSE")
    print(f"{'method':32}{'f':>24}{'D':>24}{'D*':>24}{'in 2 SD, %':>14}{'vox/s':>9}  RMSE / curve_fit")
    _row("curve_fit", peer, None, truth[compared], peer, len(peer) / peer_seconds)
    inputs = as_inputs(signals)
    for name, preset, settings in _runs(options.methods, options.presets):
        result, seconds = timed_fit(find_method(name), inputs, preset, noise_sigma=str(1 / snr), **settings)
        title = " ".join([name, *([preset] if preset else []), *settings.values()])
        _row(title, _values(result), _values(result, " SD"), truth, peer, len(signals) / seconds)


def _runs(names: list[str] | None, presets: list[str]) -> list[tuple[str, str | None, dict[str, str]]]:
    known = [method.name for method in methods_of("fit") if "ivim" in method.models]
    runs: list[tuple[str, str | None, dict[str, str]]] = []
    for name in names or known:
        of_method = find_method(name, "fit").presets
        runs += [(name, preset, {}) for preset in (None, *presets) if preset is None or preset in of_method]
    return runs


def _values(result: Result, suffix: str = "") -> np.ndarray:
    """f, D and the total D*, or their standard deviations, (n, 3)."""
    maps = {
        image.role: image.image.data.ravel() for image in result.output.images if image.role != "residual"
    }
    if "Dstar" + suffix in maps:
        fast = maps["Dstar" + suffix]
    else:
        fast = maps["Dfast" + suffix] + (0 if suffix else maps["D"])
    return np.stack([maps["f" + suffix], maps["D" + suffix], fast], axis=-1)


def _row(
    title: str,
    values: np.ndarray,
    sd: np.ndarray | None,
    truth: np.ndarray,
    peer: np.ndarray,
    speed: float,
) -> None:
    error = values - truth[:, :3]
    fitted = np.isfinite(error).all(axis=1)
    figures = (error[fitted].mean(axis=0), error[fitted].std(axis=0, ddof=1), _rms(error[fitted]))
    cells = [" / ".join(f"{f[n] * _SCREEN[n]:.3g}" for f in figures) for n in range(3)]
    covered = ""
    if sd is not None:
        known = fitted & np.isfinite(sd).all(axis=1)
        covered = " ".join(f"{100 * share:.0f}" for share in (np.abs(error) < 2 * sd)[known].mean(axis=0))
    both = fitted[: len(peer)] & np.isfinite(peer).all(axis=1)
    of_peer = _rms((peer - truth[: len(peer), :3])[both])
    ratio = _rms(error[: len(peer)][both]) / of_peer
    said = " ".join(f"{r:.3f}" for r in ratio)
    print(
        f"{title:32}" + "".join(f"{cell:>24}" for cell in cells) + f"{covered:>14}{speed:9.0f}  {said}",
        flush=True,
    )


def _rms(error: np.ndarray) -> np.ndarray:
    return np.sqrt((error**2).mean(axis=0))


def _noise_free() -> None:
    print("\nwithout noise: largest relative error of f, D, D*, S0")
    truth, _ = seed_004_voxels(2000, 1, 1.0, 3)
    for name in ("least-squares", "maximum-likelihood"):
        method = find_method(name)
        for title, b, values in (("protocol", B_VALUES, truth), ("dipy's voxel", _DIPY_B, _DIPY_VOXEL[None])):
            inputs = as_inputs(IVIM.signal(b, values), b)
            result, _ = timed_fit(method, inputs, noise_sigma=str(1e-5 * values[0, 3]))
            found = np.stack([result.output.image(p).data.ravel() for p in IVIM.names], axis=-1)
            error = np.abs(found / values - 1).max(axis=0)
            print(f"{name:24}{title:16}" + " ".join(f"{e:.1e}" for e in error))


if __name__ == "__main__":
    main()
