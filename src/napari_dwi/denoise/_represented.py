"""A scan as networks represent it: from its images to the volumes they predict (BL-INR)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._linear_patches import LinearPatches, predict_linearly
from napari_dwi.denoise._network_images import NetworkImages, Task, network_images
from napari_dwi.denoise._prior_images import PriorImages, independent_neighbours, prior_images
from napari_dwi.errors import BadInputError
from napari_dwi.scan import format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import OwnNeighbours
    from napari_dwi.denoise.bl_inr import BlInrParameters
    from napari_dwi.methods.method import Context, Inputs
    from napari_dwi.methods.progress import Progress

# Air the network has seen is air it predicts well; this share of it costs little.
_SHARE_OF_AIR = 0.1
# A linear prediction from larger patches takes long, and gains nothing.
_MOST_LINEAR_RADIUS = 2


def represented(
    inputs: Inputs, parameters: BlInrParameters, context: Context, targets: NDArray[np.intp]
) -> NetworkImages:
    """What networks trained on a scan say of some of its volumes.

    Parameters
    ----------
    inputs, parameters, context
        As for every method.
    targets : ndarray of int
        The volumes.

    Returns
    -------
    NetworkImages
        In scanner units, with shape (x, y, z, n_targets). Volumes that are flat stay as they are.

    Raises
    ------
    BadInputError
        If there is no voxel to learn from.
    """
    series, parts = inputs.series, len(targets) + 1
    first = context.progress.part(0, parts, "all volumes, ")
    first.report(0.0, "preparing")
    priors = prior_images(inputs, parameters.use_anatomy, first)
    uneven = [step for step, n in enumerate(targets) if not _is_flat(series.signal[..., n])]
    mean = series.signal[..., targets]
    made = NetworkImages(mean, np.zeros_like(mean), mean.copy())
    if not uneven:
        return made

    def progress_of(step: int) -> Progress:
        b_value = format_b_value(float(series.b_values.values[targets[uneven[step]]]))
        return context.progress.part(1 + uneven[step], parts, f"b = {b_value}, ")

    task = _task(inputs, priors, parameters, context.seed, targets[uneven], first)
    told = network_images(priors, task, parameters, context, progress_of)
    for step, place in enumerate(uneven):
        scale = np.float32(priors.scales[targets[place]])
        for name in ("mean", "spread", "unseen"):
            getattr(made, name)[..., place] = priors.as_scanned(getattr(told, name)[step]) * scale
    return made


def _task(
    inputs: Inputs,
    priors: PriorImages,
    parameters: BlInrParameters,
    seed: int,
    targets: NDArray[np.intp],
    progress: Progress,
) -> Task:
    signal = inputs.series.signal
    own: OwnNeighbours = parameters.own_neighbours  # type: ignore[assignment]
    if parameters.own_neighbours == "auto":
        own = independent_neighbours(inputs.series, progress)
    worth = _worth_learning(inputs, priors, parameters)
    finite = np.stack([priors.aligned(np.isfinite(signal[..., n])) for n in range(priors.n_volumes)])
    learnt_from = np.stack([_learnt_from(worth, finite[n], parameters, seed + int(n)) for n in targets])
    within = np.ones(finite.shape[1:], dtype=bool)
    start = None
    if parameters.linear_start:
        learnt: NDArray[np.bool_] = np.asarray(finite.all(axis=0))
        if worth is not None and inputs.mask is not None:
            learnt &= worth
        start = _linear_start(priors, targets, learnt, own, parameters, progress)
        within = within if worth is None else worth
    return Task(targets, start, learnt_from, within, own)


def _linear_start(
    priors: PriorImages,
    targets: NDArray[np.intp],
    learnt_from: NDArray[np.bool_],
    own: OwnNeighbours,
    parameters: BlInrParameters,
    progress: Progress,
) -> NDArray[np.float32]:
    radius = min(parameters.patch_size // 2, _MOST_LINEAR_RADIUS)
    how = LinearPatches(radius, own if radius else "none", ridge=True)
    groups = priors.body.astype(np.intp)
    if parameters.use_b_values:
        return predict_linearly(priors.images, targets, groups, learnt_from, how, progress)
    anatomy = list(range(priors.n_volumes, len(priors.images)))
    alone = [
        predict_linearly(priors.images[[n, *anatomy]], np.array([0]), groups, learnt_from, how, progress)
        for n in targets
    ]
    return np.concatenate(alone)


def _worth_learning(
    inputs: Inputs, priors: PriorImages, parameters: BlInrParameters
) -> NDArray[np.bool_] | None:
    """The mask given, or the body; ``None`` for everything."""
    if inputs.mask is not None:
        return np.asarray(priors.aligned(inputs.mask.data) > 0)
    return priors.body if parameters.foreground_only else None


def _learnt_from(
    worth: NDArray[np.bool_] | None, finite: NDArray[np.bool_], parameters: BlInrParameters, seed: int
) -> NDArray[np.bool_]:
    """The voxels of a volume to train its network on."""
    chosen = finite
    if worth is not None:
        chosen = finite & worth
        if parameters.foreground_only and not parameters.linear_start:
            air = np.random.default_rng(seed).random(finite.shape) < _SHARE_OF_AIR
            chosen = finite & (worth | air)
    if not chosen.any():
        raise BadInputError(
            "there is no voxel to learn from", remedy="Choose a mask that covers part of the series."
        )
    return chosen


def _is_flat(image: NDArray[np.float32]) -> bool:
    """Whether all voxels that have a value have the same."""
    finite = image[np.isfinite(image)]
    return finite.size > 0 and bool(finite.min() == finite.max())
