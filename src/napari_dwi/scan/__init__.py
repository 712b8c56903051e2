"""Scans: what they are, how they are read and written, and where they lie in the patient."""

from napari_dwi.scan.b_values import BValues, format_b_value
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Source, Volume
from napari_dwi.scan.info import SeriesInfo
from napari_dwi.scan.reading import list_series, open_image, open_series, open_volume
from napari_dwi.scan.resampling import resample_to
from napari_dwi.scan.view import View
from napari_dwi.scan.writing import save

__all__ = [
    "BValues",
    "DwiSeries",
    "Grid",
    "SeriesInfo",
    "Source",
    "View",
    "Volume",
    "format_b_value",
    "list_series",
    "open_image",
    "open_series",
    "open_volume",
    "resample_to",
    "save",
]
