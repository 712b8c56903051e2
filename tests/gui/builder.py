"""A small scan whose directions can be told from its voxels, and the hands of a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget

from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, save

SHAPE = (24, 20, 6)
SPACING_MM = (2.0, 2.0, 4.0)
B_VALUES = (0.0, 400.0, 800.0)
# x grows to the patient's left, y to anterior, z to superior, as scanners store transverse slices.
AFFINE = np.array([[-2.0, 0, 0, 23], [0, 2, 0, -19], [0, 0, 4, -10], [0, 0, 0, 1]])
# Stored voxels of a bright block far to the left, a little anterior, in the upper half.
MARKER = (slice(19, 22), slice(11, 14), slice(4, 5))
MARKER_CENTRE = (20, 12, 4)
MARKER_SIGNAL = 3000.0
_BETWEEN_MOVES_MS = 10
_TRIES = 20


@dataclass(frozen=True, eq=False)
class Scan:
    """A series, and anatomy of the same patient on a finer grid of its own."""

    series: DwiSeries
    anatomy: Volume


def make_scan(name: str = "brain") -> Scan:
    """Noisy tissue with the marker; both images show the marker at the same place in the patient."""
    rng = np.random.default_rng(7)
    grid = Grid(SHAPE, AFFINE, "sform")
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    tissue = np.where((x / 0.9) ** 2 + (y / 0.9) ** 2 + (z / 2) ** 2 < 1, 1000 + 200 * y, 0)
    tissue[MARKER] = MARKER_SIGNAL
    signal = tissue[..., None] * np.exp(-1e-3 * np.array(B_VALUES))
    signal = np.abs(signal + rng.normal(0, 40, signal.shape)).astype(np.float32)
    series = DwiSeries(signal, grid, BValues(np.array(B_VALUES)), name)

    fine = Grid((40, 36, 12), np.diag([1.5, 1.5, 2.5, 1.0]) + _shift(-32, -24, -14), "sform")
    index = np.stack(np.meshgrid(*(np.arange(n) for n in fine.shape), indexing="ij"), axis=-1)
    distance_mm = np.linalg.norm(fine.to_mm(index) - grid.to_mm(MARKER_CENTRE), axis=-1)
    anatomy = 100 + 900 * np.exp(-((distance_mm / 4) ** 2))
    return Scan(series, Volume(anatomy.astype(np.float32), fine, name="T2"))


def save_scan(scan: Scan, folder: Path) -> Path:
    """The scan as a folder of NIfTI files."""
    folder.mkdir(parents=True)
    save(scan.series, folder / f"{scan.series.name}.nii.gz")
    save(scan.anatomy, folder / f"{scan.anatomy.name}.nii.gz")
    return folder


def _shift(x: float, y: float, z: float) -> np.ndarray:
    shift = np.zeros((4, 4))
    shift[:3, 3] = x, y, z
    return shift


class Mouse:
    """The left mouse button on the canvas of a viewer on show, by real Qt events.

    Points are in millimetres along the two displayed axes (row, column).
    """

    def __init__(self, viewer) -> None:
        self._viewer = viewer
        self._canvas = viewer.window._qt_viewer.canvas.native

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, move to the others, release at the last."""
        pixels = [self._pixel(point) for point in points]
        self._send(QEvent.Type.MouseMove, pixels[0], pressed=False)
        self._send(QEvent.Type.MouseButtonPress, pixels[0], pressed=True)
        for start, end in pairwise(pixels):
            for step in np.linspace(0, 1, 5)[1:]:
                self._send(QEvent.Type.MouseMove, start + step * (end - start), pressed=True)
        self._send(QEvent.Type.MouseButtonRelease, pixels[-1], pressed=False, button=True)

    def click(self, point: tuple[float, float], *, double: bool = False) -> None:
        """Click or double-click."""
        pixel = self._pixel(point)
        self._send(QEvent.Type.MouseMove, pixel, pressed=False)
        kind = QEvent.Type.MouseButtonDblClick if double else QEvent.Type.MouseButtonPress
        self._send(kind, pixel, pressed=True)
        self._send(QEvent.Type.MouseButtonRelease, pixel, pressed=False, button=True)

    def _pixel(self, point: tuple[float, float]) -> np.ndarray:
        # Where two pixels lie in the patient says where all of them do.
        near, far = np.array([0.2, 0.2]) * self._size(), np.array([0.4, 0.3]) * self._size()
        at_near, at_far = self._position(near), self._position(far)
        column, row = (
            near[n] + (point[1 - n] - at_near[1 - n]) * (far[n] - near[n]) / (at_far[1 - n] - at_near[1 - n])
            for n in (0, 1)
        )
        return np.array([column, row])

    def _position(self, pixel: np.ndarray) -> tuple[float, float]:
        row, column = self._viewer.dims.displayed[-2:]
        before = self._viewer.cursor.position
        for _ in range(_TRIES):
            self._send(QEvent.Type.MouseMove, pixel, pressed=False)
            if (position := self._viewer.cursor.position) != before:
                break
        return position[row], position[column]

    def _size(self) -> np.ndarray:
        return np.array([self._canvas.width(), self._canvas.height()])

    def _send(self, kind: QEvent.Type, pixel: np.ndarray, *, pressed: bool, button: bool = False) -> None:
        held = Qt.MouseButton.LeftButton if pressed else Qt.MouseButton.NoButton
        changed = Qt.MouseButton.LeftButton if button or kind != QEvent.Type.MouseMove else held
        if kind == QEvent.Type.MouseMove:
            changed = Qt.MouseButton.NoButton
        x, y = (float(value) for value in pixel)
        screen = QPointF(self._canvas.mapToGlobal(QPoint(round(x), round(y))))
        event = QMouseEvent(kind, QPointF(x, y), screen, changed, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self._canvas, event)
        # napari takes one move in 5 ms and drops those in between.
        QTest.qWait(_BETWEEN_MOVES_MS)


@contextmanager
def answering(button: str) -> Iterator[list[str]]:
    """Click a button of every question that comes up; gives the questions asked."""
    asked: list[str] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox) and box.isVisible():
            asked.append(box.text())
            named(box, button).click()

    timer = QTimer()
    timer.setInterval(20)
    timer.timeout.connect(look)
    timer.start()
    try:
        yield asked
    finally:
        timer.stop()


def named(parent: QWidget, text: str) -> QPushButton:
    """The button with that text."""
    found = [b for b in parent.findChildren(QPushButton) if b.text().replace("&", "") == text]
    assert found, f"no button {text}"
    return found[0]


def on_screen(viewer, layer, index: tuple[int, ...]) -> np.ndarray:
    """Where a voxel (indices of the layer's array) is drawn: pixels to the right and down."""
    canvas = viewer.window._qt_viewer.canvas
    to_canvas = canvas.layer_to_visual[layer].node.get_transform("visual", "canvas")
    shown = [axis - (viewer.dims.ndim - layer.ndim) for axis in reversed(viewer.dims.displayed)]
    # A voxel reaches from its index to the next.
    pixel = to_canvas.map([index[axis] + 0.5 for axis in shown])
    return pixel[:2] / pixel[3]


def fill(room, name, box):
    region = room.regions.add(name)
    mask = np.zeros(room.view.shape, bool)
    mask[box] = True
    room.regions.fill(np.nonzero(mask), region.code)
    return region


def settled(qtbot, dock):
    """Until the table shows what is drawn."""
    regions = dock.room.regions
    qtbot.waitUntil(lambda: not regions._settle.isActive() and regions.digest == regions._seen)
