"""``simulate``: digital scans with a known truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import say
from napari_dwi.errors import BadInputError


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    simulate = commands.add_parser("simulate", help="a digital scan with its ground truth")
    simulate.add_argument("what", choices=("brain",), help="what to simulate")
    simulate.add_argument(
        "--snr", type=float, default=5.0, help="mean b = 0 signal of the brain over sigma (default 5)"
    )
    simulate.add_argument("--seed", type=int, default=0, help="seed of the noise")
    simulate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the scan")
    simulate.set_defaults(run=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from napari_dwi.physics.simulated_files import save_simulated
    from napari_dwi.physics.simulation import simulate_brain

    if not options.snr > 0:
        raise BadInputError("--snr must be positive", found=options.snr)
    scan = simulate_brain(snr=options.snr, seed=options.seed)
    for path in save_simulated(scan, options.out):
        say(str(path))
    return 0
