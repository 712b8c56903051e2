"""``superres``: more voxels within the slices of a diffusion series or of a single image."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.methods import add_method_options, run_on_inputs, with_mask
from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method
from napari_dwi.scan import DwiSeries, open_image, open_volume
from napari_dwi.scan.averaging import take_volumes


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    superres = commands.add_parser("superres", help="more voxels within the slices of a series or an image")
    superres.add_argument(
        "image", type=Path, metavar="VOL", help="a diffusion series or any stack of slices: a file, a folder"
    )
    add_checkpoint_option(superres)
    add_method_options(superres)
    superres.set_defaults(run=_superres)


def add_checkpoint_option(command: argparse.ArgumentParser) -> None:
    """Add the option that names a network."""
    command.add_argument(
        "--checkpoint",
        type=Path,
        metavar="F",
        help="a trained network (.safetensors with its .json) instead of the one that comes along",
    )


def with_checkpoint(method: Method, checkpoint: Path | None) -> list[str]:
    """The setting that has a method use a network, if one is named.

    Raises
    ------
    BadInputError
        If the method uses none.
    """
    if checkpoint is None:
        return []
    if "checkpoint" not in method.settings().as_dict():
        raise BadInputError(
            f"{method.name} takes no checkpoint",
            remedy="Leave --checkpoint out, or use --method network.",
        )
    # In full, so that the record leads to it from anywhere.
    return [f"checkpoint={checkpoint.resolve()}"]


def _superres(options: argparse.Namespace) -> int:
    method = find_method(options.method, "superres")
    options.set += with_checkpoint(method, options.checkpoint)

    def read(progress: Progress) -> Inputs:
        image = open_image(options.image, bval=options.bval, allow=options.allow, check=progress.check)
        if isinstance(image, DwiSeries) and len(image.b_values.distinct) > 1:
            return with_mask(Inputs(take_volumes(image, options.volumes)), options)
        if isinstance(image, DwiSeries):
            image = open_volume(options.image, allow=options.allow, check=progress.check)
        return with_mask(Inputs.of_volume(image), options)

    return run_on_inputs(method, options, read)
