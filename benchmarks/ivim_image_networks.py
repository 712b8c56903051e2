"""Image networks on simulated slices of abdominal tissue: the CNN, DI-CNN and SI-CNN beside least squares.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_image_networks.py --out FOLDER``. Patches of five abdominal
tissues (consensus means of the OSIPI collection, 5 % from patch to patch) are imaged at the b-values of
Epstein et al. with Rician noise, at ten SNRs. For every method it prints RMSE, bias and SD of f, D and D*
(D and D* in 10^-3 mm2/s) and the root mean square error of the fitted signal; for every iteration the
error of the signals learnt; both phenomena of "differences in signal quality"; and which expectations
hold. Every SNR is written to ``FOLDER/snr_SEED_SNR.json`` when it is done, which
``ivim_image_figures.py`` draws.

The CNN "at equal epochs" trains as long as the whole of SI-CNN and keeps its last weights; "early stopped"
keeps, of the same epochs, the one that predicts held-out samples best. All networks share one warm-up.
"3 sigma" is SI-CNN that replaces only samples fitted worse than three times the noise.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ivim_protocol import B_VALUES

from napari_dwi.fit._image_fitting import start_training
from napari_dwi.fit._image_iterations import Rules, Truth, iterations
from napari_dwi.fit._image_parameters import ImageNetworkParameters
from napari_dwi.fit._image_stack import ImageStack, image_stack
from napari_dwi.fit._image_training import Epoch, ImageTraining
from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._problem import FitProblem, Voxels
from napari_dwi.measure.signal_quality import (
    gap_grows_with_fitting_error,
    predictions_surpass_measurements,
    quality_by_fitting_error,
    signal_quality,
)
from napari_dwi.methods.method import Context
from napari_dwi.physics.phantoms.tissue_patches import tissue_patches
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import IVIM

SNRS = (8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 33.0, 50.0, 75.0, 100.0)
BOUNDS = np.array([[0.0, 0.7], [0.0, 5e-3], [5e-3, 0.2]])
TITLES = (
    "least squares",
    "CNN, equal epochs",
    "CNN, early stopped",
    "DI-CNN",
    "SI-CNN",
    "SI-CNN, raw input",
    "SI-CNN, 3 sigma",
)
# Fitting errors in units of the noise, so that the groups are alike at all SNRs.
EDGES = (0.0, 0.3, 0.6, 1.2, 2.4)
EPOCHS_LOOKED_AT = (1, 2, 3, 5, 10)
_SCREEN = np.array([1.0, 1e3, 1e3, 1.0])
EQUAL, EARLY, DI, SI, RAW, OUTLIERS = TITLES[1:]


@dataclass(frozen=True, eq=False)
class _Case:
    """Simulated slices, and what is known of them."""

    voxels: Voxels
    problem: FitProblem
    values: np.ndarray
    clean: np.ndarray


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--snr", nargs="*", type=float, default=list(SNRS))
    parser.add_argument("--seed", type=int, default=1, help="of tissue and noise")
    parser.add_argument("--shape", nargs=3, type=int, default=[32, 32, 8])
    parser.add_argument("--voxel-spread", type=float, default=0.0, help="from voxel to voxel, beside patches")
    parser.add_argument("--warm-up", type=int, default=80, help="epochs")
    parser.add_argument("--iterations", type=int, default=6, help="at most")
    parser.add_argument("--epochs", type=int, default=10, help="of each iteration")
    parser.add_argument("--tolerance", type=float, default=0.05, help="lambda")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--patch", type=int, default=24)
    parser.add_argument("--input-as-it-is", action="store_true", help="not centred")
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--thresholds", choices=("signal", "noise"), default="signal")
    parser.add_argument("--around", type=float, default=0.02, help="around_diff")
    parser.add_argument("--fitting", type=float, default=0.03, help="fitting_max")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    measured = []
    for snr in options.snr:
        clock = time.monotonic()
        found = _measured(options, snr)
        found["seconds"] = time.monotonic() - clock
        text = json.dumps(found, indent=1)
        (options.out / f"snr_{options.seed}_{snr:g}.json").write_text(text, encoding="utf-8")
        measured.append(found)
        _say(found)
    say_what_holds(measured)


def _case(options: argparse.Namespace, snr: float) -> _Case:
    truth = tissue_patches(IVIM, tuple(options.shape), voxel_spread=options.voxel_spread, seed=options.seed)
    clean = IVIM.signal(B_VALUES, truth.values)
    rng = np.random.default_rng([options.seed, int(10 * snr)])
    noisy = add_rician_noise(clean, 1 / snr, rng).astype(np.float32)
    inside = truth.inside
    problem = FitProblem(IVIM, B_VALUES, np.ones(len(B_VALUES)), BOUNDS, 1 / snr)
    voxels = Voxels(np.ascontiguousarray(noisy[inside]), inside)
    return _Case(voxels, problem, truth.values[inside], clean[inside])


def _measured(options: argparse.Namespace, snr: float) -> dict[str, Any]:
    """Everything that is said of one SNR, ready for JSON."""
    case = _case(options, snr)
    parameters = ImageNetworkParameters(
        Dstar_high=1e3 * BOUNDS[2, 1],
        divided_by="scan",
        best_weights=False,
        centred_input=not options.input_as_it_is,
        width=options.width,
        patch=options.patch,
        learning_rate=options.rate,
    )
    stack = image_stack(case.voxels, case.problem, 2, parameters.divided_by)
    typical = float(stack.scale[0])
    truth = Truth(_as_maps(stack, case.clean / typical), _as_maps(stack, case.values / [1, 1, 1, typical]))
    cnn = _Cnn(start_training(stack, case.problem, parameters, Context(seed=options.seed)))
    by_epoch = []

    def look(number: int) -> None:
        if number in EPOCHS_LOOKED_AT or number % 20 == 0:
            by_epoch.append((number, signal_quality(*_signals(case, stack, cnn.training))))

    cnn.train(options.warm_up, look)
    edges = [edge / snr / typical for edge in EDGES]
    by_error = quality_by_fitting_error(*_signals(case, stack, cnn.best), edges)
    rules = Rules(
        options.fitting, options.around, options.tolerance, options.iterations, options.epochs
    ).times(1 / snr / typical if options.thresholds == "noise" else 1.0)
    scores = {"least squares": _score(case, least_squares(case.voxels.signal, case.problem).values)}
    records, stopped = {}, {}
    runs = {
        DI: replace(rules, around_diff=None),
        SI: rules,
        RAW: rules,
        OUTLIERS: replace(rules, fitting_max=3 / snr / typical),
    }
    for title, own in runs.items():
        training = copy.deepcopy(cnn.best)
        training.settings = replace(training.settings, best_weights=True, keeps_input=title == RAW)
        records[title], stopped[title] = iterations(training, own, on_step=_unheard, truth=truth)
        scores[title] = _score(case, _estimates(stack, training))
    more = max(sum(len(one.epochs) for one in record) for record in records.values())
    cnn.train(more, _unheard)
    scores[EQUAL] = _score(case, _estimates(stack, cnn.training))
    scores[EARLY] = _score(case, _estimates(stack, cnn.best))
    return {
        "snr": snr,
        "seed": options.seed,
        "voxels": len(case.values),
        "noise_rms": float(np.sqrt(np.mean((case.voxels.signal - case.clean) ** 2)) / typical),
        "warm_up_epochs": options.warm_up,
        "further_epochs": more,
        "epoch_of_best": cnn.epoch_of_best,
        "losses": [asdict(epoch) for epoch in cnn.epochs],
        "scores": scores,
        "iterations": {title: [asdict(one) for one in record] for title, record in records.items()},
        "stopped_by": stopped,
        "limit": options.iterations,
        "tolerance": options.tolerance,
        "by_epoch": [{"epoch": number, **asdict(quality)} for number, quality in by_epoch],
        "by_fitting_error": [asdict(group) for group in by_error],
        "phenomenon_1": predictions_surpass_measurements([quality for _, quality in by_epoch]),
        "phenomenon_2": gap_grows_with_fitting_error(by_error),
    }


class _Cnn:
    """A network in training, and a copy of it at the epoch that predicted held-out samples best."""

    def __init__(self, training: ImageTraining) -> None:
        self.training, self.best = training, training
        self.epochs: list[Epoch] = []
        self.epoch_of_best = 0

    def train(self, epochs: int, on_epoch: Callable[[int], None]) -> None:
        lowest = min((epoch.held_out_loss for epoch in self.epochs), default=np.inf)
        for _ in range(epochs):
            (epoch,) = self.training.train(1, _unheard)
            self.epochs.append(epoch)
            if epoch.held_out_loss < lowest:
                lowest, self.epoch_of_best = epoch.held_out_loss, len(self.epochs)
                self.best = copy.deepcopy(self.training)
            on_epoch(len(self.epochs))


def _unheard(*_: object) -> None:
    """Progress that nobody watches."""


def _as_maps(stack: ImageStack, values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(stack.as_maps(values.astype(np.float32)))


def _signals(
    case: _Case, stack: ImageStack, training: ImageTraining
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean, learnt and predicted signals of every voxel, divided."""
    learnt, predicted = (
        stack.at_voxels(signal.numpy()) for signal in (training.signal, training.predicted())
    )
    return case.clean / stack.scale[:, None], learnt, predicted


def _estimates(stack: ImageStack, training: ImageTraining) -> np.ndarray:
    training.show_all()
    values = stack.at_voxels(training.values().numpy()).astype(float)
    values[:, -1] *= stack.scale
    return values


def _score(case: _Case, values: np.ndarray) -> dict[str, list[float] | float]:
    """RMSE, bias and SD of f, D and D*, in screen units, and the error of the fitted signal."""
    known = np.isfinite(values).all(axis=1)
    error = ((values - case.values) * _SCREEN)[known, :3]
    signal = IVIM.signal(B_VALUES, values[known]) - case.clean[known]
    return {
        "rmse": np.sqrt((error**2).mean(axis=0)).tolist(),
        "bias": error.mean(axis=0).tolist(),
        "sd": error.std(axis=0).tolist(),
        "signal": float(np.sqrt((signal**2).mean())),
    }


def _say(found: dict[str, Any]) -> None:
    """The table of one SNR."""
    print(
        f"\nSNR {found['snr']:g}, seed {found['seed']}, {found['voxels']} voxels, noise "
        f"{found['noise_rms']:.4f}: RMSE (bias, SD); {found['seconds']:.0f} s"
    )
    print(f"{'method':20}{'f':>26}{'D':>26}{'D*':>26}{'signal':>9}")
    for title in TITLES:
        score = found["scores"][title]
        cells = [
            f"{r:.3g} ({b:+.2g}, {s:.2g})"
            for r, b, s in zip(score["rmse"], score["bias"], score["sd"], strict=True)
        ]
        print(f"{title:20}" + "".join(f"{cell:>26}" for cell in cells) + f"{score['signal']:9.4f}")
    for title, record in found["iterations"].items():
        errors = " ".join(f"{one['signal_error']:.4f}" for one in record)
        changes = " ".join(f"{one['change']:.4f}" for one in record)
        print(
            f"{title}: error of the signals learnt {errors}; change {changes}; {found['stopped_by'][title]}"
        )
    groups = " ".join(
        f"{group['noise']:.4f}/{group['recon_error']:.4f}" for group in found["by_fitting_error"]
    )
    print(f"noise/recon error by fitting error: {groups}", flush=True)


def say_what_holds(measured: Sequence[dict[str, Any]]) -> None:
    """Say of every expectation at which SNRs it holds.

    Parameters
    ----------
    measured : sequence of dict
        One for each SNR.
    """
    measured = sorted(measured, key=lambda found: found["snr"])
    for words, holds in EXPECTATIONS.items():
        verdict = {found["snr"]: holds(found) for found in measured}
        failed = [f"{snr:g}" for snr, held in verdict.items() if not held]
        said = "holds" if not failed else f"does not hold at SNR {', '.join(failed)}"
        print(f"{words:64}{said}")
    for title in TITLES:
        for n, name in enumerate(("f", "D")):
            rmse = [found["scores"][title]["rmse"][n] for found in measured]
            falls = all(a > b for a, b in pairwise(rmse))
            print(f"{f'RMSE of {name} falls with SNR, {title}':64}{'holds' if falls else 'does not hold'}")


def _ordered(found: dict[str, Any], *titles: str) -> bool:
    rmse = np.array([found["scores"][title]["rmse"][:2] for title in titles])
    return bool((np.diff(rmse, axis=0) >= 0).all())


def _signal_errors(found: dict[str, Any]) -> list[float]:
    return [found["noise_rms"], *(one["signal_error"] for one in found["iterations"][SI])]


def _stops_as_told(found: dict[str, Any]) -> bool:
    """Whether every loop ended at its first small change, or at the limit."""
    held = []
    for title, record in found["iterations"].items():
        changes = [one["change"] for one in record]
        small = [change < found["tolerance"] * changes[0] for change in changes]
        by_limit = len(changes) == found["limit"] and not any(small[:-1])
        by_change = small[-1] and not any(small[:-1])
        held.append(by_change if found["stopped_by"][title] == "tolerance" else by_limit)
    return all(held)


EXPECTATIONS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "phenomenon 1: predictions surpass measurements": lambda found: found["phenomenon_1"],
    "phenomenon 2: the gap grows with the fitting error": lambda found: found["phenomenon_2"],
    "SI-CNN: error of the signals learnt falls three times": lambda found: all(
        a > b for a, b in pairwise(_signal_errors(found)[:4])
    ),
    "SI-CNN: it ends at no more than half the noise": lambda found: (
        _signal_errors(found)[-1] <= found["noise_rms"] / 2
    ),
    "RMSE of f and D: SI-CNN <= DI-CNN": lambda found: _ordered(found, SI, DI),
    "RMSE of f and D: DI-CNN <= CNN at equal epochs": lambda found: _ordered(found, DI, EQUAL),
    "RMSE of f and D: SI-CNN <= CNN at equal epochs": lambda found: _ordered(found, SI, EQUAL),
    "RMSE of f and D: SI-CNN <= CNN, early stopped": lambda found: _ordered(found, SI, EARLY),
    "RMSE of f and D: SI-CNN, raw input <= CNN at equal epochs": lambda found: _ordered(found, RAW, EQUAL),
    "RMSE of f and D: SI-CNN, raw input <= CNN, early stopped": lambda found: _ordered(found, RAW, EARLY),
    "RMSE of f and D: SI-CNN, 3 sigma <= CNN, early stopped": lambda found: _ordered(found, OUTLIERS, EARLY),
    "RMSE of f and D: every network < least squares": lambda found: all(
        _ordered(found, title, "least squares") for title in TITLES[1:]
    ),
    "stop rule and limit are kept": _stops_as_told,
}

if __name__ == "__main__":
    main()
