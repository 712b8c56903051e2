"""Layers made outside the docks that carry one of our images, for the docks to take over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_dwi.gui.layers import image_layer_settings
from napari_dwi.scan import DwiSeries, View, Volume, resample_to

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

_IMAGE_KEY = "napari-dwi image"


def layer_data(image: DwiSeries | Volume) -> tuple[Any, dict[str, Any], str]:
    """A napari layer tuple that shows an image and carries it."""
    data, settings = image_layer_settings(image, View(image.grid))
    metadata = settings["metadata"] | {_IMAGE_KEY: image}
    return data, settings | {"name": image.name, "metadata": metadata}, "image"


def has_loose_series(viewer: napari.Viewer) -> bool:
    """Whether a layer carries a diffusion series."""
    return any(isinstance(layer.metadata.get(_IMAGE_KEY), DwiSeries) for layer in viewer.layers)


def let_loose_layers_be(viewer: napari.Viewer) -> None:
    """Leave the layers that carry images to the user, as ordinary layers."""
    for layer in viewer.layers:
        layer.metadata.pop(_IMAGE_KEY, None)


def take_loose_layers(viewer: napari.Viewer) -> tuple[DwiSeries, tuple[Volume, ...]] | None:
    """Remove the layers that carry images, and give a series with its anatomy on one grid.

    ``None`` if there is no series among them; then nothing is removed.
    """
    carriers = [layer for layer in viewer.layers if _IMAGE_KEY in layer.metadata]
    images = [layer.metadata[_IMAGE_KEY] for layer in carriers]
    series = next((image for image in images if isinstance(image, DwiSeries)), None)
    if series is None:
        return None
    for layer in carriers:
        viewer.layers.remove(layer)
    volumes = [image for image in images if isinstance(image, Volume)]
    return series, tuple(resample_to(volume, series.grid) for volume in volumes)


def carries_image(layer: Layer) -> bool:
    """Whether a layer carries one of our images."""
    return _IMAGE_KEY in layer.metadata
