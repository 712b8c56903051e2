"""Which side of the patient is on which side of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.camera_orientations import (
    DepthAxisOrientation,
    HorizontalAxisOrientation,
    VerticalAxisOrientation,
)

if TYPE_CHECKING:
    import napari

    from napari_dwi.scan.view import Convention

_N_AXES = 3
_X = 2


class ConventionCamera:
    """Turns the camera so that slices are seen in radiological or neurological convention.

    The layers stay as they are, laid out radiologically: regions, what the user has drawn and the
    history of undo keep their place in the patient. In 3-D there is no convention to follow; there
    the camera makes sure that the patient is not mirrored, however the axes are transposed.

    Parameters
    ----------
    viewer : Viewer
        The last three axes of its layers are (z, y, x) of a radiological `View`.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._convention: Convention = "radiological"
        viewer.dims.events.order.connect(self._turn)
        viewer.dims.events.ndisplay.connect(self._turn)
        self._turn()

    @property
    def convention(self) -> Convention:
        """The convention slices are shown in."""
        return self._convention

    @convention.setter
    def convention(self, convention: Convention) -> None:
        self._convention = convention
        self._turn()

    def _turn(self) -> None:
        """Look at the axes on show from the right side."""
        dims = self._viewer.dims
        shown = [axis - (dims.ndim - _N_AXES) for axis in dims.displayed]
        mirrored = len(shown) == _N_AXES and min(shown) >= 0 and _is_odd(shown)
        turned = self._convention == "neurological" and len(shown) < _N_AXES
        self._viewer.scene.camera.orientation = (
            DepthAxisOrientation.AWAY if mirrored else DepthAxisOrientation.TOWARDS,
            VerticalAxisOrientation.UP if turned and shown[-2] == _X else VerticalAxisOrientation.DOWN,
            HorizontalAxisOrientation.LEFT if turned and shown[-1] == _X else HorizontalAxisOrientation.RIGHT,
        )


def _is_odd(order: list[int]) -> bool:
    """Whether an order of the axes takes an odd number of exchanges, which mirrors what is seen."""
    return bool(np.linalg.det(np.eye(len(order))[order]) < 0)
