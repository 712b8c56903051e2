"""``fit``: parameter maps from a diffusion series."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.methods import add_method_options, run_on_files
from napari_dwi.errors import BadInputError
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.physics.signal_models import ALL_MODELS


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    fit = commands.add_parser("fit", help="fit a signal model: ADC, IVIM")
    fit.add_argument("series", type=Path, metavar="SERIES", help="a file, a folder, or FOLDER#NUMBER")
    fit.add_argument("--model", choices=ALL_MODELS, help="signal model; the method's own choice if not given")
    add_method_options(fit)
    fit.set_defaults(run=_fit)


def _fit(options: argparse.Namespace) -> int:
    method = find_method(options.method, "fit")
    if options.model is not None:
        if options.model not in method.models:
            able = [other.name for other in methods_of("fit") if options.model in other.models]
            raise BadInputError(
                f"{method.name} does not know the model {options.model}",
                expected="one of " + ", ".join(method.models),
                remedy=f"Methods that know it: {', '.join(able)}.",
            )
        options.set.insert(0, f"model={options.model}")
    return run_on_files(method, options)
