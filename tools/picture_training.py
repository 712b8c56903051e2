"""The picture of docs/training.md: the parts of the Train dock, with real pairs, a run, a search and scores.

Run ``xvfb-run -a -s "-screen 0 1920x1300x24" python tools/picture_training.py docs/training.png`` (or on a
large desktop). The pairs are simulated scans of digital heads; one is displaced by a third of a voxel, as if
the patient had moved. Training is short: it is a picture of the dock, not of what a network can do.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtGui import QPainter, QPixmap

from napari_dwi.gui.training_choices import TrainingChoices
from napari_dwi.gui.training_dock import TrainingDock
from napari_dwi.methods.recovery import FOLDER_VARIABLE
from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.scan import Grid, Volume, save
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions
from napari_dwi.superres.pairs.request import PairRequest
from napari_dwi.superres.training.checkpoint import NETWORK

_HEADS = 5
_SHAPE, _SPACING_MM = (112, 128, 8), (1.8, 1.8, 8.0)
_DISPLACED, _DISPLACEMENT = 2, (0.3, -0.1)
_NOISE = 0.05
_REGIONS, _MEASURED = Path("rois"), 4
_REGION, _BACKGROUND = "white matter", "grey matter"
_DOCK, _GAP = (430, 1220), 8
_EPOCHS, _TRIALS, _TRIAL_EPOCHS = 24, 12, 3


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out = out.resolve()
    with tempfile.TemporaryDirectory() as place:
        os.environ[FOLDER_VARIABLE] = place
        # Paths are part of the picture.
        os.chdir(place)
        viewer = napari.Viewer()
        floating, dock = viewer.window.add_plugin_dock_widget("napari-dwi", "Train")
        floating.setFloating(True)
        floating.resize(*_DOCK)
        pages = _pages(dock)
        os.chdir(out.parent)
        picture = QPixmap(sum(page.width() + _GAP for page in pages) - _GAP, pages[0].height())
        picture.fill()
        painter, left = QPainter(picture), 0
        for page in pages:
            painter.drawPixmap(left, 0, page)
            left += page.width() + _GAP
        painter.end()
        picture.save(str(out))
        viewer.close()


def _pages(dock: TrainingDock) -> list[QPixmap]:
    dock.desk.make(Path("heads.zarr"))
    _wait(dock)
    for request in _requests():
        dock.desk.add(request)
    _wait(dock)
    dock.pairs.table.selectRow(0)
    for z in (0, 7):
        dock.desk.toggle("head-1-axial", z)
    _wait(dock)
    pages = [_grab(dock)]
    dock.show_page(dock.training)
    _choose(dock, {"epochs": _EPOCHS})
    dock.training.form.folder.set_path(Path("heads-fine-tuned"))
    dock.training.run()
    _wait(dock)
    pages.append(_grab(dock))
    dock.show_page(dock.search)
    dock.training.form.start_box.setCurrentIndex(1)
    form = dock.search.form
    form.trials_box.setValue(_TRIALS)
    form.epochs_box.setValue(_TRIAL_EPOCHS)
    form.processes_box.setValue(2)
    form.folder.set_path(Path("heads-search"))
    dock.search.run()
    _wait(dock)
    best = min((trial for trial in dock.search.trials if trial.value), key=lambda trial: trial.value or 0)
    dock.search.pick(best.number)
    pages.append(_grab(dock))
    dock.show_page(dock.score)
    for line, path in (
        (dock.score.network, Path("heads-fine-tuned", NETWORK)),
        (dock.score.regions, _REGIONS),
        (dock.score.out, Path("heads-scores")),
    ):
        line.set_path(path)
    dock.score.background.setText(_BACKGROUND)
    dock.score.run()
    _wait(dock)
    pages.append(_grab(dock))
    return pages


def _requests() -> list[PairRequest]:
    requests = []
    for n in range(_HEADS):
        scan = simulate_brain(np.inf, 0, _SHAPE, _SPACING_MM, (0.0,), head_seed=10 + n)
        truth = scan.truth.signal[..., 0]
        truth = truth / np.percentile(truth[truth > 0.1 * truth.max()], 99)
        pair = simulate_pair(truth, _NOISE, np.random.default_rng(n))
        high = _displaced(pair.high, _DISPLACEMENT) if n == _DISPLACED else pair.high
        paths = []
        for word, image, fine in (("low", pair.low, 1), ("high", high, 2)):
            spacing = (3.6 / fine, 3.6 / fine, 8.0)
            paths.append(Path(f"head-{n + 1}_{word}.nii.gz"))
            save(Volume(image, Grid(image.shape, np.diag([*spacing, 1.0]), "sform")), paths[-1])
        requests.append(PairRequest(paths[0], paths[1], f"head-{n + 1}", "axial"))
        _save_regions(scan, Grid(high.shape, np.diag([1.8, 1.8, 8.0, 1.0]), "sform"), f"head-{n + 1}-axial")
    return requests


def _save_regions(scan: SimulatedScan, grid: Grid, name: str) -> None:
    """White matter against grey matter, in one slice."""
    names = {code: word for code, word in scan.label_names.items() if word in (_REGION, _BACKGROUND)}
    labels = np.where(np.isin(scan.labels.data, list(names)), scan.labels.data, 0).astype(np.float32)
    labels[..., np.arange(labels.shape[2]) != _MEASURED] = 0
    _REGIONS.mkdir(exist_ok=True)
    with file_set(_REGIONS) as files:
        add_regions(files, Regions(Volume(labels, grid, "labels"), names), _REGIONS / f"{name}.nii.gz")


def _displaced(image: np.ndarray, by: tuple[float, float]) -> np.ndarray:
    rows, columns = (np.fft.fftfreq(size) * part for size, part in zip(image.shape, by, strict=False))
    phases = np.exp(-2j * np.pi * np.add.outer(rows, columns))[..., None]
    moved = np.fft.ifft2(np.fft.fft2(image, axes=(0, 1)) * phases, axes=(0, 1))
    return np.abs(moved).astype(np.float32)


def _choose(dock: TrainingDock, values: dict[str, object]) -> None:
    form = dock.training.form.form
    form.set_values(TrainingChoices.from_values(form.values().as_dict() | values))


def _grab(dock: TrainingDock) -> QPixmap:
    # What comes into sight only now has yet to be drawn.
    _pause(2.0)
    return dock.grab()


def _wait(dock: TrainingDock) -> None:
    """Let the window live until nothing is left to do."""
    _pause(0.3)
    while not (dock.room.queue.is_idle and dock.room.keeping.quick.is_idle):
        _pause(0.1)
    _pause(0.5)


def _pause(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


if __name__ == "__main__":
    main()
