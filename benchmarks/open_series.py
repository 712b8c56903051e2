"""Seconds and memory that opening a large series takes.

Run ``python benchmarks/open_series.py``, with ``--gui`` on a desktop or under
``xvfb-run -a -s "-screen 0 1920x1080x24"``. It writes two series of 256 x 256 x 60 voxels and 16 volumes
as int16 .nii.gz: one of full-range noise, which gzip cannot shrink (126 MB), and one of 12-bit noise as
scanners store it. Each is opened by a process of its own: by us, by nibabel in its two ways, and through
the Scan dock of napari. Memory is the highest resident size of the process, less what it had before
opening; the ratio is to the float32 array.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

_SHAPE = (256, 256, 60, 16)
_FLOAT32_BYTES = int(np.prod(_SHAPE)) * 4
_B_VALUES = (0, 10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 500, 600, 800, 1000)
_WAYS = ("ours", "nibabel float64", "nibabel float32")


def _write(path: Path, *, full_range: bool) -> None:
    import nibabel as nib

    random = np.random.default_rng(0)
    if full_range:
        stored = random.integers(0, 32767, _SHAPE, np.int16) * random.choice([-1, 1], _SHAPE).astype(np.int16)
    else:
        stored = np.clip(random.normal(300, 300, _SHAPE), 0, 4095).astype(np.int16)
    image = nib.Nifti1Image(stored, np.diag([-0.9, 0.9, 2.0, 1.0]))
    path.write_bytes(gzip.compress(image.to_bytes(), 1, mtime=0))
    path.with_name("scan.bval").write_text(" ".join(str(b) for b in _B_VALUES))


def _open(way: str, path: Path) -> None:
    """Open the file in this process, and print what it took."""
    import psutil

    opener = _opener(way, path)
    before = psutil.Process().memory_info().rss
    started, cpu_started = time.perf_counter(), time.process_time()
    kept = opener()
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    took = {"seconds": seconds, "cpu_seconds": cpu_seconds, "bytes": _highest_rss() - before}
    print(json.dumps(took), flush=True)
    del kept
    # What napari leaves to its exit is not measured.
    os._exit(0)


def _opener(way: str, path: Path) -> Callable[[], object]:
    if way == "ours":
        from napari_dwi.scan import open_series

        return lambda: open_series(path)
    if way == "gui":
        return _gui_opener(path)
    import nibabel as nib

    dtype = np.float64 if way.endswith("64") else np.float32
    return lambda: nib.load(path).get_fdata(dtype=dtype)


def _gui_opener(path: Path) -> Callable[[], object]:
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_dwi.gui.room import ReadingRoom
    from napari_dwi.methods.recovery import FOLDER_VARIABLE

    os.environ[FOLDER_VARIABLE] = str(path.parent)
    viewer = napari.Viewer()
    viewer.window.resize(1900, 1050)
    _, dock = viewer.window.add_plugin_dock_widget("napari-dwi", "Scan")
    room = ReadingRoom.of(viewer)
    QApplication.processEvents()

    def work() -> None:
        while not room.queue.is_idle:
            QApplication.processEvents()
            time.sleep(0.005)

    def opened() -> object:
        dock.open_path(path)
        work()
        dock.load_ticked()
        work()
        # The first picture: drawn, not only asked for.
        viewer.screenshot(canvas_only=True, flash=False)
        return viewer

    return opened


def _highest_rss() -> int:
    if sys.platform.startswith("linux"):
        status = Path("/proc/self/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource

    factor = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor


def main() -> None:
    """Write the files, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gui", action="store_true", help="also through the Scan dock")
    parser.add_argument("--repeats", type=int, default=3, help="the fastest counts")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _open(options.one[0], Path(options.one[1]))
        return
    ways = (*_WAYS, "gui") if options.gui else _WAYS
    with tempfile.TemporaryDirectory() as folder:
        for title, full_range in (("full-range noise", True), ("12-bit noise", False)):
            path = Path(folder) / "scan.nii.gz"
            _write(path, full_range=full_range)
            sizes = f"{path.stat().st_size / 1e6:.0f} MB packed, {_FLOAT32_BYTES / 1e6:.0f} MB as float32"
            print(f"{title}: {sizes}")
            for way in ways:
                runs = [_run(way, path) for _ in range(options.repeats)]
                best = min(runs, key=lambda run: run["seconds"])
                peak = max(run["bytes"] for run in runs)
                print(
                    f"  {way:16} {best['seconds']:6.2f} s, {best['cpu_seconds']:.2f} s of processor"
                    f" {peak / 1e6:7.0f} MB = {peak / _FLOAT32_BYTES:.2f} x float32",
                    flush=True,
                )


def _run(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", way, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
