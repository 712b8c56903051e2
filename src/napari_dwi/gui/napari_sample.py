"""napari's File > Open Sample: digital bodies and phantoms."""

from __future__ import annotations

from typing import Any

import napari

from napari_dwi.gui.loose_layers import layer_data
from napari_dwi.physics.phantoms.catalogue import SIMULATIONS

_SNR = 10.0
_SNR_OF_SQUARES = 50.0


def open_brain() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of a simulated head (b = 0, 50, 400, 800 s/mm2, T1, T2), and the Scan dock to use them."""
    return _sample("brain")


def open_abdomen() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of a simulated abdomen, as `open_brain`."""
    return _sample("abdomen")


def open_pelvis() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of a simulated pelvis, as `open_brain`."""
    return _sample("pelvis")


def open_head_neck() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of a simulated head and neck, as `open_brain`."""
    return _sample("head-neck")


def open_tubes() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of the phantom of 13 tubes, as `open_brain`."""
    return _sample("tubes")


def open_ivim() -> list[tuple[Any, dict[str, Any], str]]:
    """The series of squares of known f, D and D*, and the Scan dock."""
    return _sample("ivim", _SNR_OF_SQUARES)


def _sample(name: str, snr: float = _SNR) -> list[tuple[Any, dict[str, Any], str]]:
    scan = SIMULATIONS[name].simulate(snr=snr)
    viewer = napari.current_viewer()
    if viewer is not None:
        viewer.window.add_plugin_dock_widget("napari-dwi", "Scan")
    return [layer_data(scan.series), *(layer_data(volume) for volume in scan.anatomy)]
