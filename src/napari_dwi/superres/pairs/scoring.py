"""What a method makes of the pairs in a store, beside both scans: errors, likeness and contrast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.regions import measure_regions
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import run_method
from napari_dwi.scan import Grid, Volume, resample_to
from napari_dwi.superres._closeness import closeness
from napari_dwi.superres.pairs.examples import on_fine_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.parameters import Parameters
    from napari_dwi.scan.regions import Regions
    from napari_dwi.superres.pairs.pair import PairFacts
    from napari_dwi.superres.pairs.store import PairStore


@dataclass(frozen=True, eq=False)
class PairImages:
    """The images of a pair on the fine grid, shape (H, W, n_slices), in scanner units.

    Parameters
    ----------
    facts : PairFacts
        What is known of the pair.
    low : ndarray, float32, shape (h, w, n_slices)
        The low-resolution images as they are.
    zero_filled, made, high : ndarray, float32, shape (H, W, n_slices)
        The low-resolution images zero-filled, what the method made of them, and those of high resolution.
    """

    facts: PairFacts
    low: NDArray[np.float32]
    zero_filled: NDArray[np.float32]
    made: NDArray[np.float32]
    high: NDArray[np.float32]


@dataclass(frozen=True)
class SliceScore:
    """How close one slice comes to that of high resolution, within its tissue.

    Parameters
    ----------
    pair, subject, plane : str
        Which pair.
    slice : int
        Which slice, counted from 0.
    mse_low, mse_made : float
        Mean squared error of the zero-filled slice and of what was made of it, in units of the brightest
        tissue squared. The high-resolution slice is noisy too, so neither comes down to 0.
    psnr_low, psnr_made : float
        The same in dB.
    ssim_low, ssim_made : float
        Structural similarity; NaN for slices narrower than its window.
    """

    pair: str
    subject: str
    plane: str
    slice: int
    mse_low: float
    mse_made: float
    psnr_low: float
    psnr_made: float
    ssim_low: float
    ssim_made: float

    @property
    def mse_ratio(self) -> float:
        """The one mean squared error over the other: below 1 the method helps."""
        return self.mse_made / self.mse_low if self.mse_low else float("nan")


@dataclass(frozen=True)
class ContrastScore:
    """CNR of one region in one slice: a row of the paper's table 3.

    CNR is (mean of the region - mean of the background) / SD of the background, over the same square
    millimetres in all three images; voxels at a border count by their share.
    """

    pair: str
    subject: str
    plane: str
    slice: int
    region: str
    cnr_low: float
    cnr_made: float
    cnr_high: float


def images_of(
    store: PairStore,
    facts: PairFacts,
    method: Method,
    parameters: Parameters,
    *,
    device: str = "auto",
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> PairImages:
    """Run a method on the low-resolution images of a pair.

    Parameters
    ----------
    store, facts : PairStore, PairFacts
        The pair.
    method, parameters : Method, Parameters
        A super-resolution method for the factor of the pair.
    device, seed, threads, progress
        As for `napari_dwi.methods.running.run_method`.

    Raises
    ------
    BadInputError
        If the pair cannot be read, or the method cannot be run on it.
    Stopped
        If the user asked to stop.
    """
    low = _stack([store.low(facts.name, z) for z in range(facts.n_slices)])
    rows_mm, columns_mm, _ = facts.spacing_low_mm
    # Methods take the axis of the largest voxels for that of the slices.
    grid = Grid.from_spacing(facts.shape_low, (rows_mm, columns_mm, max(facts.spacing_low_mm)))
    volume = Volume(low, grid, name=facts.name)
    result = run_method(
        method,
        parameters,
        Inputs.of_volume(volume),
        device=device,
        seed=seed,
        threads=threads,
        progress=progress,
    )
    made = result.output.image("super-resolved")
    assert isinstance(made, Volume)
    zero_filled = [on_fine_grid(low[..., z], facts.factor) for z in range(facts.n_slices)]
    high = [store.high(facts.name, z) for z in range(facts.n_slices)]
    return PairImages(facts, low, _stack(zero_filled), made.data, _stack(high))


def slice_scores(images: PairImages) -> tuple[SliceScore, ...]:
    """Score every slice that is used; those without tissue are left out."""
    facts, scores = images.facts, []
    for z in facts.used:
        low, made, high = (
            image[..., z] / np.float32(facts.scale)
            for image in (images.zero_filled, images.made, images.high)
        )
        before, after = closeness(low, high), closeness(made, high)
        if before is not None and after is not None:
            figures = (before.mse, after.mse, before.psnr, after.psnr, before.ssim, after.ssim)
            scores.append(SliceScore(facts.name, facts.subject, facts.plane, z, *figures))
    return tuple(scores)


def contrast_scores(images: PairImages, regions: Regions, background: str) -> tuple[ContrastScore, ...]:
    """CNR of every region in every slice that has some of it and of the background.

    Parameters
    ----------
    images : PairImages
        The images of a pair.
    regions : Regions
        Drawn on either scan of the pair, or on any image over the same millimetres.
    background : str
        The region that CNR is taken against.

    Raises
    ------
    BadInputError
        If there is no region of that name, or the regions do not lie over the pair.
    """
    facts, labels = images.facts, regions.labels
    if background not in regions.names.values():
        raise BadInputError(
            f"there is no region called {background}",
            expected="one of " + ", ".join(regions.names.values()),
        )
    if not labels.grid.same_as(facts.grid_low):
        labels = resample_to(labels, facts.grid_high)
    pictures = (
        Volume(images.low, facts.grid_low),
        Volume(images.made, facts.grid_high),
        Volume(images.high, facts.grid_high),
    )
    scores = []
    for z in facts.used:
        here = _slice_of(labels, z)
        names = {code: name for code, name in regions.names.items() if (here.data == code).any()}
        if background not in names.values():
            continue
        measured = [measure_regions(_slice_of(one, z), here, names, background) for one in pictures]
        for rows in zip(*measured, strict=True):
            if (region := rows[0].region) != background:
                cnr = [row.cnr for row in rows]
                scores.append(ContrastScore(facts.name, facts.subject, facts.plane, z, region, *cnr))
    return tuple(scores)


def _stack(slices: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.stack(slices, axis=-1)


def _slice_of(volume: Volume, z: int) -> Volume:
    rows, columns, _ = volume.grid.shape
    grid = volume.grid.cropped((0, 0, z), (rows, columns, z + 1))
    return replace(volume, data=np.ascontiguousarray(volume.data[..., z : z + 1]), grid=grid)
