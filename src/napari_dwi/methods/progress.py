"""How a running method says where it is, and learns that it should stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_dwi.errors import Stopped


def _ignore(fraction: float, phrase: str) -> None:
    """Progress that nobody watches."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Progress:
    """Reports of a running method.

    A method calls `report` or `check` at least every 0.2 s; both raise `Stopped` when the user has
    asked to stop.

    Parameters
    ----------
    on_report : callable
        Receives the fraction done (0 to 1) and a phrase such as ``"b = 800, epoch 7/20"``.
        It may be called very often: slow it down where it is shown.
    stop_asked : callable
        Whether the user asked to stop.
    start, stop : float
        The part of the whole job that this object covers.
    prefix : str
        Put before every phrase.
    """

    on_report: Callable[[float, str], None] = _ignore
    stop_asked: Callable[[], bool] = _never
    start: float = 0.0
    stop: float = 1.0
    prefix: str = ""

    def check(self) -> None:
        """Raise `Stopped` if the user asked to stop."""
        if self.stop_asked():
            raise Stopped

    def report(self, fraction: float, phrase: str) -> None:
        """Say how much of this part is done (0 to 1); raise `Stopped` if the user asked to stop."""
        self.check()
        within = min(max(fraction, 0.0), 1.0)
        self.on_report(self.start + (self.stop - self.start) * within, self.prefix + phrase)

    def part(self, index: int, count: int, prefix: str = "") -> Progress:
        """The progress of step ``index`` of ``count`` equal steps of this one."""
        width = (self.stop - self.start) / count
        start = self.start + index * width
        return Progress(self.on_report, self.stop_asked, start, start + width, self.prefix + prefix)
