"""A scan as networks represent it: from its images to the volumes they predict (BL-INR)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._linear_patches import LinearPatches, predict_linearly
from napari_dwi.denoise._linear_prediction import ToPredict
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


@dataclass(frozen=True, eq=False)
class Represented:
    """A scan, what was to be predicted of it, and what the networks say.

    ``told`` is in the units and axes of ``priors``, for the targets of ``task``. ``learnt_linearly``
    are the voxels, shape (x, y, z), that a linear prediction of all targets may learn from, and
    ``n_networks`` are averaged for each target.
    """

    priors: PriorImages
    task: Task
    told: NetworkImages
    learnt_linearly: NDArray[np.bool_]
    n_networks: int

    def put_into(
        self, volumes: NDArray[np.float32], images: NDArray[np.float32], targets: NDArray[np.intp]
    ) -> None:
        """Put images like those told into volumes (x, y, z, n_targets), in scanner units."""
        for step, target in enumerate(self.task.targets):
            place = int(np.flatnonzero(targets == target)[0])
            scale = np.float32(self.priors.scales[target])
            volumes[..., place] = self.priors.as_scanned(images[step]) * scale


def represented(
    inputs: Inputs, parameters: BlInrParameters, context: Context, targets: NDArray[np.intp]
) -> Represented | None:
    """Train networks on a scan and let them predict some of its volumes.

    Parameters
    ----------
    inputs, parameters, context
        As for every method.
    targets : ndarray of int
        The volumes; those that are flat are left out, as there is nothing to learn.

    Returns
    -------
    Represented or None
        ``None`` if all are flat.

    Raises
    ------
    BadInputError
        If there is no voxel to learn from.
    """
    series, parts = inputs.series, len(targets) + 1
    first = context.progress.part(0, parts, "all volumes, ")
    first.report(0.0, "preparing")
    uneven = [step for step, n in enumerate(targets) if not _is_flat(series.signal[..., n])]
    if not uneven:
        return None
    priors = prior_images(inputs, parameters.use_anatomy, first)
    task, learnt = _task(inputs, priors, parameters, context.seed, targets[uneven], first)

    def progress_of(step: int) -> Progress:
        b_value = format_b_value(float(series.b_values.values[targets[uneven[step]]]))
        return context.progress.part(1 + uneven[step], parts, f"b = {b_value}, ")

    told = network_images(priors, task, parameters, context, progress_of)
    return Represented(priors, task, told, learnt, parameters.ensemble)


def _task(
    inputs: Inputs,
    priors: PriorImages,
    parameters: BlInrParameters,
    seed: int,
    targets: NDArray[np.intp],
    progress: Progress,
) -> tuple[Task, NDArray[np.bool_]]:
    signal = inputs.series.signal
    own: OwnNeighbours = parameters.own_neighbours  # type: ignore[assignment]
    if parameters.own_neighbours == "auto":
        own = independent_neighbours(inputs.series, progress)
    worth = _worth_learning(inputs, priors, parameters)
    finite, learnt_from = [], []
    for n in range(priors.n_volumes):
        progress.check()
        finite.append(priors.aligned(np.isfinite(signal[..., n])))
    for n in targets:
        progress.check()
        learnt_from.append(_learnt_from(worth, finite[n], parameters, seed + int(n)))
    within = np.ones(finite[0].shape, dtype=bool)
    start = None
    learnt: NDArray[np.bool_] = np.asarray(np.all(finite, axis=0))
    if worth is not None and inputs.mask is not None:
        learnt &= worth
    if parameters.linear_start:
        start = _linear_start(priors, targets, learnt, own, parameters, progress)
        within = within if worth is None else worth
    return Task(targets, start, np.stack(learnt_from), within, own), learnt


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
        return predict_linearly(ToPredict(priors.images, targets, groups, learnt_from), how, progress)
    anatomy = list(range(priors.n_volumes, len(priors.images)))
    alone = [
        predict_linearly(
            ToPredict(priors.images[[n, *anatomy]], np.array([0]), groups, learnt_from), how, progress
        )
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
