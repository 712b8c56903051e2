"""Trained voxel networks as files: weights as safetensors, and JSON that says what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.errors import BadInputError
from napari_dwi.fit._network import VoxelNetwork
from napari_dwi.methods import weight_files
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.json_files import read_json

if TYPE_CHECKING:
    from napari_dwi.fit._network_recipe import Recipe

# The largest network that can be declared takes a tenth of it.
_LARGEST_BYTES = 100_000_000
_WHAT = "napari-dwi voxel network"


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network with what is known of it.

    Parameters
    ----------
    network : VoxelNetwork
        The network.
    sha256 : str
        SHA-256 of its weights as a file, in hexadecimal digits.
    held_out_loss : float
        Its loss for voxels it was not trained on.
    """

    network: VoxelNetwork
    sha256: str
    held_out_loss: float


def packed(network: VoxelNetwork) -> bytes:
    """The weights as the bytes of a safetensors file; the same weights give the same bytes."""
    tensors = {"scale": network.scale}
    for n, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"weight{n}": weight, f"bias{n}": bias}
    return weight_files.pack_weights(tensors)


def digest_of(network: VoxelNetwork) -> str:
    """SHA-256 of the weights as a file."""
    return weight_files.digest_of(packed(network))


def write_network(trained: TrainedNetwork, recipe: Recipe, path: Path) -> None:
    """Write both files of a network, or neither.

    Parameters
    ----------
    trained : TrainedNetwork
        The network.
    recipe : Recipe
        How it was trained.
    path : Path
        The file of the weights, ending in ``.safetensors``; the JSON lies beside it.

    Raises
    ------
    CannotWriteError
        If they cannot be written.
    """
    said = {
        "Description": _WHAT,
        "SHA256": trained.sha256,
        "HeldOutLoss": trained.held_out_loss,
        "Recipe": recipe.as_json(),
    }
    with file_set(path.parent) as files:
        files.add(path, lambda file: _put(file, packed(trained.network)))
        files.add_text(path.with_suffix(".json"), json.dumps(said, indent=2) + "\n")


def read_network(path: Path, recipe: Recipe) -> TrainedNetwork:
    """Read a network that was trained in a known way.

    Parameters
    ----------
    path : Path
        The file of the weights; its JSON lies beside it.
    recipe : Recipe
        How the network must have been trained.

    Raises
    ------
    BadInputError
        If the files cannot be read, do not belong together, are not such a network, or it was trained
        in another way, as for other b-values.
    """
    beside = path.with_suffix(".json")
    said = read_json(beside)
    loss = said.get("HeldOutLoss")
    if said.get("Description") != _WHAT or not isinstance(loss, int | float):
        raise BadInputError("this does not describe a voxel network", file=beside, expected=_WHAT)
    _check_recipe(said.get("Recipe"), recipe, beside)
    data = weight_files.read_weight_bytes(path, _LARGEST_BYTES)
    digest = weight_files.check_digest(data, said.get("SHA256"), path)
    return TrainedNetwork(_unpacked(data, recipe, path), digest, float(loss))


def _put(file: Any, data: bytes) -> None:
    file.write(data)


def _check_recipe(said: Any, recipe: Recipe, file: Path) -> None:
    expected = recipe.as_json()
    found = said if isinstance(said, dict) else {}
    for key, value in expected.items():
        if found.get(key) != value:
            raise BadInputError(
                f"the network was trained for other {key.replace('_', ' ')}",
                file=file,
                expected=_short(value),
                found=_short(found.get(key)),
                remedy="Train one for this protocol.",
            )


def _unpacked(data: bytes, recipe: Recipe, file: Path) -> VoxelNetwork:
    sizes = [len(recipe.b_values), *[recipe.width] * recipe.layers, len(recipe.ranges)]
    shapes: dict[str, tuple[int, ...]] = {"scale": (sizes[-1],)}
    for n, (n_in, n_out) in enumerate(pairwise(sizes)):
        shapes |= {f"weight{n}": (n_in, n_out), f"bias{n}": (n_out,)}
    tensors = weight_files.unpack_weights(data, shapes, file)
    n_layers = len(sizes) - 1
    return VoxelNetwork(
        tuple(tensors[f"weight{n}"] for n in range(n_layers)),
        tuple(tensors[f"bias{n}"] for n in range(n_layers)),
        tensors["scale"],
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
