"""Trained networks are kept, so that a protocol is trained for once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from napari_dwi.errors import BadInputError, CannotWriteError, MethodFailedError
from napari_dwi.fit._network_files import TrainedNetwork, digest_of, read_network, write_network
from napari_dwi.fit._network_recipe import Recipe
from napari_dwi.methods.progress import Progress

CACHE_VARIABLE = "NAPARI_DWI_CACHE"

# Seconds on one core, about: of a training step of one network, of each further one, and of a label.
_STEP, _FURTHER, _LABEL = 2e-4, 4e-5, 1e-4


@dataclass(frozen=True, eq=False)
class Found:
    """A network, and what the user should know of how it came here."""

    trained: TrainedNetwork
    notes: tuple[str, ...] = ()


def network_folder() -> Path:
    """Where networks are kept for this user; NAPARI_DWI_CACHE names another folder of caches."""
    named = os.environ.get(CACHE_VARIABLE)
    cache = Path(named) if named else platformdirs.user_cache_path("napari-dwi", appauthor=False)
    return cache / "networks"


def kept_path(recipe: Recipe) -> Path:
    """The file that the network of a recipe is kept in, whether there is one or not."""
    return network_folder() / f"{recipe.model}-{recipe.digest[:20]}.safetensors"


def kept_network(recipe: Recipe, progress: Progress) -> Found:
    """The network of a recipe: the one kept, or trained now and kept.

    A file that cannot be used is replaced by a network trained anew; that files cannot be written does
    no harm but to the next fit. Both are noted.

    Parameters
    ----------
    recipe : Recipe
        How the network is trained.
    progress : Progress
        Where to report, and to learn of a stop.

    Raises
    ------
    BadInputError
        If the training voxels cannot be labelled.
    MethodFailedError
        If training came to nothing.
    """
    path = kept_path(recipe)
    notes: tuple[str, ...] = ()
    if path.exists():
        try:
            return Found(read_network(path, recipe))
        except BadInputError as err:
            notes = (f"a kept network could not be used and was trained again: {err}",)
    costs = [0.0 if recipe.start is None else _cost(recipe.start), *_own_costs(recipe)]
    of_start, of_voxels, of_training = _parts(progress, costs)
    start = None
    if recipe.start is not None:
        found = kept_network(recipe.start, of_start)
        start, notes = found.trained.network, notes + found.notes
    from napari_dwi.fit._network_training import train
    from napari_dwi.fit._network_voxels import training_voxels

    voxels = training_voxels(recipe, of_voxels)
    network, loss = train(recipe, voxels, start, of_training)
    if not loss < float("inf"):
        raise MethodFailedError(
            "the network did not learn anything", remedy="Lower the learning rate or the loss weights."
        )
    trained = TrainedNetwork(network, digest_of(network), loss)
    try:
        write_network(trained, recipe, path)
    except CannotWriteError as err:
        notes += (f"the network could not be kept for the next fit: {err}",)
    return Found(trained, notes)


def _own_costs(recipe: Recipe) -> tuple[float, float]:
    labels = recipe.voxels * (_LABEL if recipe.alpha > 0 else 0.02 * _LABEL)
    return labels, recipe.steps * (_STEP + _FURTHER * (recipe.restarts - 1))


def _cost(recipe: Recipe) -> float:
    return sum(_own_costs(recipe)) + (0.0 if recipe.start is None else _cost(recipe.start))


def _parts(progress: Progress, costs: list[float]) -> list[Progress]:
    """Progress of steps that take these shares of the time."""
    parts, start = [], progress.start
    for cost in costs:
        stop = start + (progress.stop - progress.start) * cost / sum(costs)
        parts.append(replace(progress, start=start, stop=stop))
        start = stop
    return parts
