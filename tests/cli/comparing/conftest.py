"""What the tests of comparisons share."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the library of the pictures is not installed; drawing takes most of the time."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
