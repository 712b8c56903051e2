"""From two scans of one subject, in files of any format, to a pair in a store.

Voxel 2n of a high-resolution image lies where voxel n of the low-resolution one does after zero-filling,
and that is how a store has it. Two things may say otherwise, and do not always agree. Positions in the
files tell one displacement: converters that let the fields of view share their edges put the first voxels
half a fine voxel apart, whether the images are or not. The images tell another, by phase correlation, and
are believed where they tell one. It is taken back here, once, from the high-resolution images: low
resolution is then the same image in training as it will be when there is no other, and whoever looks into
the store sees aligned images.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, format_b_value, open_image, open_volume
from napari_dwi.scan.averaging import averaged
from napari_dwi.superres._brightness import brightest_tissue
from napari_dwi.superres.pairs.blame import arising_in
from napari_dwi.superres.pairs.displacement import displacement_of, moved_back
from napari_dwi.superres.pairs.grid_check import correction_of
from napari_dwi.superres.pairs.grids import match_grids, plane_of
from napari_dwi.superres.pairs.pair import PairFacts, checked_slices
from napari_dwi.superres.pairs.store import PairStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan.allowances import Allowance
    from napari_dwi.superres.pairs.request import PairRequest

# Shares of the progress that are over when both scans are read, a displacement is found and taken back.
_READ, _FOUND, _MOVED = 0.4, 0.5, 0.7


@dataclass(frozen=True, eq=False)
class ImportedPair:
    """A pair as it goes into a store.

    Parameters
    ----------
    facts : PairFacts
        What is known of it.
    low, high : ndarray, float32, shape (n_slices, h, w) and (n_slices, H, W)
        Both volumes in scanner units, aligned.
    warnings : tuple of str
        What the user should know of it.
    """

    facts: PairFacts
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    warnings: tuple[str, ...]


def add_pair(
    folder: Path,
    request: PairRequest,
    *,
    allow: Collection[Allowance] = (),
    progress: Progress | None = None,
) -> ImportedPair:
    """Read a pair and add it to a store, or leave the store as it is; see `read_pair`.

    Parameters
    ----------
    folder : Path
        The store; made if there is none.
    request, allow, progress
        As for `read_pair`.

    Raises
    ------
    BadInputError
        As `read_pair` and `PairStore.add` do.
    CannotWriteError
        If the store cannot be written.
    Stopped
        If the user asked to stop.
    """
    progress = progress or Progress()
    store = None if PairStore.may_be_made(folder) else PairStore(folder)
    others = () if store is None else store.facts()
    pair = read_pair(request, others, allow=allow, progress=progress)
    store = store or PairStore.create(folder)
    writing = replace(progress, start=progress.start + _MOVED * (progress.stop - progress.start))
    store.add(pair.facts, pair.low, pair.high, lambda share: writing.report(share, "writing"))
    return pair


def read_pair(
    request: PairRequest,
    others: Iterable[PairFacts] = (),
    *,
    allow: Collection[Allowance] = (),
    progress: Progress | None = None,
) -> ImportedPair:
    """Read two scans and make a pair of them.

    Parameters
    ----------
    request : PairRequest
        What the user says.
    others : iterable of PairFacts
        Pairs in the store, whose names are taken.
    allow : collection of str
        What the user has allowed for doubtful files.
    progress : Progress, optional
        Looked at between steps.

    Raises
    ------
    BadInputError
        If a file cannot be read, the two do not show the same slices at the same place, slices that are
        not excluded have voxels without a value, or the subject has moved by more than a little.
    """
    progress = progress or Progress()
    progress.report(0.0, "reading the scan of low resolution")
    low_volume = _opened(request.low, request.b_value, allow, progress)
    progress.report(_READ / 2, "reading the scan of high resolution")
    high_volume = _opened(request.high, request.b_value, allow, progress)
    progress.report(_READ, "looking for a displacement")
    both = f"{request.low} and {request.high}"
    with arising_in(both):
        match = match_grids(low_volume.grid, high_volume.grid)
    low = np.array(match.of_low(low_volume.data), order="C")
    high = np.array(match.of_high(high_volume.data), order="C")
    plane = request.plane or plane_of(low_volume.grid, match.low_axes[0])
    sources = _sources(low_volume, high_volume)
    name = request.name or _name_for(request, plane, sources, others)
    excluded = checked_slices(request.exclude, len(low), name)
    used = [z for z in range(len(low)) if z not in excluded]
    _check_values(low, used, request.low)
    _check_values(high, used, request.high)
    found = displacement_of([high[z] for z in used], [low[z] for z in used], match.factor, progress.check)
    with arising_in(both):
        correction = correction_of(found, match.told_shift, high.shape[1:])
    _move_back(high, correction.shift, progress)
    grid = match.grid_of_low(low_volume.grid)
    sigma = _noise_sd(low, grid, progress)
    # Before it is turned, so that an error says it as the user did; the images of an array are not copied.
    request.crop.of(low, 1)
    crop = request.crop.turned(low.shape[1:], *match.low_reversed[1:])
    low, high = crop.of(low, 1), crop.of(high, match.factor)
    start = crop.rows[0], crop.columns[0], 0
    grid = grid.cropped(start, (start[0] + low.shape[1], start[1] + low.shape[2], len(low)))
    facts = PairFacts(
        name=name,
        subject=request.subject,
        plane=plane,
        factor=match.factor,
        shape_low=grid.shape,
        shape_high=(high.shape[1], high.shape[2], len(high)),
        spacing_low_mm=_spacing(low_volume.grid, match.low_axes),
        spacing_high_mm=_spacing(high_volume.grid, match.high_axes),
        scale=brightest_tissue(low[used]),
        sigma_low=sigma,
        shift=_rounded(found.shift),
        excluded=excluded,
        told_shift=match.told_shift,
        corrected=_rounded(correction.shift),
        sources=sources,
        affine=tuple(grid.affine[:3].ravel().tolist()) if low_volume.grid.orientation_known else (),
    )
    warnings = filter(None, (correction.warning, *_doubts(low_volume, high_volume)))
    return ImportedPair(facts, low, high, tuple(warnings))


def _opened(path: Path, b_value: float | None, allow: Collection[Allowance], progress: Progress) -> Volume:
    """A single volume: the only one there is, or the mean of those with a b-value."""
    image = open_image(path, allow=allow, check=progress.check)
    if isinstance(image, Volume):
        return image
    if b_value is None and len(image.b_values.distinct) == 1:
        return open_volume(path, allow=allow, check=progress.check)
    if b_value is None:
        raise BadInputError(
            "this is a diffusion series",
            file=path,
            expected="a single volume",
            found=f"b = {image.b_values} s/mm2",
            remedy="Say which b-value is meant (--b).",
        )
    chosen = averaged(image.volumes(image.b_values.indices(b_value)))
    note = f"b = {format_b_value(b_value)} s/mm2"
    return Volume(chosen.signal[..., 0], image.grid, name=image.name, source=image.source, notes=(note,))


def _sources(*volumes: Volume) -> tuple[str, ...]:
    return tuple(volume.source.sha256 for volume in volumes if volume.source is not None)


def _name_for(request: PairRequest, plane: str, sources: tuple[str, ...], others: Iterable[PairFacts]) -> str:
    """A name from what the user says, with a number where another pair has it."""
    b_value = "" if request.b_value is None else f"b{format_b_value(request.b_value)}"
    name = "-".join(filter(None, (request.subject.strip(), plane, b_value)))
    # The same scans again get the same name, which is refused.
    taken = {facts.name.casefold() for facts in others if facts.sources != sources}
    if name.casefold() not in taken:
        return name
    return next(f"{name}-{n}" for n in range(2, len(taken) + 3) if f"{name}-{n}".casefold() not in taken)


def _check_values(image: NDArray[np.float32], used: Sequence[int], path: Path) -> None:
    gaps = [z for z in used if not np.isfinite(image[z]).all()]
    if gaps:
        numbers = ",".join(map(str, gaps))
        raise BadInputError(
            "some voxels have no value (NaN or infinite)",
            file=path,
            found=f"in slices {numbers}",
            remedy=f"Leave these slices out (--exclude {numbers}).",
        )
    if not any(image[z].max() > 0 for z in used):
        raise BadInputError("there is nothing to be seen in this image", file=path, expected="values above 0")


def _move_back(high: NDArray[np.float32], shift: tuple[float, float], progress: Progress) -> None:
    """Move slices in place; those without a value in every voxel, which are excluded, stay."""
    if not any(shift):
        return
    for z, image in enumerate(high):
        progress.report(_FOUND + (_MOVED - _FOUND) * z / len(high), "taking the displacement back")
        if np.isfinite(image).all():
            high[z] = moved_back(image, shift)


def _noise_sd(low: NDArray[np.float32], grid: Grid, progress: Progress) -> float:
    """SD of the noise within tissue, as super-resolution estimates it."""
    from napari_dwi.measure.noise_sigma import noise_sds

    series = DwiSeries(low.transpose(1, 2, 0)[..., None], grid, BValues(np.zeros(1)))
    return noise_sds(series, 0.0, 2, progress.check)[0].sd


def _spacing(grid: Grid, axes: tuple[int, int, int]) -> tuple[float, float, float]:
    slices, rows, columns = (grid.spacing_mm[axis] for axis in axes)
    return rows, columns, slices


def _rounded(shift: tuple[float, float]) -> tuple[float, float]:
    return round(shift[0], 3), round(shift[1], 3)


def _doubts(*volumes: Volume) -> list[str]:
    """What speaks against two scans belonging together."""
    frames = {volume.source.frame_of_reference for volume in volumes if volume.source is not None} - {""}
    said = []
    if len(frames) > 1:
        said.append("the two scans were not taken in one session: the subject may lie elsewhere")
    if not all(volume.grid.orientation_known for volume in volumes):
        said.append("a file does not say how the patient was lying: both are taken to be stored alike")
    return said
