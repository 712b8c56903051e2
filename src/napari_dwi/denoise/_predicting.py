"""Denoising by what a regression on the other volumes and the anatomy says of each volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, all_volumes, outside_the_mask
from napari_dwi.denoise._linear_prediction import ToPredict
from napari_dwi.denoise._prior_images import independent_neighbours, without_gaps
from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.methods.method import Context, Inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import LinearPatches, OwnNeighbours
    from napari_dwi.methods.progress import Progress
    from napari_dwi.scan import DwiSeries


def chosen_neighbours(choice: str, series: DwiSeries, progress: Progress) -> OwnNeighbours:
    """The neighbours in the volume itself that a choice stands for; ``"auto"`` looks at the noise."""
    progress.check()
    return independent_neighbours(series, progress) if choice == "auto" else choice  # type: ignore[return-value]


def denoise_by_patches(
    inputs: Inputs, use_anatomy: bool, how: LinearPatches, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    """Replace every volume by its linear prediction from patches."""
    from napari_dwi.denoise._linear_patches import predict_linearly

    n_slices = inputs.series.grid.shape[inputs.series.grid.slice_axis]
    own = how.own == "all" or (how.own == "other slices" and n_slices > 1)

    def predict(wanted: ToPredict, progress: Progress) -> NDArray[np.float32]:
        return predict_linearly(wanted, how, progress)

    return denoise_by_prediction(inputs, use_anatomy, predict, own, context, targets)


def denoise_by_prediction(
    inputs: Inputs,
    use_anatomy: bool,
    predict: Callable[[ToPredict, Progress], NDArray[np.float32]],
    from_itself: bool,
    context: Context,
    targets: NDArray[np.intp],
) -> Denoised:
    """Replace every volume by its prediction; air and body have weights of their own.

    Parameters
    ----------
    inputs, context, targets
        As for every method.
    use_anatomy : bool
        Whether to predict from the anatomical images too.
    predict : callable
        ``predict(wanted, progress)`` gives the predictions (n_targets, x, y, z).
    from_itself : bool
        Whether a volume alone can be predicted, from other voxels than that predicted.

    Raises
    ------
    BadInputError
        If there is nothing to predict from.
    """
    series = inputs.series
    progress = all_volumes(inputs, context, targets)
    progress.report(0.0, "preparing")
    slice_axis = series.grid.slice_axis
    anatomy = [volume for volume in inputs.anatomy if use_anatomy and np.isfinite(volume.data).any()]
    if len(series.b_values) == 1 and not anatomy and not from_itself:
        raise BadInputError(
            "there is nothing to predict this volume from",
            expected="another volume, or an anatomical image that overlaps the series",
            remedy="Choose an anatomical image, or another method.",
        )
    signal = [series.signal[..., n] for n in range(len(series.b_values))]
    learnt_from = np.ones(series.grid.shape, dtype=bool)
    for image in signal:
        progress.check()
        learnt_from &= np.isfinite(image)
    scaled, scales = [], []
    for image in (*signal, *(volume.data for volume in anatomy)):
        progress.check()
        whole = without_gaps(image, series.grid.spacing_mm, progress)
        progress.check()
        scale = float(np.abs(whole).mean(dtype=np.float64)) or 1.0
        scaled.append(np.moveaxis(whole / np.float32(scale), slice_axis, 2))
        scales.append(scale)
    progress.check()
    tissue = foreground_mask(series, progress.check)
    progress.check()
    if inputs.mask is not None:
        # Of the body only what is in the mask; the air around it has weights of its own.
        learnt_from = np.asarray(learnt_from & ((inputs.mask.data > 0) | ~tissue))
    wanted = ToPredict(
        np.stack(scaled),
        targets,
        np.moveaxis(tissue, slice_axis, 2).astype(np.intp),
        np.moveaxis(learnt_from, slice_axis, 2),
    )
    predicted = predict(wanted, progress)
    predicted *= np.array([scales[target] for target in targets], dtype=np.float32)[:, None, None, None]
    left_out = [
        volume.name for volume in inputs.anatomy if use_anatomy and not np.isfinite(volume.data).any()
    ]
    return Denoised(
        np.asfortranarray(np.moveaxis(np.moveaxis(predicted, 0, 3), 2, slice_axis)),
        warnings=(
            *(f"{name} does not overlap the series and was left out" for name in left_out),
            *outside_the_mask(inputs),
        ),
    )
