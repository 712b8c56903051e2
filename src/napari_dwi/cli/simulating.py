"""``simulate``: digital scans with a known truth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import complain, say
from napari_dwi.errors import BadInputError
from napari_dwi.physics.scan_noise import ALL_VOLUMES, CLEAN_PRIORS, SCANNER_CORRELATION, ScanNoise
from napari_dwi.scan.b_value_text import read_b_values

_WHAT = ("brain", "abdomen", "pelvis", "head-neck", "tubes", "ivim")
_MODES = {"all": ALL_VOLUMES, "clean-priors": CLEAN_PRIORS}


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    simulate = commands.add_parser("simulate", help="a digital scan with its ground truth")
    simulate.add_argument("what", choices=_WHAT, help="what to simulate")
    simulate.add_argument(
        "--snr", type=float, default=5.0, help="mean b = 0 signal of the tissue over sigma (default 5)"
    )
    simulate.add_argument("--seed", type=int, default=0, help="seed of the noise")
    simulate.add_argument(
        "--bval", type=Path, help="text file with the b-values (s/mm2); otherwise those of a usual protocol"
    )
    simulate.add_argument(
        "--noisy",
        choices=tuple(_MODES),
        default="all",
        help="all volumes (default), or only those at --noisy-b among clean ones, as some papers simulate",
    )
    simulate.add_argument(
        "--noisy-b", type=float, default=0.0, metavar="B", help="the noisy b-value among clean priors (0)"
    )
    simulate.add_argument(
        "--correlated",
        action="store_true",
        help=f"noise correlated within slices ({SCANNER_CORRELATION:g} to the next voxel), as many scanners",
    )
    simulate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the scan")
    simulate.set_defaults(run=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from napari_dwi.physics.phantoms.catalogue import SIMULATIONS
    from napari_dwi.physics.phantoms.simulated_files import save_simulated

    if not options.snr > 0:
        raise BadInputError("--snr must be positive", found=options.snr)
    noise = ScanNoise(
        mode=_MODES[options.noisy],
        noisy_b_value=options.noisy_b,
        in_plane_correlation=SCANNER_CORRELATION if options.correlated else 0.0,
    )
    simulation = SIMULATIONS[options.what]
    protocol = {} if options.bval is None else {"b_values": read_b_values(options.bval, None).values.tolist()}
    scan = simulation.simulate(snr=options.snr, seed=options.seed, noise=noise, **protocol)
    for path in save_simulated(scan, options.out):
        say(str(path))
    complain(f"{simulation.title}: SNR {options.snr:g} of the {simulation.snr_is} is sigma {scan.sigma:.4g}")
    return 0
