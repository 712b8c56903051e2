"""The ``compare`` command: what it takes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.methods import add_anatomy_options, add_run_options
from napari_dwi.errors import BadInputError
from napari_dwi.physics.signal_models import ALL_MODELS

# What only one of both uses, and its value when nobody named it.
_ON_TRUTH: dict[str, Any] = dict.fromkeys(("snr", "points", "repeats", "range"))
_ON_SCAN: dict[str, Any] = {
    **dict.fromkeys(("roi", "mask", "reference", "threads")),
    "anatomy": [],
    "register": False,
    "volumes": "keep",
    "device": "auto",
}


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    compare = commands.add_parser("compare", help="several methods side by side, with tables and pictures")
    compare.add_argument(
        "series", type=Path, nargs="?", metavar="SERIES", help="a scan; without one, known truth is simulated"
    )
    compare.add_argument(
        "--methods", required=True, metavar="A,B,C", help="see napari-dwi methods; NAME=METHOD renames one"
    )
    compare.add_argument("--model", choices=ALL_MODELS, help="signal model to fit; denoisers without it")
    compare.add_argument("--preset", metavar="P", help="a preset, for all that have it")
    compare.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a parameter of all methods that have it, or of one: METHOD.KEY=VALUE; repeatable",
    )
    add_run_options(compare)
    on_scan = compare.add_argument_group("on a scan")
    on_scan.add_argument("--roi", type=Path, metavar="LABELS", help="label image of the regions")
    on_scan.add_argument(
        "--reference",
        type=Path,
        nargs="+",
        metavar="VOL",
        help="true maps (names with param-NAME), a folder of them, or a series with less noise",
    )
    add_anatomy_options(on_scan)
    on_truth = compare.add_argument_group("on known truth, without a SERIES")
    on_truth.add_argument("--snr", metavar="S,S", help="S0 over sigma, one or several (default 15,30)")
    on_truth.add_argument("--points", type=int, metavar="N", help="true values along each parameter")
    on_truth.add_argument(
        "--repeats", type=int, metavar="N", help="noisy signals for each tissue (default 50)"
    )
    on_truth.add_argument(
        "--range",
        action="append",
        metavar="NAME=LOW:HIGH",
        help="true values of a parameter, in the model's units (mm2/s, fractions); repeatable",
    )
    compare.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> int:
    on_scan = options.series is not None
    for name, unnamed in (_ON_TRUTH if on_scan else _ON_SCAN).items():
        if getattr(options, name) != unnamed:
            raise BadInputError(
                f"--{name} {'needs known truth' if on_scan else 'needs a scan'}",
                expected="no SERIES" if on_scan else "a SERIES",
            )
    if on_scan:
        from napari_dwi.cli.comparing.on_scan import compare_on_scan

        return compare_on_scan(options)
    from napari_dwi.cli.comparing.on_truth import compare_on_truth

    return compare_on_truth(options)
