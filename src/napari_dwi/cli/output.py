"""What the command line says: results on stdout, progress and errors on stderr."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from napari_dwi.methods.progress import Progress
from napari_dwi.text import duration

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_BETWEEN_REDRAWS = 0.25


def say(text: str) -> None:
    """Write a line of results."""
    sys.stdout.write(text + "\n")


def say_json(value: Any) -> None:
    """Write results for another program."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def complain(text: str) -> None:
    """Write a line of warning or error."""
    sys.stderr.write(text + "\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns of text, aligned."""
    lines = [list(header), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Progress on stderr with the time left; Ctrl-C stops the method instead of killing it."""
    stop = threading.Event()
    display = _TerminalLine()

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield Progress(display.show, stop.is_set)
    finally:
        signal.signal(signal.SIGINT, before)
        display.close()


class _TerminalLine:
    """One line that is redrawn on a terminal, or a line now and then in a log."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = 0.0
        # Work that goes on has a part behind it, which took no time now.
        self._first: float | None = None
        self._redraws = sys.stderr.isatty()

    def show(self, fraction: float, phrase: str) -> None:
        now = time.monotonic()
        self._first = fraction if self._first is None else self._first
        pause = _SECONDS_BETWEEN_REDRAWS if self._redraws else _SECONDS_BETWEEN_LINES
        if now - self._shown < pause:
            return
        self._shown = now
        elapsed, done = now - self._started, fraction - self._first
        left = f", {duration(elapsed * (1 - fraction) / done)} left" if done > 0.02 else ""
        text = f"{100 * fraction:3.0f} %  {phrase}{left}"
        sys.stderr.write(f"\r{text:<100.100}" if self._redraws else text + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        if self._redraws and self._shown:
            sys.stderr.write("\r" + " " * 100 + "\r")
