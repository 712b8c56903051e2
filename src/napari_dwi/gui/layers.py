"""napari layers for our images: voxel-aligned, in millimetres, radiological."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap

from napari_dwi.methods.display import Display
from napari_dwi.scan import DwiSeries, Grid, View, Volume

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels
    from numpy.typing import NDArray

METADATA_KEY = "napari-dwi"
# Blue below zero, orange above, black at zero: what a method left alone disappears.
RESIDUAL_COLORMAP = Colormap(
    [
        [0.35, 0.75, 1.0, 1.0],
        [0.1, 0.3, 0.8, 1.0],
        [0.0, 0.0, 0.0, 1.0],
        [0.85, 0.35, 0.05, 1.0],
        [1.0, 0.8, 0.35, 1.0],
    ],
    name="residual",
)
_MAP_COLORMAP = "viridis"

_AXES = ("b", "z", "y", "x")
_UNITS = ("pixel", "mm", "mm", "mm")
# Of the brightest voxels this share may saturate; they are vessels, fat or noise.
_WINDOW_PERCENTILE = 99.5
_SAMPLE = 200_000


def add_image_layer(
    viewer: napari.Viewer,
    image: DwiSeries | Volume,
    view: View,
    name: str,
    *,
    is_residual: bool = False,
    display: Display | None = None,
    metadata: dict[str, Any] | None = None,
) -> Image:
    """Show an image; a view of its voxels, not a copy.

    Parameters
    ----------
    viewer : Viewer
        Where.
    image : DwiSeries or Volume
        What; its grid is that of the view, or a finer one with the same axes.
    view : View
        How the scan is laid out on the screen.
    name : str
        Name of the layer.
    is_residual : bool
        Differences get a diverging colormap, symmetric about zero.
    display : Display, optional
        Colours and limits of a map, whose values are in screen units.
    metadata : dict, optional
        How the image was made.
    """
    data, settings = image_layer_settings(image, view, is_residual=is_residual)
    if display is not None:
        settings["colormap"] = display.colormap
        highest = max(display.codes, default=0)
        settings["contrast_limits"] = (
            (0, highest) if highest else display.limits or settings["contrast_limits"]
        )
    settings["metadata"] = {METADATA_KEY: metadata or {}}
    return viewer.add_image(data, name=name, **settings)


def image_layer_settings(
    image: DwiSeries | Volume, view: View, *, is_residual: bool = False
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """The display array of an image, and how a napari layer is to show it."""
    data = view.on(image.grid).to_display(image.signal if isinstance(image, DwiSeries) else image.data)
    settings = {
        "colormap": RESIDUAL_COLORMAP if is_residual else _colormap_of(image),
        "contrast_limits": symmetric_window(data) if is_residual else window(data),
        "interpolation2d": "nearest",
        "metadata": {},
        **_geometry(view, data.ndim, image.grid),
    }
    return data, settings


def _colormap_of(image: DwiSeries | Volume) -> str:
    """Images are grey; the values of a map mean something by themselves and get colours."""
    return _MAP_COLORMAP if isinstance(image, Volume) and image.kind == "map" else "gray"


def on_all_volumes(image: DwiSeries, series: DwiSeries) -> DwiSeries:
    """An image of some b-values of a series, NaN at the others.

    The slider counts volumes: without this a result at b = 400 and 800 alone would stand beside
    b = 0 and 400 of the scan.
    """
    volumes = np.flatnonzero(np.isin(series.b_values.values, image.b_values.values))
    if len(image.b_values) == len(series.b_values) or len(volumes) != len(image.b_values):
        return image
    shape = (*image.grid.shape, len(series.b_values))
    signal = np.full(shape, np.nan, dtype=np.float32, order="F")
    signal[..., volumes] = image.signal
    return replace(image, signal=signal, b_values=series.b_values)


def add_label_layer(viewer: napari.Viewer, labels: NDArray[np.uint8], view: View, name: str) -> Labels:
    """Show labels in display order (z, y, x); the array itself is shared, not copied."""
    layer = viewer.add_labels(labels, name=name, **_geometry(view, 3, view.grid))
    layer.contour = 1
    layer.opacity = 1.0
    return layer


def window(data: NDArray[np.float32]) -> tuple[float, float]:
    """Contrast limits for magnitude data: from zero to nearly the brightest voxel."""
    values = _sample(data)
    high = float(np.percentile(values, _WINDOW_PERCENTILE)) if values.size else 1.0
    low = min(0.0, float(np.percentile(values, 100 - _WINDOW_PERCENTILE))) if values.size else 0.0
    return low, high if high > low else low + 1.0


def symmetric_window(data: NDArray[np.float32]) -> tuple[float, float]:
    """Contrast limits for differences: the same on both sides of zero."""
    values = np.abs(_sample(data))
    high = float(np.percentile(values, _WINDOW_PERCENTILE)) if values.size else 1.0
    return (-high, high) if high > 0 else (-1.0, 1.0)


def _sample(data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Finite values, thinned so that a window is found at once even in a large series."""
    step = max(1, round((data.size / _SAMPLE) ** (1 / 2)))
    values = data[..., ::step, ::step]
    return values[np.isfinite(values)]


def _geometry(view: View, n_axes: int, grid: Grid) -> dict[str, Any]:
    """Where an image lies in the world of the view: millimetres from its first display voxel."""
    scale = (1.0, *view.on(grid).spacing_mm)[-n_axes:]
    return {
        "scale": scale,
        "translate": (0.0, *view.offset_mm(grid))[-n_axes:],
        "units": _UNITS[-n_axes:],
        "axis_labels": _AXES[-n_axes:],
    }
