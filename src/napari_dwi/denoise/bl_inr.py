"""BL-INR: a band-limited implicit neural representation, trained on the scan itself.

For every volume a small network learns to predict each voxel from its position, encoded with
frequencies up to a cut-off, and from the patches around it in the other b-values and the anatomy.
Anatomy is common to these images and noise is not, so what the network can learn is mostly signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser, each_volume
from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import flag, number, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Scaling by the very maximum would hand the learning rate to a single bright voxel.
_SCALE_PERCENTILE = 99.5
# Air the network has seen is air it predicts well; this share of it costs little.
_SHARE_OF_AIR = 0.1


@dataclass(frozen=True, kw_only=True)
class BlInrParameters(DenoiseParameters):
    """Parameters of BL-INR; the defaults are the balanced settings, ``paper`` is the paper's own."""

    use_b_values: bool = flag(True, help="Learn from the other volumes of the series.")
    use_anatomy: bool = flag(True, help="Learn from the anatomical images.")
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
    width: int = whole(256, low=8, high=4096, help="Units in each hidden layer.", advanced=True)
    epochs: int = whole(20, low=1, high=1000, help="Passes over the training voxels.", advanced=True)
    batch_size: int = whole(
        1024, low=16, high=1_048_576, unit="voxels", help="Voxels in one training step.", advanced=True
    )
    learning_rate: float = number(
        4e-4, low=1e-6, high=1.0, help="Of Adam at the start; falls as a cosine.", advanced=True
    )
    held_out: float = number(
        0.1,
        low=0.0,
        high=0.5,
        help="Share of voxels kept aside to find the step after which only noise is learnt; 0 is none.",
        advanced=True,
    )
    foreground_only: bool = flag(
        True, help="Train on the body (or mask) and a tenth of the rest, not on all voxels.", advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size % 2 == 0:
            raise BadInputError(
                "parameter patch_size cannot be used", expected="an odd number", found=self.patch_size
            )


def _denoise(
    inputs: Inputs, parameters: BlInrParameters, context: Context, targets: NDArray[np.intp]
) -> NDArray[np.float32]:
    from napari_dwi.denoise._voxel_features import VoxelFeatures
    from napari_dwi.denoise._voxel_network import Training, predict, train

    signal = inputs.series.signal
    volumes, scales = _scaled([signal[..., n] for n in range(signal.shape[3])])
    anatomy, _ = _scaled([volume.data for volume in inputs.anatomy] if parameters.use_anatomy else [])
    worth_learning = _worth_learning(inputs, parameters)
    training = Training(
        width=parameters.width,
        epochs=parameters.epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        held_out=parameters.held_out,
    )
    denoised = np.empty((*signal.shape[:3], len(targets)), dtype=np.float32, order="F")
    for step, volume, part in each_volume(inputs, context, targets):
        if _is_flat(signal[..., volume]):
            # There is nothing to learn, and nothing to take away.
            denoised[..., step] = signal[..., volume]
            continue
        others = [image for n, image in enumerate(volumes) if n != volume] if parameters.use_b_values else []
        images = [*others, *anatomy]
        features = VoxelFeatures(
            np.array(images, dtype=np.float32).reshape(len(images), *signal.shape[:3]),
            parameters.omega_max,
            parameters.n_frequencies,
            parameters.patch_size,
            context.device,
        )
        # Each volume has a network and a seed of its own, whichever others are denoised with it.
        seed = context.seed * 1_000_003 + volume
        voxels = _training_voxels(worth_learning, np.isfinite(signal[..., volume]), parameters, seed)
        network = train(features, volumes[volume], voxels, training, part, seed)
        image = predict(network, features, signal.shape[:3], part)
        denoised[..., step] = image * np.float32(scales[volume])
    return denoised


def _scaled(images: list[NDArray[np.float32]]) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Images divided so that bright voxels come to about one, 0 where there is no value."""
    scales = [_scale(image) for image in images]
    pairs = zip(images, scales, strict=True)
    scaled = [np.nan_to_num(image / scale, posinf=0, neginf=0).astype(np.float32) for image, scale in pairs]
    return scaled, scales


def _worth_learning(inputs: Inputs, parameters: BlInrParameters) -> NDArray[np.bool_] | None:
    """The mask given, or the body; ``None`` for everything."""
    if inputs.mask is not None:
        return inputs.mask.data > 0
    return foreground_mask(inputs.series) if parameters.foreground_only else None


def _training_voxels(
    worth_learning: NDArray[np.bool_] | None,
    finite: NDArray[np.bool_],
    parameters: BlInrParameters,
    seed: int,
) -> NDArray[np.intp]:
    """Flat C-order indices of the voxels to train on, shuffled."""
    rng = np.random.default_rng(seed)
    chosen = finite
    if worth_learning is not None:
        air = rng.random(finite.shape) < _SHARE_OF_AIR if parameters.foreground_only else False
        chosen = finite & (worth_learning | air)
    voxels = np.flatnonzero(chosen)
    if voxels.size == 0:
        raise BadInputError(
            "there is no voxel to learn from", remedy="Choose a mask that covers part of the series."
        )
    return rng.permutation(voxels)


def _is_flat(image: NDArray[np.float32]) -> bool:
    """Whether all voxels that have a value have the same."""
    finite = image[np.isfinite(image)]
    return finite.size > 0 and bool(finite.min() == finite.max())


def _scale(image: NDArray[np.float32]) -> float:
    """What an image is divided by, so that its bright voxels come to about one."""
    finite = image[np.isfinite(image)]
    high = float(np.percentile(np.abs(finite), _SCALE_PERCENTILE)) if finite.size else 0.0
    return high or float(np.abs(finite).max(initial=0.0)) or 1.0


METHOD = Method(
    name="bl-inr",
    title="BL-INR (band-limited neural representation)",
    task="denoise",
    summary=(
        "Learns each b-value from the other b-values, the anatomy and a band-limited position code, on this "
        "scan alone. Strong at moderate noise; minutes on a CPU, seconds on a GPU."
    ),
    reference=(
        "Li et al., Band-limited implicit neural representations for diffusion-weighted imaging denoising"
    ),
    parameters=BlInrParameters,
    run=denoiser("bl-inr", _denoise),
    presets={
        "paper": {"width": 1024, "held_out": 0.0, "foreground_only": False},
        "fast": {"width": 128, "epochs": 10},
    },
)
