"""BL-INR: a band-limited implicit neural representation, trained on the scan itself.

For every volume a small network learns to predict each voxel from its position, encoded with
frequencies up to a cut-off, and from the patches around it in the other b-values and the anatomy.
Anatomy is common to these images and noise is not, so what the network can learn is mostly signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser, outside_the_mask
from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice, flag, number, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODINGS = ("band-limited", "coordinates", "fourier", "random fourier", "hash", "wavelet", "none")
ONE_EACH = "one per volume"
SHARED = "one for all"
WHOLE_PATCHES = "whole"


@dataclass(frozen=True, kw_only=True)
class BlInrParameters(DenoiseParameters):
    """Parameters of BL-INR; the defaults are the balanced settings, ``paper`` is the paper's own."""

    use_b_values: bool = flag(True, help="Learn from the other volumes of the series.")
    use_anatomy: bool = flag(True, help="Learn from the anatomical images.")
    ensemble: int = whole(
        4,
        low=1,
        high=32,
        help="Networks that are averaged; each is checked on other voxels, and their SD is a map of its own.",
    )
    encoding: str = choice(
        "band-limited", ENCODINGS, help="How the network is told where a voxel lies.", advanced=True
    )
    omega_max: float = number(
        20.0, low=2, high=200, help="Cut-off frequency of the position encoding.", advanced=True
    )
    n_frequencies: int = whole(
        20, low=2, high=128, help="Frequencies between 1 and the cut-off.", advanced=True
    )
    patch_size: int = whole(
        3,
        low=1,
        high=9,
        unit="voxels",
        help="Edge of the patches of other images; odd. Larger forgives shifts.",
        advanced=True,
    )
    b_value_patches: str = choice(
        "centre and mean",
        ("centre and mean", WHOLE_PATCHES),
        help="What of the patches of other b-values, which are noisy, the network sees.",
        advanced=True,
    )
    own_neighbours: str = choice(
        "auto",
        ("auto", "all", "other slices", "none"),
        help="Neighbours of a voxel in its own volume that help to predict it; auto leaves out those whose "
        "noise is alike.",
        advanced=True,
    )
    linear_start: bool = flag(
        True, help="Begin with a linear prediction, and let the network learn what it misses.", advanced=True
    )
    standardised: bool = flag(
        True, help="Give all that the network sees of images the same spread.", advanced=True
    )
    networks: str = choice(
        ONE_EACH, (ONE_EACH, SHARED), help="Whether each volume has a network of its own.", advanced=True
    )
    width: int = whole(128, low=4, high=4096, help="Units in each hidden layer.", advanced=True)
    steps: int = whole(
        1000, low=0, high=1_000_000, help="Most training steps; 0 counts in epochs instead.", advanced=True
    )
    epochs: int = whole(
        20, low=1, high=1000, help="Passes over the training voxels, if steps is 0.", advanced=True
    )
    batch_size: int = whole(
        1024, low=16, high=1_048_576, unit="voxels", help="Voxels in one training step.", advanced=True
    )
    learning_rate: float = number(
        4e-4, low=1e-6, high=1.0, help="Of Adam at the start; falls as a cosine.", advanced=True
    )
    averaging: float = number(
        0.99,
        low=0.0,
        high=0.9999,
        help="How much of the averaged weights each step leaves; 0 does not average.",
        advanced=True,
    )
    held_out: float = number(
        0.2,
        low=0.0,
        high=0.5,
        help="Share of voxels kept aside to find the step after which only noise is learnt; 0 is none.",
        advanced=True,
    )
    mixed_precision: bool = flag(
        False,
        help="Compute hidden layers with 16-bit numbers where the processor has them. Networks of 1024 units "
        "take half the time, small ones gain nothing.",
        advanced=True,
    )
    foreground_only: bool = flag(
        True, help="Work on the body (or mask) and little of the rest, not on all voxels.", advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size % 2 == 0:
            raise BadInputError(
                "parameter patch_size cannot be used", expected="an odd number", found=self.patch_size
            )


_PAPER = {
    "ensemble": 1,
    "b_value_patches": WHOLE_PATCHES,
    "own_neighbours": "none",
    "linear_start": False,
    "standardised": False,
    "width": 1024,
    "steps": 0,
    "averaging": 0.0,
    "held_out": 0.0,
    "foreground_only": False,
}


def _denoise(
    inputs: Inputs, parameters: BlInrParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._represented import represented

    volumes = inputs.series.signal[..., targets]
    spread = np.zeros_like(volumes)
    found = represented(inputs, parameters, context, targets)
    if found is not None:
        found.put_into(volumes, found.told.mean, targets)
        found.put_into(spread, found.told.spread, targets)
    return Denoised(
        volumes, warnings=outside_the_mask(inputs), spread=spread if parameters.ensemble > 1 else None
    )


METHOD = Method(
    name="bl-inr",
    title="BL-INR (band-limited neural representation)",
    task="denoise",
    summary=(
        "Learns each b-value from the other b-values, the anatomy and a band-limited position code, on this "
        "scan alone. Strong at every noise level; minutes on a CPU, seconds on a GPU."
    ),
    reference=(
        "Li et al., Band-limited implicit neural representations for diffusion-weighted imaging denoising"
    ),
    parameters=BlInrParameters,
    run=denoiser("bl-inr", _denoise),
    presets={
        "paper": _PAPER,
        "fast": {"ensemble": 2, "width": 32, "steps": 200},
        "shifted images": {"patch_size": 7},
    },
)
