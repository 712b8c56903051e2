"""``methods``, ``denoise`` and ``repeat``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import complain, say, say_json, terminal_progress
from napari_dwi.cli.reading import add_allow_option, add_volumes_option
from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import all_methods, find_method
from napari_dwi.methods.repeating import read_recipe, repeat
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.scan import DwiSeries, Volume, open_series, open_volume, resample_to
from napari_dwi.scan.anatomy import anatomy_on
from napari_dwi.scan.averaging import take_volumes
from napari_dwi.scan.file_set import check_writable
from napari_dwi.scan.nifti import sha256_of


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    listing = commands.add_parser("methods", help="every method with its parameters")
    listing.add_argument("--json", action="store_true", help="for another program")
    listing.set_defaults(run=_methods)

    denoise = commands.add_parser("denoise", help="denoise a diffusion series")
    denoise.add_argument("series", type=Path, metavar="SERIES", help="a file, a folder, or FOLDER#NUMBER")
    add_method_options(denoise)
    add_anatomy_options(denoise)
    denoise.set_defaults(run=_denoise)

    again = commands.add_parser("repeat", help="make a saved result again and compare")
    again.add_argument("record", type=Path, metavar="RESULT.json", help="the sidecar of a result")
    again.add_argument("--out", type=Path, metavar="DIR", help="where to put it; 'repeat' beside the record")
    again.set_defaults(run=_repeat)


def add_method_options(command: argparse.ArgumentParser) -> None:
    """Add what every command that runs a method on a series takes."""
    command.add_argument("--method", required=True, metavar="M", help="see napari-dwi methods")
    command.add_argument("--preset", metavar="P", help="one of the method's presets")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="set a parameter; repeatable"
    )
    add_run_options(command)


def add_run_options(command: argparse.ArgumentParser) -> None:
    """Add what every command that runs methods takes: on what, where, and where to."""
    command.add_argument("--mask", type=Path, metavar="VOL", help="where to work")
    command.add_argument("--bval", type=Path, help="text file with the b-values (s/mm2)")
    add_volumes_option(command)
    add_allow_option(command)
    command.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers")
    command.add_argument("--threads", type=int, help="CPU threads")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")


def add_anatomy_options(command: argparse.ArgumentParser) -> None:
    """Add the options of denoising that name anatomical images."""
    command.add_argument(
        "--anatomy",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="VOL",
        help="anatomical images; resampled to the grid of the series",
    )
    command.add_argument(
        "--register",
        action="store_true",
        help="align the anatomical images to the series before (rigid; needs SimpleITK)",
    )


def run_on_files(
    method: Method,
    options: argparse.Namespace,
    anatomy_paths: Sequence[Path] = (),
    *,
    register: bool = False,
) -> int:
    """Run a method on the files named by the options of `add_method_options`, and save its result."""
    return run_on_inputs(
        method, options, lambda progress: read_inputs(options, progress, anatomy_paths, register=register)
    )


def run_on_inputs(method: Method, options: argparse.Namespace, read: Callable[[Progress], Inputs]) -> int:
    """Run a method on what ``read(progress)`` reads, and save its result."""
    parameters = method.settings(options.preset).with_settings(settings_of(options.set))
    check_threads(options.threads)
    check_writable(options.out)
    with terminal_progress() as progress:
        inputs = read(progress)
        result = run_method(
            method,
            parameters,
            inputs,
            seed=options.seed,
            device=options.device,
            threads=options.threads,
            progress=progress,
        )
    return _written(result, options)


def check_threads(threads: int | None) -> None:
    """Raise `BadInputError` unless that many threads can compute."""
    if threads is not None and threads < 1:
        raise BadInputError("--threads must be at least 1", found=threads)


def read_inputs(
    options: argparse.Namespace,
    progress: Progress,
    anatomy_paths: Sequence[Path] = (),
    *,
    register: bool = False,
) -> Inputs:
    """Read the files named by the options of `add_run_options`, and say what there is to say of them."""
    allow = options.allow
    series = open_series(options.series, bval=options.bval, allow=allow, check=progress.check)
    series = take_volumes(series, options.volumes)
    anatomy = tuple(
        anatomy_on(
            series,
            open_volume(path, allow=allow, check=progress.check),
            align=register,
            report=progress.report,
        )
        for path in anatomy_paths
    )
    return with_mask(Inputs(series, anatomy), options)


def with_mask(inputs: Inputs, options: argparse.Namespace) -> Inputs:
    """Inputs with the mask that the options name, after saying what there is to say of the images."""
    if options.mask is not None:
        mask = _as_mask(open_volume(options.mask, allow=options.allow))
        inputs = replace(inputs, mask=resample_to(mask, inputs.series.grid))
    images: list[DwiSeries | Volume] = [inputs.series, *inputs.anatomy]
    for image in images:
        for note in image.notes:
            complain(f"{image.name}: {note}")
    return inputs


def _methods(options: argparse.Namespace) -> int:
    methods = all_methods()
    if options.json:
        say_json([_method_as_dict(method) for method in methods])
        return 0
    for method in methods:
        say(f"{method.name}  ({method.task})  {method.title}")
        say(f"    {method.summary}")
        say(f"    {method.reference}")
        for parameter in method.parameters.declared():
            default = _as_text(parameter.default)
            unit = f" {parameter.unit}" if parameter.unit else ""
            say(f"    {parameter.name}={default}{unit}  [{parameter.expected()}]  {parameter.help}")
        for name, values in method.presets.items():
            changed = ", ".join(f"{key}={_as_text(value)}" for key, value in values.items())
            say(f"    preset {name}: {changed}")
        say("")
    return 0


def _method_as_dict(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "title": method.title,
        "task": method.task,
        "summary": method.summary,
        "reference": method.reference,
        "parameters": [
            {
                "name": parameter.name,
                "kind": parameter.kind,
                "default": parameter.default,
                "unit": parameter.unit,
                "low": parameter.low,
                "high": parameter.high,
                "choices": list(parameter.choices),
                "help": parameter.help,
            }
            for parameter in method.parameters.declared()
        ],
        "presets": {name: dict(values) for name, values in method.presets.items()},
        "models": list(method.models),
    }


def _as_text(value: object) -> str:
    if value == ():
        return "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _denoise(options: argparse.Namespace) -> int:
    return run_on_files(
        find_method(options.method, "denoise"), options, options.anatomy, register=options.register
    )


def _repeat(options: argparse.Namespace) -> int:
    recipe = read_recipe(options.record)
    with terminal_progress() as progress:
        result = repeat(recipe, progress)
    folder = options.out or options.record.parent / "repeat"
    # Written over the results it is to be compared with, it would agree with itself.
    paths = save_result(result, folder, never_over=options.record.parent.iterdir())
    same = True
    for path in paths:
        before = options.record.parent / path.name
        if not before.is_file():
            say(f"{path}  (no earlier file of that name to compare)")
            continue
        equal = sha256_of(path) == sha256_of(before)
        same &= equal
        say(f"{path}  {'identical' if equal else 'DIFFERENT'}")
    return 0 if same else 1


def settings_of(words: list[str]) -> dict[str, str]:
    """What ``--set KEY=VALUE`` says, by key."""
    settings = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadInputError("--set takes KEY=VALUE", found=word)
        settings[name.strip()] = value.strip()
    return settings


def _as_mask(volume: Volume) -> Volume:
    return Volume(volume.data, volume.grid, "mask", name=volume.name, source=volume.source)


def _written(result: Result, options: argparse.Namespace) -> int:
    never_over = [] if options.bval is None else [options.bval]
    for path in save_result(result, options.out, never_over=never_over):
        say(str(path))
    for name, value in result.record.figures.items():
        say(f"{name}: {value:.5g}")
    for remark in result.output.remarks:
        say(remark)
    for warning in result.record.warnings:
        complain(f"note: {warning}")
    return 0
