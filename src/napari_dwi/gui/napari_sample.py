"""napari's File > Open Sample: the digital head."""

from __future__ import annotations

from typing import Any

import napari

from napari_dwi.gui.loose_layers import layer_data
from napari_dwi.physics.simulation import simulate_brain

_SNR = 10.0


def open_brain() -> list[tuple[Any, dict[str, Any], str]]:
    """Layers of a simulated head (b = 0, 50, 400, 800 s/mm2, T1, T2), and the Scan dock to use them."""
    scan = simulate_brain(snr=_SNR)
    viewer = napari.current_viewer()
    if viewer is not None:
        viewer.window.add_plugin_dock_widget("napari-dwi", "Scan")
    return [layer_data(scan.series), *(layer_data(volume) for volume in scan.anatomy)]
