"""What every command that opens images lets the user say about them."""

from __future__ import annotations

import argparse

from napari_dwi.scan.allowances import ALLOWANCES, LABELS


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
