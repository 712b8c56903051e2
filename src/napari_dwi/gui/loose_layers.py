"""Layers made outside the docks that carry one of our images, for the docks to take over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_dwi.gui.layers import image_layer_settings
from napari_dwi.gui.volume_choice import usual_choice
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import DwiSeries, View, Volume
from napari_dwi.scan.anatomy import anatomy_on

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_dwi.gui.room import ReadingRoom

_IMAGE_KEY = "napari-dwi image"


def layer_data(image: DwiSeries | Volume) -> tuple[Any, dict[str, Any], str]:
    """A napari layer tuple that shows an image and carries it."""
    data, settings = image_layer_settings(image, View(image.grid))
    metadata = settings["metadata"] | {_IMAGE_KEY: image}
    return data, settings | {"name": image.name, "metadata": metadata}, "image"


def carries_image(layer: Layer) -> bool:
    """Whether a layer carries one of our images."""
    return _IMAGE_KEY in layer.metadata


def take_over(room: ReadingRoom) -> None:
    """Make the layers that carry images part of the room.

    A series, with the volumes that came with it, takes the place of the scan on show, after asking
    if something would be lost. Volumes without a series join the scan on show, on its grid; without
    one they stay as they are until a series comes.
    """
    carriers = [layer for layer in room.viewer.layers if carries_image(layer)]
    images = [layer.metadata[_IMAGE_KEY] for layer in carriers]
    series = next((image for image in images if isinstance(image, DwiSeries)), None)
    volumes = [image for image in images if isinstance(image, Volume)]
    target = series if series is not None else room.series
    if target is None or not images:
        return
    # Once is enough: what cannot be taken over stays an ordinary layer.
    for layer in carriers:
        del layer.metadata[_IMAGE_KEY]
    if series is not None and not room.may_replace():
        return

    def show(made: tuple[DwiSeries | None, tuple[Volume, ...]]) -> None:
        shown, on_grid = made
        if series is None and room.series is not target:
            return
        for layer in carriers:
            if layer in room.viewer.layers:
                room.viewer.layers.remove(layer)
        if shown is None:
            room.add_anatomy(on_grid)
        else:
            room.show_scan(shown, on_grid, acquired=series, choice=choice)

    choice = usual_choice(target)

    def work(progress: Progress) -> tuple[DwiSeries | None, tuple[Volume, ...]]:
        on_grid = []
        for step, volume in enumerate(volumes):
            progress.report(step / len(volumes), volume.name)
            on_grid.append(anatomy_on(target, volume))
        return None if series is None else choice.make(series), tuple(on_grid)

    room.submit("Bringing the images onto one grid", work, show)
