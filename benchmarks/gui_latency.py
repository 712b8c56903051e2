"""How responsive napari stays while BL-INR trains.

Run ``xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/gui_latency.py`` (or on a desktop).
A timer samples the event loop every 5 ms in a real napari with all docks open while BL-INR trains
in the background, and the time from Stop to the end of the job is taken at several moments.
"""

from __future__ import annotations

import argparse
import time

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, Qt, QTimer

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.scan import resample_to

_SAMPLE_MS = 5


class _Sampler:
    """Collects the gaps between ticks of a timer, in ms."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_SAMPLE_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin."""
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """End."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.gaps.append(1000 * (now - self._last))
        self._last = now

    def row(self, name: str) -> str:
        """Percentiles as a row of a table."""
        gaps = np.array(self.gaps)
        figures = [np.median(gaps), *np.percentile(gaps, [95, 99]), gaps.max()]
        return f"{name:28}" + "".join(f"{figure:10.1f}" for figure in figures) + f"{len(gaps):10}"


def _spin(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each state is sampled")
    parser.add_argument("--preset", default="recommended", help="settings of BL-INR")
    options = parser.parse_args()
    scan = simulate_brain(snr=5.0)
    viewer = napari.Viewer()
    viewer.window.resize(1900, 1050)
    for name in ("Scan", "Regions", "Denoise"):
        _, dock = viewer.window.add_plugin_dock_widget("napari-dwi", name, tabify=True)
    room = ReadingRoom.of(viewer)
    room.show_scan(scan.series, tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy))
    _spin(2.0)
    print(
        f"{'gaps of the event loop, ms':28}"
        + "".join(f"{c:>10}" for c in ("median", "p95", "p99", "max", "n"))
    )
    idle = _Sampler()
    idle.start()
    _spin(options.seconds / 2)
    idle.stop()
    print(idle.row("idle"), flush=True)
    dock.pick("bl-inr", options.preset)
    for name in ("first job (imports torch)", "second job", "third job"):
        sampler = _Sampler()
        sampler.start()
        dock.run()
        _spin(options.seconds)
        sampler.stop()
        job = room.queue.running
        if job is None:
            print(f"{name}: over before the sampling was; take fewer --seconds")
            continue
        stopped = time.perf_counter()
        job.stop()
        while room.queue.running is not None:
            _spin(0.002)
        print(
            sampler.row(name) + f"   stopped at {100 * job.fraction:.0f} % in "
            f"{1000 * (time.perf_counter() - stopped):.0f} ms",
            flush=True,
        )
    viewer.close()


if __name__ == "__main__":
    main()
