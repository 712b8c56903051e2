"""What all denoisers share: which volumes, the bias of Rician noise, and the residual."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._judging import judged_result
from napari_dwi.denoise._noise_floor import AFTER, BEFORE, CORRECTIONS, NO_CORRECTION, NoiseFloor
from napari_dwi.measure.rician_sigma import BACKGROUND, SOURCES, rician_sigma
from napari_dwi.methods.method import REMARKS, Context, Inputs, Output, OutputImage
from napari_dwi.methods.parameters import Parameters, b_value_list, choice, noise_level
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import DwiSeries, format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class DenoiseParameters(Parameters):
    """Parameters of every denoiser."""

    targets: tuple[float, ...] = b_value_list(
        help="b-values to denoise, such as 400,800; all of them if none is named."
    )
    rician_correction: str = choice(
        NO_CORRECTION,
        CORRECTIONS,
        help="Remove the noise floor of magnitude images: Koay suits denoised images, the other single ones.",
    )
    rician_order: str = choice(
        AFTER, (AFTER, BEFORE), help="Remove the noise floor after denoising or before.", advanced=True
    )
    noise_from: str = choice(
        BACKGROUND,
        SOURCES,
        help="What the noise level for the noise floor is estimated from where none is given.",
        advanced=True,
    )
    noise_sigma: float = noise_level()


@dataclass(frozen=True, eq=False)
class Denoised:
    """Denoised volumes (x, y, z, n_targets), and what a method has to say about them.

    ``spread`` is the SD over several networks, of the same shape; ``facts`` go into the sidecar.
    """

    signal: NDArray[np.float32]
    figures: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    spread: NDArray[np.float32] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


# Denoise the volumes with the given indices: (x, y, z, n_targets), NaN where nothing can be said.
DenoiseVolumes = Callable[[Inputs, Any, Context, "NDArray[np.intp]"], "NDArray[np.float32] | Denoised"]
DenoiseVolume = Callable[[Inputs, Any, Context, int], "NDArray[np.float32]"]


def denoiser(name: str, denoise: DenoiseVolumes) -> Callable[[Inputs, DenoiseParameters, Context], Output]:
    """The run function of a denoising method.

    Parameters
    ----------
    name : str
        Name of the method, for the names of its files.
    denoise : callable
        ``denoise(inputs, parameters, context, targets)`` gives the denoised volumes, or these with
        figures and warnings.

    Returns
    -------
    callable
        Adds to them what all denoisers share: bias correction if asked for, NaN where the input
        has none, the residual (input minus output), and figures.
    """
    label = "".join(letter for letter in name if letter.isalnum())

    def run(inputs: Inputs, parameters: DenoiseParameters, context: Context) -> Output:
        series = inputs.series
        targets = target_volumes(series, parameters.targets)
        floor = _floor(series, parameters, context.progress.check)
        made = denoise(*_without_floor(inputs, parameters, floor, context), context, targets)
        made = made if isinstance(made, Denoised) else Denoised(made)
        denoised, figures, warnings = made.signal, dict(made.figures), list(made.warnings)
        context.progress.check()
        before = series.signal[..., targets]
        if floor is not None:
            if floor.order == AFTER:
                denoised = floor.removed_from(denoised, context.progress.check)
            figures |= floor.figures()
            warnings.append(floor.warning())
        denoised = _where_known(before, denoised, context.progress.check)
        judged = judged_result(series, targets, before, denoised, context.progress.check)
        figures |= judged.figures
        chosen = series.volumes(targets)
        result = replace(chosen, signal=denoised, name=f"{series.name} {name}", source=None)
        # No longer needed as it was, and large.
        before -= denoised
        context.progress.check()
        residual = replace(chosen, signal=before, name=f"{series.name} {name} residual", source=None)
        images: tuple[OutputImage, ...] = (
            OutputImage(
                "denoised",
                f"desc-{label}_dwi",
                result,
                f"Diffusion series denoised by {name}",
                facts=made.facts,
            ),
            OutputImage(
                "residual",
                f"desc-{label}residual_dwi",
                residual,
                f"Input minus output of {name}: what the method took for noise",
                facts={REMARKS: list(judged.remarks)},
            ),
        )
        if made.spread is not None:
            spread = _where_known(denoised, made.spread, context.progress.check)
            image = replace(chosen, signal=spread, name=f"{series.name} {name} SD", source=None)
            about = f"Standard deviation between the networks of {name}, before correction of the noise floor"
            images += (OutputImage("SD", f"desc-{label}sd_dwi", image, about, aside=True),)
        return Output(images, figures, tuple(warnings))

    return run


def _where_known(
    known: NDArray[np.float32], values: NDArray[np.float32], check: Callable[[], None]
) -> NDArray[np.float32]:
    """Volumes (x, y, z, n) with NaN where those known have none."""
    kept = np.empty(values.shape, dtype=np.float32, order="F")
    for step in range(values.shape[3]):
        check()
        kept[..., step] = np.where(np.isfinite(known[..., step]), values[..., step], np.nan)
    check()
    return kept


def outside_the_mask(inputs: Inputs) -> tuple[str, ...]:
    """What to say of voxels that a method which learns has not learnt from."""
    if inputs.mask is None:
        return ()
    return ("outside the mask nothing was learnt: values there are guesses, to be left alone",)


def each_volume(
    inputs: Inputs, context: Context, targets: NDArray[np.intp]
) -> Iterator[tuple[int, int, Context]]:
    """Step, index and context of one volume after the other, each with its share of the progress."""
    b_values = inputs.series.b_values.values
    for step, volume in enumerate(targets):
        prefix = f"b = {format_b_value(float(b_values[volume]))}, "
        progress = context.progress.part(step, len(targets), prefix)
        progress.report(0.0, "preparing")
        yield step, int(volume), replace(context, progress=progress)


def all_volumes(inputs: Inputs, context: Context, targets: NDArray[np.intp]) -> Progress:
    """The progress of a method that works on all volumes at once, naming those asked for."""
    values = dict.fromkeys(format_b_value(float(inputs.series.b_values.values[n])) for n in targets)
    return context.progress.part(0, 1, f"b = {', '.join(values)}, ")


def volume_by_volume(denoise: DenoiseVolume) -> DenoiseVolumes:
    """A function for all volumes from one for a single volume."""

    def denoise_all(
        inputs: Inputs, parameters: DenoiseParameters, context: Context, targets: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        denoised = np.empty((*inputs.series.grid.shape, len(targets)), dtype=np.float32, order="F")
        for step, volume, part in each_volume(inputs, context, targets):
            denoised[..., step] = denoise(inputs, parameters, part, volume)
        return denoised

    return denoise_all


def target_volumes(series: DwiSeries, b_values: tuple[float, ...]) -> NDArray[np.intp]:
    """Indices of the volumes to denoise: those at the b-values named, or all.

    Raises
    ------
    BadInputError
        If the series has no volume at one of the b-values.
    """
    if not b_values:
        return np.arange(len(series.b_values))
    return np.unique(np.concatenate([series.b_values.indices(b) for b in b_values]))


def _floor(series: DwiSeries, parameters: DenoiseParameters, check: Callable[[], None]) -> NoiseFloor | None:
    if parameters.rician_correction == NO_CORRECTION:
        return None
    slice_axis = series.grid.slice_axis
    sigma = rician_sigma(series, parameters.noise_from, slice_axis, check, typed=parameters.noise_sigma)
    return NoiseFloor(sigma, parameters.rician_correction, parameters.rician_order, slice_axis)


def _without_floor(
    inputs: Inputs, parameters: DenoiseParameters, floor: NoiseFloor | None, context: Context
) -> tuple[Inputs, DenoiseParameters]:
    """What a method gets to see: where the noise floor goes first, a series without it."""
    if floor is None or floor.order == AFTER:
        return inputs, parameters
    signal = floor.removed_from(inputs.series.signal, context.progress.check)
    # The air no longer tells the noise level.
    told = replace(parameters, noise_sigma=floor.sigma.mean)
    return replace(inputs, series=replace(inputs.series, signal=signal)), told
