"""``pairs score``: what a method makes of pairs, beside both scans, with the CNR of regions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_dwi.cli.methods import check_threads, settings_of
from napari_dwi.cli.output import complain, say, table, terminal_progress
from napari_dwi.cli.superresolving import add_checkpoint_option, with_checkpoint
from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.registry import find_method
from napari_dwi.scan import Volume
from napari_dwi.scan.file_set import check_writable, file_set
from napari_dwi.scan.regions import Regions, read_regions
from napari_dwi.scan.writing import add_image
from napari_dwi.superres.pairs.residual_picture import residual_picture
from napari_dwi.superres.pairs.scoring import (
    ContrastScore,
    PairImages,
    SliceScore,
    contrast_scores,
    images_of,
    slice_scores,
)
from napari_dwi.superres.pairs.store import PairStore

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.pair import PairFacts

SLICES, CONTRAST = "slices.tsv", "cnr.tsv"
_SUFFIXES = (".nii.gz", ".nii")
# Slices of a picture, where no region says which are of interest.
_DRAWN = 3
_CONTRAST_HEADER = ("subject", "plane", "slice", "region", "CNR low", "CNR made", "CNR high")


def add_score_action(actions: Any) -> None:
    """Add the action to those of ``pairs``."""
    score = actions.add_parser("score", help="run a method on pairs and compare it with both scans")
    score.add_argument("store", type=Path, metavar="STORE")
    score.add_argument("--method", default="network", metavar="M", help="a super-resolution method (network)")
    score.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a parameter")
    add_checkpoint_option(score)
    score.add_argument("--pairs", nargs="+", metavar="NAME", help="only these")
    score.add_argument(
        "--rois",
        type=Path,
        metavar="FOLDER",
        help="regions for CNR: NAME.nii.gz and NAME.json for each pair",
    )
    score.add_argument(
        "--background", default="background", metavar="REGION", help="the region CNR is taken against"
    )
    score.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    score.add_argument("--threads", type=int, help="CPU threads")
    score.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of tables and images")
    score.set_defaults(run=_score)


def _score(options: argparse.Namespace) -> int:
    check_threads(options.threads)
    check_writable(options.out)
    method = find_method(options.method, "superres")
    settings = settings_of([*options.set, *with_checkpoint(method, options.checkpoint)])
    store = PairStore(options.store)
    chosen = [store.facts_of(name) for name in options.pairs] if options.pairs else list(store.facts())
    if not chosen:
        raise BadInputError("there is no pair in this store", file=store.path, remedy="Add some first.")
    regions = _regions(options.rois, chosen)
    scores: list[SliceScore] = []
    contrasts: list[ContrastScore] = []
    with terminal_progress() as progress:
        for n, facts in enumerate(chosen):
            parameters = method.settings().with_settings({"factor": str(facts.factor), **settings})
            images = images_of(
                store,
                facts,
                method,
                parameters,
                device=options.device,
                threads=options.threads,
                progress=progress.part(n, len(chosen), f"{facts.name}, "),
            )
            scores += slice_scores(images)
            found = regions.get(facts.name)
            here = () if found is None else contrast_scores(images, found, options.background)
            contrasts += here
            _write_images(images, options.out, sorted({one.slice for one in here}))
    with file_set(options.out) as files:
        files.add_text(options.out / SLICES, _tsv(SliceScore, scores, extra="mse_ratio"))
        if regions:
            files.add_text(options.out / CONTRAST, _tsv(ContrastScore, contrasts))
    say(table(("pair", "slices", "MSE low", "MSE made", "ratio", "PSNR", "SSIM"), _summary(scores)))
    if contrasts:
        say("")
        say(table(_CONTRAST_HEADER, [_contrast_row(one) for one in contrasts]))
    return 0


def _regions(folder: Path | None, chosen: Sequence[PairFacts]) -> dict[str, Regions]:
    if folder is None:
        return {}
    found = {}
    for facts in chosen:
        files = [path for suffix in _SUFFIXES if (path := folder / f"{facts.name}{suffix}").is_file()]
        if files:
            found[facts.name] = read_regions(files[0])
        else:
            complain(f"! {facts.name}: no {facts.name}.nii.gz in {folder.name}, so no CNR")
    if not found:
        raise BadInputError(
            "no regions for any of these pairs",
            file=folder,
            expected=f"files such as {chosen[0].name}.nii.gz",
            remedy="Draw regions on either scan of a pair, and save them under the name of the pair.",
        )
    return found


def _write_images(images: PairImages, out: Path, slices: Sequence[int]) -> None:
    facts = images.facts
    used = facts.used
    drawn = slices or sorted({used[(2 * n + 1) * len(used) // (2 * _DRAWN)] for n in range(_DRAWN)})
    picture = residual_picture(images, drawn)

    def write(file: BinaryIO) -> None:
        file.write(picture)

    with file_set(out) as files:
        for label, image, said in (
            ("superres", images.made, "Super-resolved"),
            ("lowresidual", images.high - images.zero_filled, "High minus low resolution, zero-filled"),
            ("superresresidual", images.high - images.made, "High resolution minus super-resolved"),
        ):
            kind = "anatomy" if label == "superres" else "residual"
            volume = Volume(image, facts.grid_high, kind, name=f"{facts.name} {label}")  # type: ignore[arg-type]
            path = out / f"{facts.name}_desc-{label}_image.nii.gz"
            add_image(files, volume, path, sidecar={"Description": said, "Pair": facts.name})
        files.add(out / f"{facts.name}_residuals.png", write)


def _tsv(kind: type, rows: Sequence[Any], extra: str = "") -> str:
    names = [one.name for one in fields(kind)] + [extra] * bool(extra)
    lines = ["\t".join(names)]
    lines += ["\t".join(_cell(getattr(row, name)) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "n/a"
    return str(value)


def _summary(scores: Sequence[SliceScore]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for name in dict.fromkeys(one.pair for one in scores):
        own = [one for one in scores if one.pair == name]
        mse, psnr, ssim = (
            [float(np.mean([getattr(one, f"{figure}_{which}") for one in own])) for which in ("low", "made")]
            for figure in ("mse", "psnr", "ssim")
        )
        ratio = f"{mse[1] / mse[0]:.3f}" if mse[0] else "n/a"
        changes = f"{psnr[0]:.2f} -> {psnr[1]:.2f}", f"{ssim[0]:.3f} -> {ssim[1]:.3f}"
        rows.append((name, str(len(own)), f"{mse[0]:.4g}", f"{mse[1]:.4g}", ratio, *changes))
    return rows


def _contrast_row(one: ContrastScore) -> tuple[str, ...]:
    return (
        one.subject,
        one.plane,
        str(one.slice),
        one.region,
        *(f"{cnr:.2f}" for cnr in (one.cnr_low, one.cnr_made, one.cnr_high)),
    )
