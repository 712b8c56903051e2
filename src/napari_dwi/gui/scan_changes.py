"""Changing the series on show without closing what still belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dwi.gui.messages import ask
from napari_dwi.gui.volume_choice import VolumeChoice
from napari_dwi.scan import DwiSeries

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_dwi.gui.room import ReadingRoom


def may_change_volumes(room: ReadingRoom, parent: QWidget | None) -> bool:
    """Whether the results of other volumes or b-values may be closed; asks if there are any."""
    if not any(shown.result is not None for shown in room.shown):
        return True
    question = (
        "The results on show were made from the series as it is now, and will be closed."
        " Regions and anatomy stay."
    )
    return ask(parent, question, "Close the results and change the series")


def change_series(room: ReadingRoom, acquired: DwiSeries, choice: VolumeChoice) -> None:
    """Show other volumes of the same scan, in the background; regions and anatomy stay.

    Parameters
    ----------
    room : ReadingRoom
        Where; the series on show has the grid of the new one.
    acquired : DwiSeries
        The series as read.
    choice : VolumeChoice
        What to make of it.
    """
    before = room.series

    def show(series: DwiSeries) -> None:
        if room.series is before:
            _replace(room, series, acquired, choice)

    room.submit(f"Volumes {choice.title}", lambda _: choice.make(acquired), show)


def _replace(room: ReadingRoom, series: DwiSeries, acquired: DwiSeries, choice: VolumeChoice) -> None:
    regions = room.regions
    drawn = None if regions is None or not regions.regions else regions.as_regions()
    place = room.viewer.dims.current_step[-3:]
    room.show_scan(series, room.anatomy, acquired=acquired, choice=choice)
    if drawn is not None and room.regions is not None:
        room.regions.load(drawn)
    for axis, step in enumerate(place, start=room.viewer.dims.ndim - len(place)):
        room.viewer.dims.set_current_step(axis, step)
