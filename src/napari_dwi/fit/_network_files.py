"""Trained voxel networks as files: weights as safetensors, and JSON that says what they are.

The weights are numbers and nothing else: reading them runs no code, whatever the file holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._network import VoxelNetwork
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
    from safetensors.numpy import save

    tensors = {"scale": network.scale}
    for n, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"weight{n}": weight, f"bias{n}": bias}
    return save({name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()})


def digest_of(network: VoxelNetwork) -> str:
    """SHA-256 of the weights as a file."""
    return hashlib.sha256(packed(network)).hexdigest()


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
    data = _read(path)
    digest = hashlib.sha256(data).hexdigest()
    if digest != said.get("SHA256"):
        raise BadInputError(
            "the weights are not those that were trained",
            file=path,
            expected=f"SHA-256 {str(said.get('SHA256'))[:12]}...",
            found=f"{digest[:12]}...",
        )
    return TrainedNetwork(_unpacked(data, recipe, path), digest, float(loss))


def _put(file: Any, data: bytes) -> None:
    file.write(data)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _LARGEST_BYTES:
            raise BadInputError("too large for a voxel network", file=path, found=f"{size} bytes")
        return path.read_bytes()
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err


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
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError) as err:
        raise BadInputError("these are not weights", file=file, expected="safetensors") from err
    sizes = [len(recipe.b_values), *[recipe.width] * recipe.layers, len(recipe.ranges)]
    shapes: dict[str, tuple[int, ...]] = {"scale": (sizes[-1],)}
    for n, (n_in, n_out) in enumerate(pairwise(sizes)):
        shapes |= {f"weight{n}": (n_in, n_out), f"bias{n}": (n_out,)}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != shapes or any(tensor.dtype != np.float32 for tensor in tensors.values()):
        raise BadInputError("these are the weights of another network", file=file)
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise BadInputError("some weights are not numbers", file=file)
    n_layers = len(sizes) - 1
    return VoxelNetwork(
        tuple(tensors[f"weight{n}"] for n in range(n_layers)),
        tuple(tensors[f"bias{n}"] for n in range(n_layers)),
        tensors["scale"],
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
