"""DICOM folders: their series, and each of them as a checked image.

Pixels and geometry come from dcm2niix, b-values from the headers; neither is trusted alone.
"""

from napari_dwi.scan.dicom.listing import list_series
from napari_dwi.scan.dicom.loading import load_anatomy, load_dwi
from napari_dwi.scan.dicom.sources import source_now

__all__ = ["list_series", "load_anatomy", "load_dwi", "source_now"]
