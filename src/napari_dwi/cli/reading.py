"""What every command that opens images lets the user say about them."""

from __future__ import annotations

import argparse

from napari_dwi.scan.allowances import ALLOWANCES, LABELS
from napari_dwi.scan.averaging import VOLUMES


def add_allow_option(command: argparse.ArgumentParser) -> None:
    """Add ``--allow``, which takes what an error offers."""
    command.add_argument(
        "--allow",
        action="append",
        default=[],
        choices=ALLOWANCES,
        metavar="NAME",
        help="what may be done with a doubtful file; repeatable: "
        + "; ".join(f"{name}: {LABELS[name]}" for name in ALLOWANCES),
    )


def add_volumes_option(command: argparse.ArgumentParser) -> None:
    """Add the option that says what to make of repeats and gradient directions."""
    command.add_argument(
        "--volumes",
        choices=VOLUMES,
        default="keep",
        help="all volumes, the mean of the repeats of each b-value, or the geometric or arithmetic mean"
        " over its gradient directions",
    )
