"""The combination behind Auto: mixing weights and what is added back, from unseen voxels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._linear_patches import LinearPatches, predict_linearly
from napari_dwi.denoise._stacking import gains, surrounding_mean, weights_of_mixture
from napari_dwi.scan import format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._represented import Represented
    from napari_dwi.methods.method import Context, Inputs
    from napari_dwi.methods.progress import Progress

_NAMES = ("bl-inr", "patch-regression", "patch2self")
# Scales of what is added back, in voxels of the slice.
_SCALES = (1.5, 3.0, 6.0)
_FOLDS = 4
# Of so many voxels linear weights learn so little by heart that folds are not worth the time.
_ENOUGH_VOXELS = 300_000
# Fewer say nothing about weights.
_FEWEST_UNSEEN = 200
# What is expected where the noise does not let it be found out.
_EXPECTED = np.array([1.0, 0.0, 0.0])


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
    everywhere = np.ones(priors.body.shape, dtype=bool)
    simple = _linearly(found, everywhere, 0, progress.part(0, _FOLDS + 1))
    unseen_start = _unseen_start(found, context)
    grid = inputs.series.grid
    spacing = [grid.spacing_mm[axis] for axis in range(3) if axis != priors.slice_axis]
    spacing_mm = (spacing[0], spacing[1], grid.spacing_mm[priors.slice_axis])
    for step, target in enumerate(task.targets):
        progress.check()
        noisy = priors.images[target]
        learnt = told.unseen[step] - told.start[step]
        final = np.stack([told.mean[step], told.start[step], simple[step]])
        unseen = np.stack([unseen_start[step] + learnt, unseen_start[step], simple[step]])
        judged = task.learnt_from[step] & np.isfinite(learnt) & task.within
        weights = _EXPECTED
        errors = np.full(3, np.nan)
        factors = np.zeros(len(_SCALES))
        if np.count_nonzero(judged) >= _FEWEST_UNSEEN:
            off = (unseen[:, judged] - noisy[judged]).astype(np.float64)
            products = off @ off.T / off.shape[1]
            errors = products.diagonal()
            products = _of_the_final(products, found, step, judged)
            weights = weights_of_mixture(products, off.shape[1], _EXPECTED)
        image = np.tensordot(weights.astype(np.float32), final, axes=1)
        if add_back and np.isfinite(errors).all():
            mixed = np.tensordot(weights.astype(np.float32), unseen, axes=1)
            left = noisy - np.where(np.isfinite(mixed), mixed, image)
            inside = task.learnt_from[step] & task.within
            around = [
                surrounding_mean(
                    left, inside, spacing_mm, scale * min(spacing), task.own == "other slices", progress.check
                )
                for scale in _SCALES
            ]
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
                    f"{scale * min(spacing):g} mm": float(factor)
                    for scale, factor in zip(_SCALES, factors, strict=True)
                },
            }
        )
    return Combined(images, figures, facts)


def _of_the_final(
    products: NDArray[np.float64], found: Represented, step: int, judged: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Products of errors as they will be of what is mixed in the end.

    Of unseen voxels one network says something, in the end the mean of all, which lacks their
    variance. Linear weights of unseen voxels are learnt from fewer voxels; what this adds to their
    error is found from the difference between seen and unseen voxels, both of which go with one over
    the number of voxels.
    """
    told = found.told
    noisy = found.priors.images[found.task.targets[step]]
    final = products.copy()
    variance = float(np.square(told.spread[step][judged]).mean(dtype=np.float64))
    final[0, 0] -= (1 - 1 / found.n_networks) * variance
    seen = float(np.square(told.start[step][judged] - noisy[judged]).mean(dtype=np.float64))
    fewer = 1 / (_FOLDS - 1)
    # Networks begin with the linear prediction, and share what is wrong with it.
    final[:2, :2] -= max(products[1, 1] - seen, 0.0) * fewer / (2 + fewer)
    return final


def _linearly(
    found: Represented, learnt_from: NDArray[np.bool_], radius: int, progress: Progress
) -> NDArray[np.float32]:
    """Patch2Self (radius 0) or patch regression (radius 1) learnt from some of the voxels."""
    own = found.task.own if radius else "none"
    return predict_linearly(
        found.priors.images,
        found.task.targets,
        found.priors.body.astype(np.intp),
        learnt_from & found.learnt_linearly,
        LinearPatches(radius, own, ridge=radius > 0),
        progress,
    )


def _unseen_start(found: Represented, context: Context) -> NDArray[np.float32]:
    """Patch regression at voxels its weights have not been learnt from."""
    start = found.told.start
    if np.count_nonzero(found.learnt_linearly) > _ENOUGH_VOXELS:
        return start
    fold = np.random.default_rng(context.seed).integers(_FOLDS, size=start.shape[1:])
    unseen = np.empty_like(start)
    for number in range(_FOLDS):
        here = fold == number
        unseen[:, here] = _linearly(found, ~here, 1, context.progress.part(1 + number, _FOLDS + 1))[:, here]
    return unseen
