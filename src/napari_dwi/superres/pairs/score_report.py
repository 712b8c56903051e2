"""Scores of pairs as files: tables, residual pictures and images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Volume
from napari_dwi.scan.file_set import check_writable, file_set
from napari_dwi.scan.json_files import read_json
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
from napari_dwi.superres.training.training_data import pairs_learnt_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_dwi.methods.method import Method
    from napari_dwi.methods.progress import Progress
    from napari_dwi.superres.pairs.pair import PairFacts
    from napari_dwi.superres.pairs.store import PairStore

SLICES, CONTRAST, HOW = "slices.tsv", "cnr.tsv", "scores.json"
BACKGROUND = "background"
_SUFFIXES = (".nii.gz", ".nii")
# Slices of a picture, where no region says which are of interest.
_DRAWN = 3
_KINDS = {
    "superres": "Super-resolved",
    "lowresidual": "High minus low resolution, zero-filled",
    "superresresidual": "High resolution minus super-resolved",
}


@dataclass(frozen=True)
class PairSummary:
    """Means over the slices of a pair; see `SliceScore`."""

    pair: str
    slices: int
    mse_low: float
    mse_made: float
    psnr_low: float
    psnr_made: float
    ssim_low: float
    ssim_made: float

    @property
    def mse_ratio(self) -> float:
        """The one mean squared error over the other: below 1 the method helps."""
        return self.mse_made / self.mse_low if self.mse_low else float("nan")


@dataclass(frozen=True)
class ScoreReport:
    """What was found.

    Parameters
    ----------
    scores : tuple of SliceScore
        Of every slice that is used.
    contrasts : tuple of ContrastScore
        Of every region in every slice that has it.
    pictures : mapping of str to Path
        The picture of the residuals of each pair, by its name.
    without_regions : tuple of str
        Pairs that have no file in the folder of regions.
    learnt_from : tuple of str
        Pairs that the network has learnt from, which flatter it.
    """

    scores: tuple[SliceScore, ...]
    contrasts: tuple[ContrastScore, ...]
    pictures: Mapping[str, Path]
    without_regions: tuple[str, ...]
    learnt_from: tuple[str, ...]

    @property
    def summary(self) -> tuple[PairSummary, ...]:
        """A row for each pair."""
        means = [one.name for one in fields(PairSummary)[2:]]
        rows = []
        for name in dict.fromkeys(one.pair for one in self.scores):
            own = [one for one in self.scores if one.pair == name]
            values = [float(np.mean([getattr(one, key) for one in own])) for key in means]
            rows.append(PairSummary(name, len(own), *values))
        return tuple(rows)


def score_pairs(
    store: PairStore,
    method: Method,
    settings: Mapping[str, str],
    out: Path,
    progress: Progress,
    *,
    names: Sequence[str] = (),
    regions_folder: Path | None = None,
    background: str = BACKGROUND,
    device: str = "auto",
    threads: int | None = None,
) -> ScoreReport:
    """Run a method on the pairs of a store and write how close it comes.

    Parameters
    ----------
    store : PairStore
        The pairs.
    method, settings : Method, mapping of str to str
        A super-resolution method, and what to set of it; the factor is that of each pair.
    out : Path
        Where to: ``slices.tsv``, ``cnr.tsv``, ``scores.json`` with what was run, and for each pair a
        picture of both residuals, the super-resolved images, and both residuals as images.
    progress : Progress
        Where to report, and to learn of a stop.
    names : sequence of str
        Only these pairs; all if empty.
    regions_folder : Path, optional
        Regions for CNR: a label image with the name of the pair, names in the JSON beside it.
    background : str
        The region that CNR is taken against.
    device, threads
        As for `napari_dwi.methods.running.run_method`.

    Raises
    ------
    BadInputError
        If there is no such pair or region, or no regions at all in the folder.
    CannotWriteError
        If the folder cannot be written.
    Stopped
        If the user asked to stop; what is finished stays.
    """
    check_writable(out)
    chosen = [store.facts_of(name) for name in names] if names else list(store.facts())
    if not chosen:
        raise BadInputError("there is no pair in this store", file=store.path, remedy="Add some first.")
    regions = _regions(regions_folder, chosen, background)
    scores: list[SliceScore] = []
    contrasts: list[ContrastScore] = []
    pictures = {}
    for n, facts in enumerate(chosen):
        part = progress.part(n, len(chosen), f"{facts.name}, ")
        parameters = method.settings().with_settings({"factor": str(facts.factor), **settings})
        images = images_of(store, facts, method, parameters, device=device, threads=threads, progress=part)
        scores += slice_scores(images)
        found = regions.get(facts.name)
        here = () if found is None else contrast_scores(images, found, background)
        contrasts += here
        pictures[facts.name] = _write_images(images, out, sorted({one.slice for one in here}))
        # After every pair, as there may be hours of work behind it.
        with file_set(out) as files:
            files.add_text(out / SLICES, _tsv(SliceScore, scores, extra="mse_ratio"))
            done = [one.name for one in chosen[: n + 1]]
            said = {
                "Method": method.name,
                "Settings": dict(settings),
                "Store": store.path.name,
                "Pairs": done,
            }
            files.add_text(out / HOW, json.dumps(said | {"Background": background}, indent=2) + "\n")
            if regions:
                files.add_text(out / CONTRAST, _tsv(ContrastScore, contrasts))
    missing = tuple(facts.name for facts in chosen if facts.name not in regions) if regions else ()
    learnt = _learnt_from(chosen, settings.get("checkpoint", ""))
    return ScoreReport(tuple(scores), tuple(contrasts), pictures, missing, learnt)


def _learnt_from(chosen: Sequence[PairFacts], checkpoint: str) -> tuple[str, ...]:
    if not checkpoint:
        return ()
    about = read_json(Path(checkpoint).with_suffix(".json")).get("About")
    return pairs_learnt_from(chosen, about if isinstance(about, dict) else {})


def _regions(folder: Path | None, chosen: Sequence[PairFacts], background: str) -> dict[str, Regions]:
    if folder is None:
        return {}
    found = {}
    for facts in chosen:
        files = [path for suffix in _SUFFIXES if (path := folder / f"{facts.name}{suffix}").is_file()]
        if files:
            found[facts.name] = read_regions(files[0])
            names = found[facts.name].names.values()
            if background not in names:
                raise BadInputError(
                    f"there is no region called {background}",
                    file=files[0],
                    expected="one of " + ", ".join(names),
                    remedy="Name the background as it is called there.",
                )
    if not found:
        raise BadInputError(
            "no regions for any of these pairs",
            file=folder,
            expected=f"files such as {chosen[0].name}.nii.gz",
            remedy="Draw regions on either scan of a pair, and save them under the name of the pair.",
        )
    return found


def _write_images(images: PairImages, out: Path, slices: Sequence[int]) -> Path:
    facts, used = images.facts, images.facts.used
    drawn = slices or sorted({used[(2 * n + 1) * len(used) // (2 * _DRAWN)] for n in range(_DRAWN)})
    picture = residual_picture(images, drawn)
    arrays = images.made, images.high - images.zero_filled, images.high - images.made

    def write(file: BinaryIO) -> None:
        file.write(picture)

    drawing = out / f"{facts.name}_residuals.png"
    with file_set(out) as files:
        for (label, said), array in zip(_KINDS.items(), arrays, strict=True):
            volume = Volume(array, facts.grid_high, "residual" if "residual" in label else "anatomy")
            path = out / f"{facts.name}_desc-{label}_image.nii.gz"
            add_image(files, volume, path, sidecar={"Description": said, "Pair": facts.name})
        files.add(drawing, write)
    return drawing


def _tsv(kind: type, rows: Sequence[Any], extra: str = "") -> str:
    names = [one.name for one in fields(kind)] + [extra] * bool(extra)
    lines = ["\t".join(names)]
    lines += ["\t".join(_cell(getattr(row, name)) for name in names) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "n/a"
    return str(value)
