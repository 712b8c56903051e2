"""The whole story on a digital head: load, draw, measure, denoise, save, in a real napari."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TypeVar

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QDockWidget

from napari_dwi.errors import MethodFailedError
from napari_dwi.gui.denoise_dock import DenoiseDock
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.regions_dock import RegionsDock
from napari_dwi.gui.room import ReadingRoom
from napari_dwi.gui.scan_dock import ScanDock
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_files import save_simulated
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.scan import Volume

_AnyDock = TypeVar("_AnyDock", bound=Dock)

_PLUGIN = "napari-dwi"
_SNR = 8.0
_B_ON_SHOW = 3
_WINDOW = (1900, 1050)
_LESION, _BACKGROUND = "lesion", "white matter"
_BACKGROUND_RADIUS_MM = 9.0


def run_demo(out: Path, *, headless: bool) -> int:
    """Run the demo and leave its files in a folder.

    Parameters
    ----------
    out : Path
        Receives ``scan`` (the simulated scan and its truth), ``results`` (denoised series, residual,
        regions, their table) and ``screenshot.png``.
    headless : bool
        Close napari at the end instead of leaving it to the user.

    Returns
    -------
    int
        0; errors are raised.
    """
    _tell("Simulating a head ...")
    scan = simulate_brain(snr=_SNR)
    save_simulated(scan, out / "scan")
    _tell("Opening napari ...")
    viewer = napari.Viewer(title="napari-dwi demo")
    viewer.window.resize(*_WINDOW)
    scan_dock = _dock(viewer, "Scan", ScanDock)
    regions_dock = _dock(viewer, "Regions", RegionsDock)
    denoise_dock = _dock(viewer, "Denoise", DenoiseDock)
    room = scan_dock.room

    _tell("Loading the scan ...")
    scan_dock.open_path(out / "scan")
    _wait(room)
    scan_dock.load_ticked()
    _wait(room)
    if room.regions is None or room.view is None:
        raise MethodFailedError("the demo scan did not load")
    for name, mask in _demo_regions(scan).items():
        region = room.regions.add(name)
        room.regions.fill(np.nonzero(room.view.to_display(mask)), region.code)
    shown_slice = int(np.nonzero(room.regions.labels)[0][0])
    viewer.dims.set_current_step(0, _B_ON_SHOW)
    viewer.dims.set_current_step(1, shown_slice)
    _pause()
    regions_dock.background_box.setCurrentText(_BACKGROUND)

    _tell("Denoising with BL-INR (about a minute on a CPU) ...")
    denoise_dock.pick("bl-inr", "fast")
    denoise_dock.run()
    _wait(room)
    if not any(shown.role == "denoised" for shown in room.shown):
        raise MethodFailedError("the demo scan was not denoised")
    _raise(regions_dock)
    _pause(1.0)
    viewer.window.screenshot(str(out / "screenshot.png"), flash=False)
    denoise_dock.save(out / "results")
    _wait(room)
    regions_dock.save(out / "results" / "brain_desc-regions_dseg.nii.gz")
    regions_dock.export(out / "results" / "brain_stats.tsv")
    _tell(f"Done. Look at {out / 'screenshot.png'} and the files in {out / 'results'}.")
    if headless:
        viewer.close()
    else:
        napari.run()
    return 0


def _demo_regions(scan: SimulatedScan) -> dict[str, np.ndarray]:
    """The largest lesion in its largest slice, and a disc of pure white matter beside it."""
    codes = {name: code for code, name in scan.label_names.items()}
    labels: Volume = scan.labels
    lesions = [labels.data == code for name, code in codes.items() if name.startswith("lesion")]
    lesion = max(lesions, key=np.count_nonzero)
    z = int(np.argmax(lesion.sum(axis=(0, 1))))
    white = labels.data[..., z] == codes["white matter"]
    return {_LESION: _only_slice(lesion, z), _BACKGROUND: _white_matter_disc(white, lesion, z, labels)}


def _only_slice(mask: np.ndarray, z: int) -> np.ndarray:
    kept = np.zeros_like(mask)
    kept[..., z] = mask[..., z]
    return kept


def _white_matter_disc(white: np.ndarray, lesion: np.ndarray, z: int, labels: Volume) -> np.ndarray:
    """White matter around the point deepest inside it."""
    from scipy.ndimage import distance_transform_edt

    spacing = labels.grid.spacing_mm[:2]
    depth = distance_transform_edt(white, sampling=spacing)
    centre = np.unravel_index(np.argmax(depth), depth.shape)
    x, y = np.ogrid[: white.shape[0], : white.shape[1]]
    distance = np.hypot((x - centre[0]) * spacing[0], (y - centre[1]) * spacing[1])
    disc = np.zeros(lesion.shape, dtype=bool)
    disc[..., z] = white & (distance <= _BACKGROUND_RADIUS_MM)
    return disc


def _dock(viewer: napari.Viewer, name: str, kind: type[_AnyDock]) -> _AnyDock:
    _, widget = viewer.window.add_plugin_dock_widget(_PLUGIN, name, tabify=True)
    if not isinstance(widget, kind):
        raise MethodFailedError(f"the {name} dock did not open")
    return widget


def _raise(dock: Dock) -> None:
    parent = dock.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    if parent is not None:
        parent.raise_()


def _wait(room: ReadingRoom) -> None:
    """Let the window live until the queue is empty."""
    while not room.queue.is_idle:
        _pause(0.05)
    _pause()


def _pause(seconds: float = 0.3) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
