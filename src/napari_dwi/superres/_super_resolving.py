"""What all super-resolution methods share: the finer grid, its zero-filled start, and the residual."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.methods.method import Context, Inputs, Output, OutputImage
from napari_dwi.methods.parameters import Parameters, choice, whole
from napari_dwi.physics.k_space import zero_filled, zero_filled_within_edges
from napari_dwi.scan import DwiSeries, Volume, format_b_value
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.measure.noise_sigma import NoiseSd
    from napari_dwi.scan import Grid
    from napari_dwi.scan.images import VolumeKind

_MIRRORED, _PERIODIC = "mirrored", "periodic"
# Zero-filling is what a method starts with, so it gets this share of the progress.
_SHARE_OF_ZERO_FILLING = 0.3

_FACTOR = "Voxels made of one, along both axes of a slice"


@dataclass(frozen=True, kw_only=True)
class SuperresParameters(Parameters):
    """Parameters of every super-resolution method."""

    factor: int = whole(2, low=2, high=4, help=f"{_FACTOR}.")
    edges: str = choice(
        _MIRRORED,
        (_MIRRORED, _PERIODIC),
        help="What lies beyond the edges: mirrored for cropped images, periodic as in k-space.",
        advanced=True,
    )


def factor_of_network() -> Any:
    """The parameter ``factor`` of a method that runs networks: some only remove noise."""
    return whole(2, low=1, high=4, help=f"{_FACTOR}; 1 for a network that only removes noise.")


@dataclass(frozen=True, eq=False)
class FineVolume:
    """One volume on the fine grid, before a method improves it.

    Parameters
    ----------
    image : ndarray, float32, shape (x, y, z)
        Zero-filled, without gaps, in scanner units; z is the slice axis.
    noise_sd : float
        SD of the noise within tissue, in scanner units; 0 where none is seen, or none was asked for.
    factor : int
        Fine voxels for one that was acquired. Noise is alike over as many neighbours.
    """

    image: NDArray[np.float32]
    noise_sd: float
    factor: int


# Improve one volume: an image like the one given.
Enhance = Callable[[FineVolume, Any, Context], "NDArray[np.float32]"]


@dataclass(frozen=True)
class Enhancer:
    """How a method goes on from zero-filled slices.

    Parameters
    ----------
    enhance : callable
        ``enhance(volume, parameters, context)`` gives an image like that of the volume.
    said : str
        What it did, for the sidecar: ``"network-enhanced"``.
    facts : mapping
        What else the sidecar should say.
    warnings : tuple of str
        What the user should know of every result.
    spread : callable, optional
        As ``enhance``, but gives the standard deviation of each voxel over what could have been made.
    spread_times : int
        How many times as long that takes.
    """

    enhance: Enhance
    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    spread: Enhance | None = None
    spread_times: int = 0


def super_resolver(
    title: str, prepare: Callable[[Any, Context], Enhancer] | None = None
) -> Callable[[Inputs, SuperresParameters, Context], Output]:
    """The run function of a super-resolution method.

    Parameters
    ----------
    title : str
        The method's name, for the names of its images.
    prepare : callable, optional
        ``prepare(parameters, context)`` gives what goes on from zero-filled slices; its parameters have
        a ``noise_sigma``. Without it zero-filling is all.

    Returns
    -------
    callable
        Adds what all methods share: the grid, NaN where the input has none, the residual against the
        zero-filled input, and figures.
    """

    def run(inputs: Inputs, parameters: SuperresParameters, context: Context) -> Output:
        enhancer = None if prepare is None else prepare(parameters, context)
        series, factor = inputs.series, parameters.factor
        slice_axis = series.grid.slice_axis
        factors = [1 if axis == slice_axis else factor for axis in range(3)]
        grid = series.grid.refined(factors)
        shape = (*grid.shape, len(series.b_values))
        result, residual = (np.empty(shape, np.float32, order="F") for _ in range(2))
        spread: NDArray[np.float32] | None = None
        if enhancer is not None and enhancer.spread is not None:
            spread = np.full(shape, np.nan, np.float32, order="F")
        noise = _noise_sds(inputs, parameters, context) if enhancer is not None else None
        inside = _on_fine_grid(inputs.mask, factors)
        figures: dict[str, float] = {}
        for volume, part in _each_volume(inputs, context):
            image = series.signal[..., volume]
            start = _fine_start(filled(image, series.grid.spacing_mm), slice_axis, parameters, part)
            made = start
            if enhancer is not None and noise is not None and noise[volume].sd > 0:
                fine = FineVolume(np.moveaxis(start, slice_axis, 2), noise[volume].sd, factor)
                times = 1 + enhancer.spread_times
                rest = _rest_of(part, 0, 1 / times)
                made = np.moveaxis(enhancer.enhance(fine, parameters, rest), 2, slice_axis)
                made = np.where(inside, made, start) if inside is not None else made
                if spread is not None and enhancer.spread is not None:
                    rest = _rest_of(part, 1 / times, 1)
                    sds = np.moveaxis(enhancer.spread(fine, parameters, rest), 2, slice_axis)
                    spread[..., volume] = np.where(inside, sds, np.nan) if inside is not None else sds
            # Of magnitudes, ringing leaves values below zero, which nothing that follows could use.
            made = np.maximum(made, image[np.isfinite(image)].min(initial=0.0))
            known = _known(image, factors)
            result[..., volume] = np.where(known, made, np.nan)
            residual[..., volume] = np.where(known, start, np.nan) - result[..., volume]
            if spread is not None:
                spread[..., volume][~known] = np.nan
            figures |= _figures(series, volume, result[..., volume], noise)
            part.progress.report(1.0, "done")
        return _output(inputs, title, grid, (result, residual, spread), figures, enhancer)

    return run


def _output(
    inputs: Inputs,
    title: str,
    grid: Grid,
    values: tuple[NDArray[np.float32] | None, ...],
    figures: dict[str, float],
    enhancer: Enhancer | None,
) -> Output:
    series = inputs.series
    said = "zero-filled" if enhancer is None else enhancer.said
    facts = {} if enhancer is None else dict(enhancer.facts)
    roles: tuple[tuple[str, str, VolumeKind, str], ...] = (
        ("super-resolved", "superres", "anatomy", f"Super-resolved within the slices, {said}"),
        ("residual", "superresresidual", "residual", "Zero-filled input minus the super-resolved image"),
        ("SD", "superressd", "map", "Standard deviation over images that could have been made"),
    )
    images = []
    for (role, label, kind, description), array in zip(roles, values, strict=True):
        if array is None:
            continue
        name = f"{series.name} {title}" + ("" if role == "super-resolved" else f" {role}")
        image = _image(inputs, array, grid, name, kind)
        about = f"{description} ({title})"
        images.append(OutputImage(role, f"desc-{label}_{inputs.suffix}", image, about, facts=facts))
    return Output(tuple(images), figures, () if enhancer is None else enhancer.warnings)


def _image(
    inputs: Inputs, values: NDArray[np.float32], grid: Grid, name: str, kind: VolumeKind
) -> DwiSeries | Volume:
    if inputs.is_volume:
        return Volume(values[..., 0], grid, kind, name=name)
    return replace(inputs.series, signal=values, grid=grid, name=name, source=None)


def _each_volume(inputs: Inputs, context: Context) -> Iterator[tuple[int, Context]]:
    """Index and context of one volume after the other, each with its share of the progress."""
    b_values = inputs.series.b_values.values
    for volume, b_value in enumerate(b_values):
        prefix = "" if inputs.is_volume else f"b = {format_b_value(float(b_value))}, "
        progress = context.progress.part(volume, len(b_values), prefix)
        progress.report(0.0, "preparing")
        yield volume, replace(context, progress=progress)


def _rest_of(context: Context, start: float, stop: float) -> Context:
    """The context of a share of what follows on zero-filling."""
    progress = context.progress
    first, last = (
        progress.start
        + (_SHARE_OF_ZERO_FILLING + (1 - _SHARE_OF_ZERO_FILLING) * share) * (progress.stop - progress.start)
        for share in (start, stop)
    )
    return replace(context, progress=replace(progress, start=first, stop=last))


def _noise_sds(inputs: Inputs, parameters: Any, context: Context) -> list[NoiseSd]:
    """The noise of every volume as acquired, where it is not yet alike between neighbours."""
    from napari_dwi.measure.noise_sigma import noise_sds

    series = inputs.series
    axes = (*series.grid.in_plane_axes, series.grid.slice_axis)
    # Tissue is told from air slice by slice, along the last axis.
    shape = (series.grid.shape[axes[0]], series.grid.shape[axes[1]], series.grid.shape[axes[2]])
    grid = replace(series.grid, shape=shape, affine=series.grid.affine[:, [*axes, 3]])
    turned = replace(series, signal=series.signal.transpose(*axes, 3), grid=grid)
    return noise_sds(turned, parameters.noise_sigma, 2, context.progress.check)


def _fine_start(
    image: NDArray[np.float32], slice_axis: int, parameters: SuperresParameters, context: Context
) -> NDArray[np.float32]:
    """The zero-filled volume, slice by slice."""
    finer = zero_filled if parameters.edges == _PERIODIC else zero_filled_within_edges
    slices = np.moveaxis(image, slice_axis, 0)
    n_slices, n_rows, n_columns = slices.shape
    fine = np.empty((n_slices, parameters.factor * n_rows, parameters.factor * n_columns), np.float32)
    for z in range(n_slices):
        context.progress.report(_SHARE_OF_ZERO_FILLING * z / n_slices, f"slice {z + 1}/{n_slices}")
        fine[z] = finer(slices[z], parameters.factor) if parameters.factor > 1 else slices[z]
    context.progress.report(_SHARE_OF_ZERO_FILLING, "all slices zero-filled")
    return np.moveaxis(fine, 0, slice_axis)


def _known(image: NDArray[np.float32], factors: list[int]) -> NDArray[np.bool_]:
    """Fine voxels that lie on or between voxels with a value; the last have one on one side only."""
    known = np.isfinite(image)
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        place = np.arange(known.shape[axis] * factor) / factor
        below = np.floor(place).astype(np.intp)
        above = np.minimum(np.ceil(place).astype(np.intp), known.shape[axis] - 1)
        known = np.take(known, below, axis=axis) & np.take(known, above, axis=axis)
    return known


def _on_fine_grid(mask: Volume | None, factors: list[int]) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    inside = mask.data > 0
    for axis, factor in enumerate(factors):
        inside = inside.repeat(factor, axis=axis)
    return inside


def _figures(
    series: DwiSeries, volume: int, fine: NDArray[np.float32], noise: list[NoiseSd] | None
) -> dict[str, float]:
    """The noise that was reckoned with, and what the mean of the image has changed by."""
    where = f"volume {volume}, b = {format_b_value(float(series.b_values.values[volume]))}"
    if len(series.b_values) == 1:
        where = "image"
    figures = {}
    if noise is not None:
        figures[f"noise SD {noise[volume].origin}, {where}"] = float(noise[volume].sd)
    before, after = (values[np.isfinite(values)] for values in (series.signal[..., volume], fine))
    if before.size and (mean := float(before.mean(dtype=np.float64))):
        change = 100 * (float(after.mean(dtype=np.float64)) - mean) / mean
        figures[f"mean change, {where} (%)"] = round(change, 4)
    return figures
