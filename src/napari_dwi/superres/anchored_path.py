"""Anchored-path diffusion: from the zero-filled slice to a sharp one in a few steps of a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import choice, file_path, noise_level, number, whole
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

    from napari_dwi.superres.diffusion.anchored_path import Start
    from napari_dwi.superres.diffusion.path_config import PathConfig
    from napari_dwi.superres.training.checkpoint import Checkpoint

_SAMPLED, _ANCHOR = "sampled", "anchor"
_CAUTION = (
    "network-enhanced: a network can only make likely what it has learnt, and more steps make images "
    "sharper but not truer; compare with zero-fill before reading fine structure"
)
_SPREAD_CAUTION = (
    "the SD map tells how much the network's own images differ; it knows nothing of what the network has "
    "never seen"
)


@dataclass(frozen=True, kw_only=True)
class AnchoredPathParameters(SuperresParameters):
    """Parameters of anchored-path diffusion."""

    factor: int = factor_of_network()
    noise_sigma: float = noise_level()
    steps: int = whole(
        5,
        low=1,
        high=10_000,
        help="How often the network is asked, up to the steps of its path. More: sharper, noisier, slower.",
    )
    samples: int = whole(
        0,
        low=0,
        high=1000,
        help="Random images for a map of their standard deviation; 0 or 1 makes none.",
    )
    checkpoint: str = file_path(
        help="A network trained on a path (.safetensors with its .json); none takes the one that comes along."
    )
    eta: float = number(
        1.0,
        low=0,
        high=1,
        help="Share of their noise that random images draw anew at each step.",
        advanced=True,
    )
    start: str = choice(
        _SAMPLED,
        (_SAMPLED, _ANCHOR),
        help="Random images begin with the scan and noise (sampled), as in training, or the scan alone.",
        advanced=True,
    )


def _prepare(parameters: AnchoredPathParameters, _context: Context) -> Enhancer:
    from napari_dwi.superres.training.checkpoint import read_checkpoint
    from napari_dwi.superres.training.shipped import shipped_path_checkpoint

    if parameters.checkpoint:
        checkpoint = read_checkpoint(Path(parameters.checkpoint), factor=parameters.factor)
    else:
        checkpoint = shipped_path_checkpoint(parameters.factor)
    path = checkpoint.config.path
    if path is None:
        raise BadInputError(
            "this network was not trained on an anchored path",
            file=parameters.checkpoint,
            remedy="Choose the method network for it.",
        )
    _check_walk(parameters, path)
    low, high = checkpoint.noise_range
    said = {
        "Steps": path.n_steps,
        "BetaOverResiduals": path.beta,
        "CriticalBetaOverResiduals": round(path.critical_beta, 6),
    }
    facts = {
        "Network": {"SHA256": checkpoint.sha256, "NoiseRange": [low, high], **checkpoint.about},
        "Path": said,
    }
    is_random = parameters.samples > 1
    return Enhancer(
        partial(_enhance, checkpoint),
        "network-enhanced",
        facts,
        (_CAUTION, _SPREAD_CAUTION) if is_random else (_CAUTION,),
        spread=partial(_spread, checkpoint) if is_random else None,
        spread_times=parameters.samples if is_random else 0,
    )


def _check_walk(parameters: AnchoredPathParameters, path: PathConfig) -> None:
    if parameters.steps > path.last_step:
        raise BadInputError(
            "more steps than the path of this network has",
            expected=f"up to {path.last_step} steps",
            found=parameters.steps,
        )
    if (
        parameters.samples > 1
        and parameters.start == _ANCHOR
        and (parameters.eta == 0 or parameters.steps == 1)
    ):
        raise BadInputError(
            "nothing is random in these images, so that all would be the same",
            expected="start=sampled, or more than one step and an eta above 0",
            found=f"start={_ANCHOR}, {parameters.steps} steps, eta {parameters.eta:g}",
        )


def _enhance(
    checkpoint: Checkpoint, volume: FineVolume, parameters: AnchoredPathParameters, context: Context
) -> NDArray[np.float32]:
    from napari_dwi.superres.diffusion._walking import Walker

    scale, noise_sd = network_units(volume, checkpoint.noise_range)
    return Walker(checkpoint, noise_sd, context).image(volume.image / scale, parameters.steps) * scale


def _spread(
    checkpoint: Checkpoint, volume: FineVolume, parameters: AnchoredPathParameters, context: Context
) -> NDArray[np.float32]:
    from napari_dwi.superres.diffusion._walking import Walk, Walker

    scale, noise_sd = network_units(volume, checkpoint.noise_range)
    walk = Walk(parameters.steps, parameters.eta, cast("Start", parameters.start))
    walker = Walker(checkpoint, noise_sd, context)
    return walker.spread(volume.image / scale, walk, parameters.samples) * scale


METHOD = Method(
    name="anchored-path",
    title="Anchored-path diffusion (APDDM)",
    task="superres",
    summary=(
        "Zero-filling, then a small network that goes from the scan to a sharper image in several steps. On "
        "request a map of how much images drawn at random differ. It can only make things likely."
    ),
    reference=(
        "Conejo Rupp, De Poortere, De Mits et al., Development of a Deep Learning Denoising and "
        "Super-Resolution Framework for Micro-MRI, 2025, with equation 31 corrected; way back from the "
        "Gaussian bridge"
    ),
    parameters=AnchoredPathParameters,
    run=super_resolver("anchored path", _prepare),
    context_slices=0,
)
