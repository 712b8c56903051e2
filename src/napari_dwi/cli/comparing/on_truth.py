"""Fits compared on signals whose parameters are known."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.cli.comparing.contestants import Contestant, contestants
from napari_dwi.cli.comparing.truth_output import Measured, Outcome, say_outcome, write_outcome
from napari_dwi.cli.output import say, terminal_progress
from napari_dwi.errors import BadInputError
from napari_dwi.measure.estimator_quality import ParameterGrid, estimator_quality
from napari_dwi.measure.estimator_tables import summaries, tissue_grid
from napari_dwi.methods.progress import Progress
from napari_dwi.physics.signal_models import SignalModel, find_model
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.file_set import check_writable

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Zhao et al. (2015), taken over by Epstein et al. (2022).
_B_VALUES = (0.0, 10.0, 20.0, 30.0, 50.0, 80.0, 100.0, 200.0, 400.0, 800.0)
_SNR = "15,30"
_REPEATS = 50


def compare_on_truth(options: argparse.Namespace) -> int:
    """Run ``compare`` without a series; its exit code."""
    model = find_model(options.model or "ivim")
    named = contestants(options.methods, "fit", model.name, options.set, options.preset)
    _check_single_voxels(named)
    levels = _levels(options.snr or _SNR)
    grid = tissue_grid(model, options.points, _ranges(options.range or []))
    b_values = _b_values(options.bval, model)
    repeats = _REPEATS if options.repeats is None else options.repeats
    if repeats < 2:
        raise BadInputError("--repeats must be at least 2, to see the scatter", found=repeats)
    check_writable(options.out)
    measured: dict[float, list[Measured]] = {snr: [] for snr in levels}
    with terminal_progress() as progress:
        turns = list(product(levels, named))
        for turn, (snr, contestant) in enumerate(turns):
            part = progress.part(turn, len(turns), f"SNR {snr:g}, {contestant.label}: ")
            measured[snr].append(_measured(contestant, grid, b_values, snr, repeats, options.seed, part))
    outcome = Outcome(named, measured, model, b_values, repeats)
    inputs = [] if options.bval is None else [options.bval]
    for path in write_outcome(outcome, options.out, options.seed, inputs):
        say(str(path))
    say_outcome(outcome)
    return 0


def _check_single_voxels(named: Sequence[Contestant]) -> None:
    for one in named:
        # Fits of single voxels need no slices around the one they are tried on.
        if one.method.context_slices:
            raise BadInputError(
                f"{one.method.name} looks at neighbours, and single signals have none",
                expected="fits of single voxels",
                remedy="Compare it on a scan, with --reference for the truth; see napari-dwi simulate.",
            )


def _levels(text: str) -> tuple[float, ...]:
    try:
        levels = tuple(dict.fromkeys(float(word) for word in text.split(",") if word.strip()))
    except ValueError:
        levels = ()
    if not levels or not all(np.isfinite(level) and level > 0 for level in levels):
        raise BadInputError("--snr takes positive numbers", expected="such as 15,30", found=text)
    return levels


def _ranges(words: Sequence[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for word in words:
        name, _, both = word.partition("=")
        try:
            low, high = (float(end) for end in both.split(":"))
        except ValueError:
            raise BadInputError(
                "--range takes NAME=LOW:HIGH", expected="such as D=0.5e-3:2e-3", found=word
            ) from None
        found[name.strip()] = (low, high)
    return found


def _b_values(bval: Path | None, model: SignalModel) -> NDArray[np.float64]:
    if bval is None:
        return np.array(_B_VALUES)
    values = read_b_values(bval, None)
    if len(values.distinct) < model.fewest_b_values:
        raise BadInputError(
            f"too few b-values for {model.title}",
            file=bval,
            expected=f"at least {model.fewest_b_values}",
            found=f"{len(values.distinct)}",
        )
    return np.asarray(values.values, dtype=np.float64)


def _measured(
    contestant: Contestant,
    grid: ParameterGrid,
    b_values: NDArray[np.float64],
    snr: float,
    repeats: int,
    seed: int,
    progress: Progress,
) -> Measured:
    from napari_dwi.fit._estimator import estimator

    # Networks are trained for the SNR they are tried at, and once.
    told = contestant.told(noise_sigma=1 / snr, snr=snr, sd_maps=False)
    total = int(np.prod(grid.shape)) * repeats
    done = 0

    def on_report(fraction: float, phrase: str) -> None:
        progress.report((done + fraction * size) / total, phrase)

    size = total
    heard = Progress(on_report, progress.stop_asked)
    estimate = estimator(told.method, told.parameters, b_values, seed=seed, progress=heard)  # type: ignore[arg-type]

    def counted(signal: NDArray[np.float32]) -> Any:
        nonlocal done, size
        size = len(signal)
        found = estimate(signal)
        done += size
        return found

    clock = time.monotonic()
    quality = estimator_quality(counted, grid, b_values, 1 / snr, repeats=repeats, seed=seed)
    seconds = time.monotonic() - clock
    return Measured(told, quality, summaries(quality, b_values, 1 / snr, repeats), seconds)
