"""Making a saved result again from its record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import BValues, DwiSeries, Source, Volume, open_series, open_volume, resample_to
from napari_dwi.scan.allowances import allowances_of
from napari_dwi.scan.averaging import VOLUMES, take_volumes
from napari_dwi.scan.json_files import read_json
from napari_dwi.scan.reading import split_series
from napari_dwi.scan.registration import aligned


@dataclass(frozen=True)
class Recipe:
    """What a sidecar says of how its image was made."""

    method: str
    parameters: dict[str, Any]
    seed: int
    threads: int
    device: str
    b_values: BValues
    sources: tuple[tuple[str, Source], ...]


def read_recipe(sidecar: Path, *, needs_series: bool = True) -> Recipe:
    """Read how a result was made from its JSON sidecar.

    Parameters
    ----------
    sidecar : Path
        The sidecar.
    needs_series : bool
        Whether the result is to be made again, for which the series must be named.

    Raises
    ------
    BadInputError
        If the file is not the sidecar of a result, or does not name its inputs.
    """
    said = read_json(sidecar)
    try:
        origin = str(said.get("BValueOrigin", "given"))
        sources = tuple(
            (str(source["Part"]), _source(source, sidecar.parent, origin)) for source in said["Sources"]
        )
        recipe = Recipe(
            str(said["Method"]),
            dict(said["Parameters"]),
            int(said["Seed"]),
            int(said["Threads"]),
            str(said["Device"]),
            BValues(said["BValues"], said.get("BVectors"), origin),
            sources,
        )
    except (KeyError, TypeError, ValueError, OverflowError, StopIteration) as err:
        raise BadInputError(
            "this is not the sidecar of a result", file=sidecar, expected="a .json written by napari-dwi"
        ) from err
    if needs_series and not {"series", "volume"} & {part for part, _ in sources}:
        raise BadInputError(
            "the record does not say which file the series came from",
            file=sidecar,
            remedy="Save the series first and run the method on the saved file.",
        )
    return recipe


def repeat(recipe: Recipe, progress: Progress | None = None) -> Result:
    """Make a result again: same inputs, parameters, seed and threads.

    Raises
    ------
    BadInputError
        If an input is missing or is not the file it was.
    """
    method = find_method(recipe.method)
    parameters = method.parameters.from_values(recipe.parameters)
    parts: dict[str, list[Source]] = {"series": [], "volume": [], "anatomy": [], "mask": []}
    for part, source in recipe.sources:
        parts[part].append(source)
    if parts["volume"]:
        series = Inputs.of_volume(_volume(parts["volume"][0])).series
    else:
        series = _series(parts["series"][0], recipe)
    anatomy = tuple(resample_to(_volume(source), series.grid) for source in parts["anatomy"])
    mask = None
    if parts["mask"]:
        mask = resample_to(replace(_volume(parts["mask"][0]), kind="mask"), series.grid)
    images: list[DwiSeries | Volume] = [series, *anatomy, *([mask] if mask else [])]
    for (_, expected), image in zip(recipe.sources, images, strict=True):
        found = image.source
        if found is None or found.sha256 != expected.sha256:
            raise BadInputError(
                "this is not the file the result was made from",
                file=split_series(expected.path)[0],
                expected=f"SHA-256 {expected.sha256[:12]}...",
                found=None if found is None else f"{found.sha256[:12]}...",
            )
    return run_method(
        method,
        parameters,
        Inputs(series, anatomy, mask),
        seed=recipe.seed,
        device=recipe.device,
        threads=recipe.threads,
        progress=progress,
    )


def _source(said: dict[str, Any], folder: Path, origin: str) -> Source:
    acquired = said.get("AcquiredBValues")
    return Source(
        folder / said["Path"],
        str(said["SHA256"]),
        int(said["Bytes"]),
        tuple(map(str, said.get("Allowed", ()))),
        alignment=_alignment(said.get("Alignment")),
        volumes=next(volumes for volumes in VOLUMES if volumes == said.get("Volumes", "keep")),
        acquired=None if acquired is None else BValues(acquired, said.get("AcquiredBVectors"), origin),
    )


def _series(source: Source, recipe: Recipe) -> DwiSeries:
    # The b-values may have come from a file that is not beside the series.
    b_values = source.acquired or recipe.b_values
    series = open_series(source.path, bval=b_values, allow=allowances_of(source.allowed))
    return take_volumes(series, source.volumes)


def _volume(source: Source) -> Volume:
    volume = open_volume(source.path, allow=allowances_of(source.allowed))
    if source.alignment is None:
        return volume
    return aligned(volume, np.array(source.alignment), "aligned to the series as recorded")


def _alignment(rows: Any) -> tuple[tuple[float, ...], ...] | None:
    return None if rows is None else tuple(tuple(map(float, row)) for row in rows)
