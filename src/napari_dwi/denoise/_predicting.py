"""Denoising by what the other volumes and the anatomy say of each volume, linearly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, all_volumes, outside_the_mask
from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import LinearPatches


def denoise_by_prediction(
    inputs: Inputs, use_anatomy: bool, how: LinearPatches, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    """Replace every volume by its linear prediction; air and body have weights of their own.

    Raises
    ------
    BadInputError
        If there is nothing to predict from.
    """
    from napari_dwi.denoise._linear_patches import predict_linearly

    series, spacing = inputs.series, inputs.series.grid.spacing_mm
    progress = all_volumes(inputs, context, targets)
    progress.report(0.0, "preparing")
    slice_axis = series.grid.slice_axis
    anatomy = [volume for volume in inputs.anatomy if use_anatomy and np.isfinite(volume.data).any()]
    own = how.own == "all" or (how.own == "other slices" and series.grid.shape[slice_axis] > 1)
    if len(series.b_values) == 1 and not anatomy and not own:
        raise BadInputError(
            "there is nothing to predict this volume from",
            expected="another volume, or an anatomical image that overlaps the series",
            remedy="Choose an anatomical image, or another method.",
        )
    signal = [series.signal[..., n] for n in range(len(series.b_values))]
    learnt_from: NDArray[np.bool_] = np.asarray(np.isfinite(series.signal).all(axis=3))
    scaled, scales = [], []
    for image in (*signal, *(volume.data for volume in anatomy)):
        progress.check()
        whole = filled(image, spacing)
        scale = float(np.abs(whole).mean(dtype=np.float64)) or 1.0
        scaled.append(np.moveaxis(whole / np.float32(scale), slice_axis, 2))
        scales.append(scale)
    tissue = foreground_mask(series, progress.check)
    if inputs.mask is not None:
        # Of the body only what is in the mask; the air around it has weights of its own.
        learnt_from = np.asarray(learnt_from & ((inputs.mask.data > 0) | ~tissue))
    predicted = predict_linearly(
        np.stack(scaled),
        targets,
        np.moveaxis(tissue, slice_axis, 2).astype(np.intp),
        np.moveaxis(learnt_from, slice_axis, 2),
        how,
        progress,
    )
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
