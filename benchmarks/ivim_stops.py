"""How long fits go without looking whether to stop: the longest CPU time between two looks.

Run ``OMP_NUM_THREADS=1 python benchmarks/ivim_stops.py``. Every method that fits IVIM is run on a volume of
128 x 128 x 20 voxels with 10 b-values, half of them in the mask; networks are trained anew, for few steps.
CPU seconds of the thread that computes, because other programs share the machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time

from ivim_speed import volume_of

from napari_dwi.fit._network_keeping import CACHE_VARIABLE
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method

_BRIEF = {"steps": "3000", "restart_steps": "600"}


def main() -> None:
    """Print a line for every method and model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [method.name for method in methods_of("fit") if not method.uses_torch]
    parser.add_argument("--methods", nargs="*", default=known)
    parser.add_argument("--models", nargs="*", default=["adc", "ivim", "triexp"])
    options = parser.parse_args()
    inputs = volume_of(20.0)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        print(f"{'method':26}{'model':10}{'longest, CPU s':>16}  while")
        for name in options.methods:
            method = find_method(name, "fit")
            for model in (model for model in method.models if model in options.models):
                settings = {"model": model} | (_BRIEF if name.startswith("network-") else {})
                looks = _Looks()
                parameters = method.settings().with_settings(settings)
                run_method(method, parameters, inputs, device="cpu", threads=1, progress=looks.progress)
                print(f"{name:26}{model:10}{looks.longest:16.2f}  {looks.phrase}", flush=True)


class _Looks:
    """The longest time between two looks, and what was going on."""

    def __init__(self) -> None:
        self.longest, self.phrase = 0.0, ""
        self._now = ""
        self._last = time.thread_time()

    @property
    def progress(self) -> Progress:
        return Progress(self._hear, self._look)

    def _hear(self, _fraction: float, phrase: str) -> None:
        self._now = phrase

    def _look(self) -> bool:
        now = time.thread_time()
        if now - self._last > self.longest:
            self.longest, self.phrase = now - self._last, self._now
        self._last = now
        return False


if __name__ == "__main__":
    main()
