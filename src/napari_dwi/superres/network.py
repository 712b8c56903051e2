"""A network that removes noise and sharpens edges of zero-filled slices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import file_path, noise_level
from napari_dwi.superres._network_units import network_units
from napari_dwi.superres._super_resolving import (
    Enhancer,
    FineVolume,
    SuperresParameters,
    factor_of_network,
    super_resolver,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_dwi.superres.training.checkpoint import Checkpoint

_CAUTION = (
    "network-enhanced: a network can only make likely what it has learnt; compare with zero-fill before "
    "reading fine structure"
)


@dataclass(frozen=True, kw_only=True)
class NetworkParameters(SuperresParameters):
    """Parameters of the network."""

    factor: int = factor_of_network()
    noise_sigma: float = noise_level()
    checkpoint: str = file_path(
        help="A trained network (.safetensors with its .json); none takes the one that comes along."
    )


def _prepare(parameters: NetworkParameters, _context: Context) -> Enhancer:
    from napari_dwi.superres.training.checkpoint import read_checkpoint
    from napari_dwi.superres.training.shipped import shipped_checkpoint

    if parameters.checkpoint:
        checkpoint = read_checkpoint(Path(parameters.checkpoint), factor=parameters.factor)
        if checkpoint.config.path is not None:
            raise BadInputError(
                "this network walks an anchored path",
                file=parameters.checkpoint,
                remedy="Choose the method anchored-path for it.",
            )
    else:
        checkpoint = shipped_checkpoint(parameters.factor)
    low, high = checkpoint.noise_range
    facts = {"Network": {"SHA256": checkpoint.sha256, "NoiseRange": [low, high], **checkpoint.about}}
    return Enhancer(partial(_enhance, checkpoint), "network-enhanced", facts, (_CAUTION,))


def _enhance(
    checkpoint: Checkpoint, volume: FineVolume, _parameters: NetworkParameters, context: Context
) -> NDArray[np.float32]:
    from napari_dwi.superres._inference import enhanced

    scale, noise_sd = network_units(volume, checkpoint.noise_range)
    return enhanced(checkpoint, volume.image / scale, noise_sd, context) * scale


METHOD = Method(
    name="network",
    title="Network (trained on shapes)",
    task="superres",
    summary=(
        "Zero-filling and non-local means, then a small network that is told the noise level and has learnt "
        "from simulated scans of shapes, never from a patient, what is missing. Compare it with "
        "zero-filling; it can only make things likely."
    ),
    reference=(
        "U-Net as Ronneberger et al., MICCAI 2015; noise level as an input as Zhang et al., FFDNet, IEEE "
        "Trans Image Process 27 (2018) 4608-4622"
    ),
    parameters=NetworkParameters,
    run=super_resolver("network", _prepare),
    context_slices=0,
)
