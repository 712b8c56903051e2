"""What the benchmarks of denoising run: every method with its settings, timed, and with a limit."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

import numpy as np

from napari_dwi.errors import Stopped
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method


@dataclass(frozen=True)
class Run:
    """A method with a preset and settings.

    Parameters
    ----------
    method : str
        Name of the method.
    preset : str
        Name of a preset, or nothing.
    settings : tuple of (str, str)
        Parameters and their values as text.
    """

    method: str
    preset: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        """Method and preset."""
        return f"{self.method} {self.preset}".strip()

    def parameters(self) -> Parameters:
        """The preset with the settings."""
        return find_method(self.method).settings(self.preset or None).with_settings(dict(self.settings))


def runs_of(words: list[str]) -> list[Run]:
    """Runs from words such as ``bl-inr`` or ``bl-inr:fast``; all methods if there are none."""
    words = words or [method.name for method in methods_of("denoise")]
    runs = []
    for word in words:
        name, _, preset = word.partition(":")
        find_method(name)
        if name == "bm4d" and importlib.util.find_spec("bm4d") is None:
            print("bm4d is left out: install the extra napari-dwi[bm4d]", flush=True)
            continue
        runs.append(Run(name, preset))
    return runs


def denoised(
    run: Run, inputs: Inputs, *, limit_s: float = 0.0, device: str = "cpu", seed: int = 0
) -> tuple[np.ndarray | None, float]:
    """The denoised volumes and CPU seconds; nothing if it took more than ``limit_s`` CPU seconds."""
    method = find_method(run.method)
    start = cpu_seconds()
    progress = Progress(stop_asked=lambda: bool(limit_s) and cpu_seconds() - start > limit_s)
    try:
        result = run_method(
            method, run.parameters(), inputs, device=device, threads=1, seed=seed, progress=progress
        )
    except Stopped:
        return None, cpu_seconds() - start
    return result.output.image("denoised").signal, cpu_seconds() - start


def cpu_seconds() -> float:
    """Of this process and those it has started, which are gone by now."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
