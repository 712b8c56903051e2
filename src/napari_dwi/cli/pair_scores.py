"""``pairs score``: what a method makes of pairs, beside both scans, with the CNR of regions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.cli.methods import check_threads, settings_of
from napari_dwi.cli.output import complain, say, table, terminal_progress
from napari_dwi.cli.superresolving import add_checkpoint_option, with_checkpoint
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.registry import find_method
from napari_dwi.superres.pairs.score_report import BACKGROUND, score_pairs
from napari_dwi.superres.pairs.store import PairStore

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.score_report import PairSummary
    from napari_dwi.superres.pairs.scoring import ContrastScore

_HEADER = ("pair", "slices", "MSE low", "MSE made", "ratio", "PSNR", "SSIM")
_CONTRAST_HEADER = ("subject", "plane", "slice", "region", "CNR low", "CNR made", "CNR high")


def add_score_action(actions: Any) -> None:
    """Add the action to those of ``pairs``."""
    score = actions.add_parser("score", help="run a method on pairs and compare it with both scans")
    score.add_argument("store", type=Path, metavar="STORE")
    score.add_argument("--method", default="network", metavar="M", help="a super-resolution method (network)")
    score.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a parameter")
    add_checkpoint_option(score)
    score.add_argument("--pairs", nargs="+", default=[], metavar="NAME", help="only these")
    score.add_argument(
        "--rois", type=Path, metavar="FOLDER", help="regions for CNR: NAME.nii.gz and NAME.json for each pair"
    )
    score.add_argument(
        "--background", default=BACKGROUND, metavar="REGION", help="the region CNR is taken against"
    )
    score.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    score.add_argument("--threads", type=int, help="CPU threads")
    score.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of tables and images")
    score.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    check_threads(options.threads)
    method = find_method(options.method, "superres")
    settings = settings_of([*options.set, *with_checkpoint(method, options.checkpoint)])
    with terminal_progress() as progress:
        report = score_pairs(
            PairStore(options.store),
            method,
            settings,
            options.out,
            progress,
            names=options.pairs,
            regions_folder=options.rois,
            background=options.background,
            device=options.device,
            threads=options.threads,
        )
    for name in report.without_regions:
        complain(f"! {name}: no {name}.nii.gz in {options.rois.name}, so no CNR")
    if report.learnt_from:
        complain(f"! the network has learnt from {', '.join(report.learnt_from)}: their scores flatter it")
    say(table(_HEADER, [_row(one) for one in report.summary]))
    if report.contrasts:
        say("")
        say(table(_CONTRAST_HEADER, [_contrast_row(one) for one in report.contrasts]))
    return 0


def _row(one: PairSummary) -> Sequence[str]:
    return (
        one.pair,
        str(one.slices),
        f"{one.mse_low:.4g}",
        f"{one.mse_made:.4g}",
        f"{one.mse_ratio:.3f}",
        f"{one.psnr_low:.2f} -> {one.psnr_made:.2f}",
        f"{one.ssim_low:.3f} -> {one.ssim_made:.3f}",
    )


def _contrast_row(one: ContrastScore) -> Sequence[str]:
    numbers = (f"{cnr:.2f}" for cnr in (one.cnr_low, one.cnr_made, one.cnr_high))
    return (one.subject, one.plane, str(one.slice), one.region, *numbers)
