"""Trying a method on one slice: in seconds, and where the user is looking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import DwiSeries, Grid, Volume


def run_on_slice(
    method: Method,
    parameters: Parameters,
    inputs: Inputs,
    axis: int,
    index: int,
    *,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> Result:
    """Run a method on one slice, with the neighbours it needs.

    Parameters
    ----------
    method, parameters, inputs
        What to run, how, and on what.
    axis, index : int
        Voxel axis (0 to 2) and index of the slice.
    seed, device, progress
        As for `run_method`.

    Returns
    -------
    Result
        Images on the grid of the series, or on the finer one that the method makes of it; NaN (labels:
        0) everywhere but in the slice.

    Raises
    ------
    BadInputError
        If a super-resolution method is asked for a slice across those acquired.
    """
    if method.task == "superres" and axis != inputs.series.grid.slice_axis:
        raise BadInputError(
            "resolution is gained within the slices that were acquired",
            remedy="Show one of these, or run the method on all of them.",
        )
    slab, position = inputs.slab(axis, index, method.context_slices)
    result = run_method(method, parameters, slab, seed=seed, device=device, progress=progress)
    images = tuple(
        replace(
            output, image=_spread(output.image, slab.series.grid, inputs.series.grid, axis, index, position)
        )
        for output in result.output.images
    )
    return replace(result, output=replace(result.output, images=images))


def _spread(
    image: DwiSeries | Volume, cut: Grid, whole: Grid, axis: int, index: int, position: int
) -> DwiSeries | Volume:
    values = image.signal if isinstance(image, DwiSeries) else image.data
    grid = whole.refined([fine // coarse for fine, coarse in zip(image.grid.shape, cut.shape, strict=True)])
    outside = 0 if isinstance(image, Volume) and image.kind in ("mask", "labels") else np.nan
    spread = np.full((*grid.shape, *values.shape[3:]), outside, dtype=np.float32, order="F")
    here, there = [slice(None)] * 3, [slice(None)] * 3
    here[axis], there[axis] = slice(index, index + 1), slice(position, position + 1)
    spread[tuple(here)] = values[tuple(there)]
    if isinstance(image, DwiSeries):
        return replace(image, signal=spread, grid=grid)
    return replace(image, data=spread, grid=grid)
