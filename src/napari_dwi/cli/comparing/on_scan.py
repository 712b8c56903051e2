"""Fits or denoisers compared on one scan."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.cli.comparing.contestants import Contestant, contestants
from napari_dwi.cli.comparing.maps import MapSet, fitted_maps, volumes_by_name
from napari_dwi.cli.comparing.reference import reference_maps
from napari_dwi.cli.comparing.scan_output import Circumstances, Compared, say_compared, write_compared
from napari_dwi.cli.methods import check_threads, read_inputs
from napari_dwi.cli.output import complain, say, terminal_progress
from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.measure.noise_level import noise_level
from napari_dwi.methods.method import Inputs, Task
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.signal_models import SignalModel, find_model
from napari_dwi.scan import DwiSeries, Volume, resample_to
from napari_dwi.scan.file_set import check_writable
from napari_dwi.scan.regions import read_regions

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INPUT = "input"
_WHOLE = "mask"


def compare_on_scan(options: argparse.Namespace) -> int:
    """Run ``compare`` on a series; its exit code."""
    model = None if options.model is None else find_model(options.model)
    task: Task = "denoise" if model is None else "fit"
    named = contestants(options.methods, task, options.model, options.set, options.preset)
    check_threads(options.threads)
    check_writable(options.out)
    failed: dict[str, str] = {}
    with terminal_progress() as progress:
        given = read_inputs(options, progress, options.anatomy, register=options.register)
        regions = _regions(options, given, progress)
        inputs = given
        if model is not None and given.mask is None:
            # Found once, so that all fits work on the very same voxels.
            mask = foreground_mask(given.series, progress.check).astype(np.float32)
            inputs = replace(given, mask=Volume(mask, given.series.grid, "mask"))
        reference = None
        if options.reference:
            reference = reference_maps(options.reference, inputs, model, options.allow, progress)
        # Denoisers look at the noise of each volume by itself; fits are told one level.
        sigma = None if model is None else _noise_level(inputs, progress)
        told = [
            one.told(noise_sigma=sigma) if sigma is not None and one.at_default("noise_from") else one
            for one in named
        ]
        results = _results(told, inputs, options, progress, failed)
    sets = [_maps_of(label, result, model) for label, result in results.items()]
    if model is None:
        sets.insert(0, volumes_by_name(_INPUT, inputs.series))
    compared = Compared(inputs, model, regions, results, tuple(sets), reference)
    record = Circumstances(told, failed, sigma, options.seed, tuple(options.reference or ()))
    named_files = (options.bval, options.mask, options.roi, *record.reference)
    never_over = [path for path in named_files if path is not None and path.is_file()]
    for path in write_compared(compared, record, options.out, never_over):
        say(str(path))
    say_compared(compared)
    for label, why in failed.items():
        complain(f"{label}: {why}")
    return MethodFailedError.exit_code if failed else 0


def _regions(options: argparse.Namespace, inputs: Inputs, progress: Progress) -> dict[str, NDArray[np.bool_]]:
    grid = inputs.series.grid
    if options.roi is None:
        if inputs.mask is not None:
            return {_WHOLE: inputs.mask.data > 0}
        return {_WHOLE: foreground_mask(inputs.series, progress.check)}
    regions = read_regions(options.roi)
    labels = regions.labels
    if not labels.grid.same_as(grid):
        labels = resample_to(labels, grid)
        complain(f"{options.roi.name}: regions resampled to the grid of the series, nearest voxel")
    names = list(regions.names.values())
    return {
        name if names.count(name) == 1 else f"{name} ({code})": labels.data == code
        for code, name in regions.names.items()
    }


def _noise_level(inputs: Inputs, progress: Progress) -> float | None:
    """One noise level for all fits, from the air or from repeats; ``None`` where neither tells it."""
    from napari_dwi.fit._noise import repeats_sigma

    # What scanners blank to zero has no noise.
    inside = np.asarray((inputs.series.signal > 0).all(axis=-1))
    if inputs.mask is not None:
        inside &= inputs.mask.data > 0
    with contextlib.suppress(BadInputError):
        return float(noise_level(inputs.series, check=progress.check))
    with contextlib.suppress(BadInputError):
        sigma = float(repeats_sigma(inputs.series, inside)) if inside.any() else 0.0
        if sigma > 0:
            return sigma
    complain("noise level: neither air nor repeats tell it; every method finds its own")
    return None


def _results(
    named: Sequence[Contestant],
    inputs: Inputs,
    options: argparse.Namespace,
    progress: Progress,
    failed: dict[str, str],
) -> dict[str, Result]:
    """The results by label; a method that fails is noted, unless all do."""
    results = {}
    for turn, one in enumerate(named):
        try:
            results[one.label] = run_method(
                one.method,
                one.parameters,
                inputs,
                seed=options.seed,
                device=options.device,
                threads=options.threads,
                progress=progress.part(turn, len(named), f"{one.label}: "),
            )
        except (BadInputError, MethodFailedError) as err:
            failed[one.label] = str(err)
            if len(failed) == len(named):
                raise
    return results


def _maps_of(label: str, result: Result, model: SignalModel | None) -> MapSet:
    seconds = round(result.record.seconds, 2)
    if model is not None:
        return fitted_maps(label, result.output, model, seconds)
    denoised = result.output.image("denoised")
    assert isinstance(denoised, DwiSeries), "denoisers give series"
    return volumes_by_name(label, denoised, seconds)
