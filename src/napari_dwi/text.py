"""Numbers as people say them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """A time span as people say it: ``"45 s"``, ``"3 min 20 s"``, ``"1 h 05 min"``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def brief(number: float) -> str:
    """Three digits, and no power of ten where it only makes reading harder."""
    return f"{number:.0f}" if 100 <= abs(number) < 1e6 else f"{number:.3g}"
