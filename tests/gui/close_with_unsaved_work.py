"""Presses the X of a napari window with unsaved regions; run by test_closing with the answer to give."""

from __future__ import annotations

import json
import sys

import napari
import numpy as np
from close_while_running import press_x, wait_until
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox, QPushButton

from napari_dwi.gui import room as rooms
from napari_dwi.methods.recovery import abandoned_sessions
from napari_dwi.scan import BValues, DwiSeries, Grid


def main(answer: str, folder: str) -> None:
    viewer = napari.Viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-dwi", "Scan")
    room = dock.room
    window = viewer.window._qt_window
    closed: list[bool] = []
    window.destroyed.connect(lambda: closed.append(True))
    QFileDialog.getSaveFileName = staticmethod(lambda *_: (folder, ""))
    asked: list[str] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox) and box.isVisible():
            asked.append(box.text())
            buttons = [b for b in box.findChildren(QPushButton) if b.text().replace("&", "") == answer]
            buttons[0].click()

    wait_until(lambda: dock.isVisible() and window.windowHandle().isExposed())
    signal = np.random.default_rng(1).uniform(1, 9, (8, 8, 4, 2)).astype(np.float32)
    room.show_scan(DwiSeries(signal, Grid((8, 8, 4), np.eye(4)), BValues(np.array([0, 800])), "made"), ())
    region = room.regions.add("lesion")
    room.regions.fill((np.array([1]), np.array([2]), np.array([3])), region.code)
    answering = QTimer()
    answering.timeout.connect(look)
    answering.start(20)
    press_x(int(window.winId()))
    wait_until(lambda: bool(asked))
    wait_until(lambda: bool(closed), 0.5 if answer == "Cancel" else 15.0)
    said = {
        "asked": asked,
        "closed": bool(closed),
        "rooms": len(rooms._rooms),
        "to recover": len(abandoned_sessions()),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    if not closed:
        room.close(discard=True)
        viewer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
