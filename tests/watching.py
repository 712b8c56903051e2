"""A watch over a method at work: how often it looks whether to stop, and stopping it at a look."""

from __future__ import annotations

import math

from napari_dwi.methods.progress import Progress


class Watch:
    """Counts how often a method looks whether to stop, and stops it at one of these looks."""

    def __init__(self, stop_at: float = math.inf) -> None:
        self.fractions: list[float] = []
        self.phrases: list[str] = []
        self.looks = 0
        self._stop_at = stop_at

    @property
    def progress(self) -> Progress:
        return Progress(self._hear, self._look)

    def _hear(self, fraction: float, phrase: str) -> None:
        self.fractions.append(fraction)
        self.phrases.append(phrase)

    def _look(self) -> bool:
        self.looks += 1
        return self.looks >= self._stop_at
