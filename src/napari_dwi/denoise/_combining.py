"""The combination behind Auto: mixing weights and what is added back, from unseen voxels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._additive import AdditiveColumns, ImageFacts
from napari_dwi.denoise._linear_patches import LinearPatches, predict_linearly
from napari_dwi.denoise._linear_prediction import ToPredict, predict
from napari_dwi.denoise._local_means import LocalMeans, reach_of_noise
from napari_dwi.denoise._stacking import gains, weights_of_mixture
from napari_dwi.scan import format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._represented import Represented
    from napari_dwi.methods.method import Context, Inputs
    from napari_dwi.methods.progress import Progress

_NAMES = ("bl-inr", "patch-regression", "additive-regression")
# Scales of what is added back, in voxels of the slice.
_SCALES = (1.5, 3.0, 6.0)
_FOLDS = 4
# Of so many voxels linear weights learn so little by heart that folds are not worth the time.
_ENOUGH_VOXELS = 300_000
# Fewer say nothing about weights.
_FEWEST_UNSEEN = 200
# What is expected where the noise does not let it be found out: fewest weights, least to learn by heart.
_EXPECTED = np.array([0.0, 0.0, 1.0])
# Where too few voxels are unseen to judge anything: the one that watches what it has not seen.
_UNJUDGED = np.array([1.0, 0.0, 0.0])


@dataclass(frozen=True, eq=False)
class Combined:
    """Images (n_targets, x, y, z), and what they are made of: for the figures and for the sidecar."""

    images: NDArray[np.float32]
    figures: Mapping[str, float]
    facts: list[dict[str, Any]]


def combined(found: Represented, inputs: Inputs, add_back: bool, context: Context) -> Combined:
    """Mix what networks and linear predictions say of every target.

    Parameters
    ----------
    found : Represented
        The networks' images, which began with patch regression.
    inputs : Inputs
        The scan.
    add_back : bool
        Whether to add the mean of the residual around every voxel, as far as it predicts voxels.
    context : Context
        Seed, progress and stop.

    Returns
    -------
    Combined
        In the units and axes of ``found``.
    """
    priors, task, told = found.priors, found.task, found.told
    assert task.start is not None
    images = np.empty_like(told.mean)
    figures: dict[str, float] = {}
    facts = []
    progress = context.progress
    progress.check()
    grid, alike = inputs.series.grid, task.own == "other slices"
    spacing_mm = grid.spacing_slices_last_mm
    voxel_mm = min(spacing_mm[:2])
    patches = _by_patches(found, context)
    how = ImageFacts(priors.n_volumes, spacing_mm, alike)
    curves = _by_curves(found, how, context)
    for step, target in enumerate(task.targets):
        progress.check()
        noisy = priors.images[target]
        learnt = told.unseen[step] - told.start[step]
        final = np.stack([told.mean[step], told.start[step], curves.seen[step]])
        unseen = np.stack([patches.unseen[step] + learnt, patches.unseen[step], curves.unseen[step]])
        judged = task.learnt_from[step] & np.isfinite(learnt) & task.within
        weights = _UNJUDGED
        errors = np.full(3, np.nan)
        factors = np.zeros(len(_SCALES))
        if np.count_nonzero(judged) >= _FEWEST_UNSEEN:
            off = (unseen[:, judged] - noisy[judged]).astype(np.float64)
            products = off @ off.T / off.shape[1]
            errors = products.diagonal()
            products = _of_the_final(products, found, curves, step, judged)
            weights = weights_of_mixture(products, off.shape[1], _EXPECTED)
        image = np.tensordot(weights.astype(np.float32), final, axes=1)
        if add_back and np.isfinite(errors).all():
            mixed = np.tensordot(weights.astype(np.float32), unseen, axes=1)
            left = noisy - np.where(np.isfinite(mixed), mixed, image)
            inside = task.learnt_from[step] & task.within
            means, left_out = LocalMeans(inside, spacing_mm, progress.check), reach_of_noise(alike)
            around = [means.around(left, scale * voxel_mm, left_out) for scale in _SCALES]
            factors = gains(np.stack([each[judged] for each in around]), left[judged])
            image = image + np.tensordot(factors.astype(np.float32), np.stack(around), axes=1)
        images[step] = np.where(task.within, image, task.start[step])
        b_value = format_b_value(float(inputs.series.b_values.values[target]))
        where = f"volume {target}, b = {b_value}"
        figures |= {f"weight of {name}, {where}": float(w) for name, w in zip(_NAMES, weights, strict=True)}
        scale = priors.scales[target]
        facts.append(
            {
                "Volume": int(target),
                "Weights": dict(zip(_NAMES, weights.tolist(), strict=True)),
                "MeanSquaredErrorAtUnseenVoxels": {
                    name: None if np.isnan(error) else float(error) * scale**2
                    for name, error in zip(_NAMES, errors, strict=True)
                },
                "AddedBackOfResidual": {
                    f"{sd * voxel_mm:g} mm": float(factor)
                    for sd, factor in zip(_SCALES, factors, strict=True)
                },
            }
        )
    return Combined(images, figures, facts)


@dataclass(frozen=True, eq=False)
class _Regression:
    """Predictions (n_targets, x, y, z) by weights of all voxels, and by weights of other voxels."""

    seen: NDArray[np.float32]
    unseen: NDArray[np.float32]


def _of_the_final(
    products: NDArray[np.float64],
    found: Represented,
    curves: _Regression,
    step: int,
    judged: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Products of errors as they will be of what is mixed in the end.

    Of unseen voxels one network says something, in the end the mean of all, which lacks their
    variance. Weights of regressions are learnt from fewer voxels for unseen ones; what this adds to
    their error is found from the difference between seen and unseen voxels, both of which go with one
    over the number of voxels.
    """
    told = found.told
    noisy = found.priors.images[found.task.targets[step]][judged]
    final = products.copy()
    variance = float(np.square(told.spread[step][judged]).mean(dtype=np.float64))
    final[0, 0] -= (1 - 1 / found.n_networks) * variance
    fewer = 1 / (_FOLDS - 1)

    def gained(prediction: NDArray[np.float32], unseen: float) -> float:
        seen = float(np.square(prediction[step][judged] - noisy).mean(dtype=np.float64))
        return max(unseen - seen, 0.0) * fewer / (2 + fewer)

    # Networks begin with the prediction from patches, and share what is wrong with it.
    final[:2, :2] -= gained(told.start, products[1, 1])
    final[2, 2] -= gained(curves.seen, products[2, 2])
    return final


def _wanted(found: Represented) -> ToPredict:
    groups = found.priors.body.astype(np.intp)
    return ToPredict(found.priors.images, found.task.targets, groups, found.learnt_linearly)


def _by_patches(found: Represented, context: Context) -> _Regression:
    how = LinearPatches(1, found.task.own, ridge=True)

    def learnt(wanted: ToPredict, progress: Progress) -> NDArray[np.float32]:
        return predict_linearly(wanted, how, progress)

    progress = context.progress.part(0, 2)
    return _crossed(found.told.start, _wanted(found), learnt, replace(context, progress=progress))


def _by_curves(found: Represented, how: ImageFacts, context: Context) -> _Regression:
    wanted, progress = _wanted(found), context.progress.part(1, 2)
    columns = AdditiveColumns(wanted, how, progress.part(0, 3))

    def learnt(wanted: ToPredict, progress: Progress) -> NDArray[np.float32]:
        return predict(columns, wanted, ridge=True, progress=progress)

    seen = learnt(wanted, progress.part(1, 3))
    return _crossed(seen, wanted, learnt, replace(context, progress=progress.part(2, 3)))


def _crossed(
    seen: NDArray[np.float32],
    wanted: ToPredict,
    learnt: Callable[[ToPredict, Progress], NDArray[np.float32]],
    context: Context,
) -> _Regression:
    """A prediction, and one of each quarter of the voxels by weights learnt from the rest."""
    if np.count_nonzero(wanted.learnt_from) > _ENOUGH_VOXELS:
        return _Regression(seen, seen)
    fold = np.random.default_rng(context.seed).integers(_FOLDS, size=seen.shape[1:])
    unseen = np.empty_like(seen)
    for number in range(_FOLDS):
        here = fold == number
        others = replace(wanted, learnt_from=wanted.learnt_from & ~here)
        unseen[:, here] = learnt(others, context.progress.part(number, _FOLDS))[:, here]
    return _Regression(seen, unseen)
