"""Works in a napari window until it is killed; run by test_recovery.

Loads the scan in a folder, draws a region, denoises, and dies by SIGKILL either at the sign of who
started it, while the next job runs, or by its own hand in the middle of saving.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer

from napari_dwi.methods.recovery import recovery_folder
from napari_dwi.methods.session import SESSION_FILE, read_session


def wait_until(reached, seconds: float = 120.0) -> None:
    """Let the window live until something is so."""
    loop, limit, look = QEventLoop(), QTimer(), QTimer()
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    look.timeout.connect(lambda: loop.quit() if reached() else None)
    limit.start(round(1000 * seconds))
    look.start(20)
    loop.exec()
    look.stop()
    assert reached()


def kept():
    """What the session folder of this process says."""
    files = list(recovery_folder().glob(f"{os.getpid()}-*/{SESSION_FILE}"))
    return read_session(files[0]) if files else None


def die_while_writing(event: str, args: tuple) -> None:
    """Be killed while the second image of a result is being written."""
    if event == "open" and str(args[0]).endswith(".partial") and "residual" in str(args[0]):
        os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, moment: str) -> None:
    viewer = napari.Viewer()
    docks = {
        name: viewer.window.add_plugin_dock_widget("napari-dwi", name)[1] for name in ("Scan", "Denoise")
    }
    room = docks["Scan"].room
    wait_until(docks["Scan"].isVisible)
    docks["Scan"].open_path(folder)
    wait_until(lambda: docks["Scan"].load_button.isEnabled() and room.queue.is_idle)
    docks["Scan"].load_button.click()
    wait_until(lambda: room.series is not None and room.queue.is_idle)
    region = room.regions.add("lesion")
    room.regions.fill((np.array([2, 2]), np.array([3, 4]), np.array([5, 5])), region.code)
    docks["Denoise"].pick("gaussian")
    docks["Denoise"].run_button.click()
    wait_until(lambda: room.queue.is_idle and any(shown.role == "denoised" for shown in room.shown))
    wait_until(lambda: (session := kept()) is not None and session.regions is not None)
    if moment == "save":
        sys.addaudithook(die_while_writing)
        docks["Denoise"].save(folder / "results")
    else:
        docks["Denoise"].pick("bl-inr")
        docks["Denoise"].run_button.click()
        wait_until(lambda: room.queue.running is not None and room.queue.running.fraction > 0)
        sys.stdout.write("running\n")
        sys.stdout.flush()
    wait_until(lambda: False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
