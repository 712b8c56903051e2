"""Images predicted by networks from the other images of a scan: the working part of BL-INR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dwi.denoise._encodings import make_encoding
from napari_dwi.denoise._voxel_features import Columns, VoxelFeatures
from napari_dwi.denoise._voxel_network import (
    Trained,
    Training,
    VoxelNetwork,
    predict,
    standardising_samples,
    train,
)
from napari_dwi.denoise.bl_inr import SHARED, WHOLE_PATCHES
from napari_dwi.methods.device import has_bfloat16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import OwnNeighbours
    from napari_dwi.denoise._prior_images import PriorImages
    from napari_dwi.denoise.bl_inr import BlInrParameters
    from napari_dwi.methods.method import Context
    from napari_dwi.methods.progress import Progress


# The fields of `NetworkImages`.
IMAGES = ("mean", "spread", "unseen", "start")


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be predicted.

    Parameters
    ----------
    targets : ndarray of int
        Which of the images.
    start : ndarray, float32, shape (n_targets, x, y, z), optional
        A first prediction, of which the networks learn the rest.
    learnt_from : ndarray of bool, shape (n_targets, x, y, z)
        Voxels to learn from.
    within : ndarray of bool, shape (x, y, z)
        Voxels to predict; the start stays elsewhere.
    own : str
        As for `LinearPatches`.
    """

    targets: NDArray[np.intp]
    start: NDArray[np.float32] | None
    learnt_from: NDArray[np.bool_]
    within: NDArray[np.bool_]
    own: OwnNeighbours

    def of(self, steps: list[int]) -> Task:
        """The same for some of the targets."""
        start = None if self.start is None else self.start[steps]
        return replace(self, targets=self.targets[steps], start=start, learnt_from=self.learnt_from[steps])


@dataclass(frozen=True, eq=False)
class NetworkImages:
    """What the networks say, each of shape (n_targets, x, y, z) in units of the images.

    ``mean`` and ``spread`` are mean and SD over the networks of an ensemble. ``unseen`` is the mean
    over those that have not learnt from the voxel, NaN where all have. ``start`` is what they began
    with.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    unseen: NDArray[np.float32]
    start: NDArray[np.float32]


def network_images(
    priors: PriorImages,
    task: Task,
    parameters: BlInrParameters,
    context: Context,
    progress_of: Callable[[int], Progress],
) -> NetworkImages:
    """Train networks for the targets and let them predict.

    Parameters
    ----------
    priors : PriorImages
        The images.
    task : Task
        What is to be predicted.
    parameters : BlInrParameters
        Settings.
    context : Context
        Device and seed.
    progress_of : callable
        The progress of the network of each target; a network for all takes that of the first.

    Returns
    -------
    NetworkImages
        In the order of the targets.
    """
    shape = (len(task.targets), *priors.images.shape[1:])
    images = NetworkImages(*(np.full(shape, np.nan, dtype=np.float32) for _ in range(4)))
    groups = [list(range(len(task.targets)))] if parameters.networks == SHARED else None
    for steps in groups or [[step] for step in range(len(task.targets))]:
        part = replace(context, progress=progress_of(steps[0]))
        # Each volume has a network and a seed of its own, whichever others are denoised with it.
        seed = context.seed * 1_000_003 + int(task.targets[steps[0]])
        made = _predicted(priors, task.of(steps), parameters, part, seed)
        for name in IMAGES:
            getattr(images, name)[steps] = getattr(made, name)
    return images


def _predicted(
    priors: PriorImages, task: Task, parameters: BlInrParameters, context: Context, seed: int
) -> NetworkImages:
    shape = (priors.images.shape[1], priors.images.shape[2], priors.images.shape[3])
    context.progress.report(0.0, "preparing")
    features = _features(priors, task, parameters, context.progress).to(context.device)
    context.progress.check()
    samples = torch.from_numpy(np.random.default_rng(seed).permutation(np.flatnonzero(task.learnt_from)))
    if parameters.standardised:
        features.standardise(standardising_samples(samples).to(context.device))
    target, start, sd = _learning_target(priors, task, context.progress)

    def make_network(member_seed: int) -> VoxelNetwork:
        encoding = make_encoding(
            parameters.encoding, shape, parameters.omega_max, parameters.n_frequencies, member_seed
        )
        return VoxelNetwork(
            encoding,
            features.n_features,
            parameters.width,
            zero_start=parameters.linear_start,
            bfloat16=parameters.mixed_precision and has_bfloat16(context.device),
        )

    training = Training(
        width=parameters.width,
        members=parameters.ensemble,
        steps=parameters.steps,
        epochs=parameters.epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        held_out=parameters.held_out,
        averaging=parameters.averaging,
    )
    learning = replace(context, progress=context.progress.part(0, 2))
    trained = train(
        features, make_network, torch.from_numpy(target).to(context.device), samples, training, learning, seed
    )
    told = _told(trained, features, task, replace(context, progress=context.progress.part(1, 2)))
    mean, spread, unseen = (each.reshape(start.shape) for each in told)
    return NetworkImages(start + sd * mean, sd * spread, start + sd * unseen, start)


def _features(
    priors: PriorImages, task: Task, parameters: BlInrParameters, progress: Progress
) -> VoxelFeatures:
    targets = [int(target) for target in task.targets]
    volumes = range(priors.n_volumes) if parameters.use_b_values else []
    anatomy = range(priors.n_volumes, len(priors.images))
    hidden = [[target] for target in targets]
    images, n_images = list(priors.images), len(priors.images)
    parts = [Columns.of_patches(anatomy, parameters.patch_size, hidden)]
    if parameters.b_value_patches == WHOLE_PATCHES:
        parts.append(Columns.of_patches(volumes, parameters.patch_size, hidden))
    else:
        from scipy.ndimage import uniform_filter

        for n in volumes:
            progress.check()
            images.append(uniform_filter(images[n], parameters.patch_size, mode="mirror"))
        hidden_means = [[n_images + target] for target in targets]
        parts.append(Columns.of_patches(volumes, 1, hidden))
        parts.append(Columns.of_patches(range(n_images, len(images)), 1, hidden_means))
    progress.check()
    parts.append(Columns.of_neighbours(targets, task.own, priors.images.shape[1:], len(targets)))
    return VoxelFeatures(images, Columns.joined(parts), task.start, progress.check)


def _learning_target(
    priors: PriorImages, task: Task, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What the networks learn at every sample, and the start and SD that make it an intensity."""
    progress.check()
    images = priors.images[task.targets]
    if task.start is None:
        return images.reshape(-1), np.zeros_like(images), np.ones((len(images), 1, 1, 1), dtype=np.float32)
    sd = np.ones((len(images), 1, 1, 1), dtype=np.float32)
    for step, start in enumerate(task.start):
        progress.check()
        images[step] -= start
        progress.check()
        sd[step] = float(images[step][task.learnt_from[step]].std()) or 1.0
        images[step] /= sd[step]
    progress.check()
    return images.reshape(-1), task.start, sd


def _told(
    trained: Trained, features: VoxelFeatures, task: Task, context: Context
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Mean and SD over the networks and the mean of the unseen, for every sample; 0 outside."""
    n_samples = len(task.targets) * features.n_voxels
    mean, spread, unseen = (torch.zeros(n_samples) for _ in range(3))
    has_held_out = torch.zeros(len(trained.members), n_samples, dtype=torch.bool)
    for member, fold in enumerate(trained.held_out):
        has_held_out[member, fold.cpu()] = True
    within = torch.from_numpy(np.flatnonzero(np.broadcast_to(task.within, task.learnt_from.shape)))
    done = 0
    for rows, said in predict(trained.members, features, within, context):
        mean[rows] = said.mean(dim=0)
        spread[rows] = said.std(dim=0) if len(said) > 1 else 0.0
        unseen[rows] = torch.where(has_held_out[:, rows], said, torch.nan).nanmean(dim=0)
        done += len(rows)
        context.progress.report(done / len(within), "predicting")
    return mean.numpy(), spread.numpy(), unseen.numpy()
