"""What a network in training is worth: pictures while it learns, and figures of slices it never saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.methods.method import Context
from napari_dwi.methods.progress import Progress
from napari_dwi.superres._closeness import Closeness, closeness
from napari_dwi.superres._inference import enhanced
from napari_dwi.superres.diffusion._walking import Walker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.training.checkpoint import Checkpoint
    from napari_dwi.superres.training.examples import Example, Examples

_PREVIEWED = 3
# A network on a path is asked so often, if the path has as many steps.
_STEPS = 5


def made_of(checkpoint: Checkpoint, example: Example, device: str, progress: Progress) -> NDArray[np.float32]:
    """What a network makes of one slice, as it does when it is used."""
    context = Context(Progress(stop_asked=progress.stop_asked), device)
    image, noise = np.ascontiguousarray(example.image)[..., None], float(example.noise)
    if checkpoint.config.path is None:
        return enhanced(checkpoint, image, noise, context)[..., 0]
    steps = min(_STEPS, checkpoint.config.path.last_step)
    return Walker(checkpoint, noise, context).image(image, steps)[..., 0]


def scores(
    checkpoint: Checkpoint, examples: Iterable[Example], device: str, progress: Progress
) -> dict[str, Any]:
    """How close a network comes to the sharp slices, in tissue.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network.
    examples : iterable of Example
        Slices it has learnt nothing from.
    device : str
        Where it computes.
    progress : Progress
        Whether to stop.

    Returns
    -------
    dict
        ``Slices``; ``MSE`` and ``MSEZeroFilled``, mean squared errors of its slices and of its input
        against the sharp ones, in units of the brightest tissue; ``MSERatio``, the one over the other;
        ``PSNR`` (dB) and ``SSIM``, means over slices with the brightest tissue as range. The sharp slices
        are noisy too, so that the ratio does not come down to 0. Ready for JSON.
    """
    before, after = list[Closeness](), list[Closeness]()
    for example in examples:
        if (given := closeness(example.image, example.target)) is None:
            continue
        made = closeness(made_of(checkpoint, example, device, progress), example.target)
        before.append(given)
        after += [] if made is None else [made]
    if not before:
        return {"Slices": 0}
    mse, mse_before = (float(np.mean([one.mse for one in those])) for those in (after, before))
    figures = {"MSE": mse, "MSEZeroFilled": mse_before, "PSNR": float(np.mean([one.psnr for one in after]))}
    if mse_before > 0:
        figures["MSERatio"] = mse / mse_before
    if alike := [one.ssim for one in after if np.isfinite(one.ssim)]:
        figures["SSIM"] = float(np.mean(alike))
    # Figures that are no numbers, as of slices without any error, have no place in JSON.
    return {"Slices": len(before), **{name: one for name, one in figures.items() if np.isfinite(one)}}


def previewed(examples: Examples) -> tuple[Example, ...]:
    """A few validation slices, spread over all of them."""
    count = sum(1 for _ in examples.validation())
    wanted = sorted({(2 * n + 1) * count // (2 * _PREVIEWED) for n in range(_PREVIEWED)})
    return tuple(_at(examples.validation(), wanted))


def _at(examples: Iterator[Example], wanted: list[int]) -> Iterator[Example]:
    before = -1
    for place in wanted:
        yield next(islice(examples, place - before - 1, None))
        before = place
