"""napari's File > Open and drag-and-drop: our images as layers.

The layers carry the images they were made from, so that the docks, once open, can take them over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_dwi.errors import DwiError
from napari_dwi.gui.loose_layers import layer_data
from napari_dwi.scan import DwiSeries, list_series, open_image

LayerData = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """The reader for a path, if it holds something that we read.

    Parameters
    ----------
    path : str or list of str
        A NIfTI file or a folder.
    """
    first = Path(path[0] if isinstance(path, list) else path)
    try:
        list_series(first)
    except DwiError:
        return None
    return _read


def _read(path: str | list[str]) -> list[LayerData]:
    images = [open_image(Path(one)) for one in (path if isinstance(path, list) else [path])]
    images.sort(key=lambda image: not isinstance(image, DwiSeries))
    return [layer_data(image) for image in images]
