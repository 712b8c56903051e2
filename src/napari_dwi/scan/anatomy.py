"""Anatomical images beside a diffusion series: brought onto its grid once, with what is to be told."""

from __future__ import annotations

from dataclasses import replace

from napari_dwi.scan.images import DwiSeries, Volume
from napari_dwi.scan.registration import Report, register_rigid
from napari_dwi.scan.resampling import resample_to


def anatomy_on(
    series: DwiSeries, volume: Volume, *, align: bool = False, report: Report | None = None
) -> Volume:
    """Bring an image onto the grid of a series, by a single interpolation.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series.
    volume : Volume
        An image of the same patient, as read.
    align : bool
        Correct its place by a rigid registration first.
    report : callable, optional
        Receives the fraction done of the registration and a phrase; what it raises stops it.

    Returns
    -------
    Volume
        On the grid of the series, with notes on the overlap, on a registration, and on a patient who
        may have been moved between the two.

    Raises
    ------
    BadInputError
        If less than 1 % of the series lies inside the image, or it cannot be registered.
    MethodFailedError
        If no plausible registration is found.
    """
    if align:
        volume = register_rigid(volume, series, report=report).volume
    on_grid = resample_to(volume, series.grid)
    if not frames_differ(series, volume):
        return on_grid
    note = (
        "its frame of reference is not that of the series: check on the images that it is of the same "
        "patient and lies over the series"
    )
    return replace(on_grid, notes=(*on_grid.notes, note))


def frames_differ(series: DwiSeries, volume: Volume) -> bool:
    """Whether the files say that the patient was moved, or is another one."""
    frames = {image.source.frame_of_reference for image in (series, volume) if image.source is not None}
    return len(frames - {""}) > 1
