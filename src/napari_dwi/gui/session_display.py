"""How a session looked, and making it look like that again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_dwi.methods.session import DisplayEntry, LayerEntry

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom


def display_of(room: ReadingRoom) -> DisplayEntry:
    """What is on the screen: place, panes, convention, and for every layer of ours how it is shown."""
    dims = room.viewer.dims
    layers = [shown.layer for shown in room.shown]
    if room.regions is not None:
        layers.append(room.regions.layer)
    entries = []
    for layer in layers:
        limits = tuple(map(float, layer.contrast_limits)) if isinstance(layer, Image) else ()
        entries.append(LayerEntry(layer.name, bool(layer.visible), limits))
    return DisplayEntry(
        side_by_side=room.panes.side_by_side,
        convention=room.convention,
        position=tuple(int(step) for step in dims.current_step),
        order=tuple(int(axis) for axis in dims.order),
        layers=tuple(entries),
    )


def show_as(room: ReadingRoom, display: DisplayEntry) -> None:
    """Show what is there as it was; what no longer is or cannot be is passed over."""
    dims = room.viewer.dims
    room.set_convention(display.convention)
    if sorted(display.order) == list(range(dims.ndim)):
        dims.order = display.order
    for axis, step in enumerate(display.position[: dims.ndim]):
        dims.set_current_step(axis, step)
    room.set_side_by_side(display.side_by_side)
    known = {entry.name: entry for entry in display.layers}
    for layer in list(room.viewer.layers):
        if (entry := known.get(layer.name)) is None:
            continue
        if not display.side_by_side:
            layer.visible = entry.visible
        limits = entry.contrast_limits
        if isinstance(layer, Image) and len(limits) == 2 and limits[0] < limits[1]:
            low, high = layer.contrast_limits_range
            layer.contrast_limits_range = (min(low, limits[0]), max(high, limits[1]))
            layer.contrast_limits = limits
