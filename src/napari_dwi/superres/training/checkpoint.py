"""Trained super-resolution networks as files: safetensors, and JSON that says what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.errors import BadInputError
from napari_dwi.methods import weight_files
from napari_dwi.methods.provenance import software_versions
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training.config import NetworkConfig

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

    from napari_dwi.scan.file_set import FileSet

# What the folder of a run calls its network.
NETWORK = "network.safetensors"

_WHAT = "napari-dwi super-resolution network"
_LARGEST_BYTES = 1_000_000_000


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network with what is known of it.

    Parameters
    ----------
    config : NetworkConfig
        Which network.
    weights : mapping of str to ndarray, float32
        Its weights, by the names PyTorch gives them.
    noise_range : (float, float)
        Lowest and highest noise it was trained with, in units of the brightest tissue.
    about : mapping
        How it was trained and how good it is; ready for JSON.
    sha256 : str
        SHA-256 of its weights as a file; empty before it is one.
    """

    config: NetworkConfig
    weights: Mapping[str, NDArray[np.float32]]
    noise_range: tuple[float, float]
    about: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write both files of a network, or neither.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    path : Path
        The file of the weights, ending in ``.safetensors``; the JSON lies beside it.

    Raises
    ------
    CannotWriteError
        If they cannot be written.
    """
    with file_set(path.parent) as files:
        add_checkpoint(files, checkpoint, path)


def add_checkpoint(files: FileSet, checkpoint: Checkpoint, path: Path) -> None:
    """Add both files of a network to a set of files; as `write_checkpoint`."""
    data = weight_files.pack_weights(checkpoint.weights)

    def write(file: BinaryIO) -> None:
        file.write(data)

    said = {
        "Description": _WHAT,
        "SHA256": weight_files.digest_of(data),
        "Network": to_json(checkpoint.config),
        "NoiseRange": list(checkpoint.noise_range),
        "About": dict(checkpoint.about),
        "SoftwareVersions": software_versions(),
    }
    files.add(path, write)
    files.add_text(path.with_suffix(".json"), json.dumps(said, indent=2) + "\n")


def read_checkpoint(path: Path, *, factor: int | None = None) -> Checkpoint:
    """Read a network.

    Parameters
    ----------
    path : Path
        The file of the weights; its JSON lies beside it.
    factor : int, optional
        The factor of resolution it must have been trained for.

    Raises
    ------
    BadInputError
        If the files cannot be read, do not belong together, hold no such network or one that was
        trained for another factor, or if weights are missing or not finite.
    """
    # First, so that a pickle is called one whatever lies beside it.
    data = weight_files.read_weight_bytes(path, _LARGEST_BYTES)
    beside = path.with_suffix(".json")
    said = read_json(beside)
    if said.get("Description") != _WHAT:
        raise BadInputError("this does not describe a super-resolution network", file=beside, expected=_WHAT)
    config = from_json(NetworkConfig, said.get("Network"), beside)
    noise = said.get("NoiseRange")
    if not (isinstance(noise, list) and len(noise) == 2 and all(isinstance(n, int | float) for n in noise)):
        raise BadInputError("the noise it was trained with is not told", file=beside, expected="two numbers")
    if factor is not None and factor != config.factor:
        raise BadInputError(
            "this network was trained for another factor of resolution",
            file=path,
            expected=f"factor {factor}",
            found=f"factor {config.factor}",
            remedy=f"Set factor={config.factor}, or choose another network.",
        )
    digest = weight_files.check_digest(data, said.get("SHA256"), path)
    weights = weight_files.unpack_weights(data, _shapes_of(config), path)
    about = said.get("About")
    return Checkpoint(
        config, weights, (float(noise[0]), float(noise[1])), about if isinstance(about, dict) else {}, digest
    )


def _shapes_of(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    import torch

    from napari_dwi.superres.training._unet import UNet

    with torch.device("meta"):
        network = UNet(config)
    return {name: tuple(one.shape) for name, one in network.state_dict().items()}
