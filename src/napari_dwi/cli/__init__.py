"""The ``napari-dwi`` command."""

from napari_dwi.cli.main import main

__all__ = ["main"]
