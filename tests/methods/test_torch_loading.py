"""PyTorch is loaded while stops are heard. Each in a process that has not loaded it."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED_IN_FULL = """
import sys
from napari_dwi.methods.torch_loading import load_torch
looks = []
load_torch(lambda: looks.append("torch._dynamo" in sys.modules))
assert len(looks) > 3 and not looks[0]
assert "torch._dynamo" in sys.modules
load_torch(lambda: looks.append("again"))
assert "again" not in looks
"""

STOPPED = """
import sys
from napari_dwi.errors import Stopped
from napari_dwi.methods.torch_loading import load_torch
def stop():
    raise Stopped
try:
    load_torch(stop)
except Stopped:
    assert "torch._dynamo" not in sys.modules
else:
    raise AssertionError("not stopped")
load_torch(lambda: None)
assert "torch._dynamo" in sys.modules
"""

ABSENT = """
import sys
from napari_dwi.methods.torch_loading import load_torch
sys.modules["torch"] = None
try:
    load_torch(lambda: None)
except ImportError:
    pass
else:
    raise AssertionError("not told")
"""


@pytest.mark.parametrize("story", [LOADED_IN_FULL, STOPPED, ABSENT], ids=["in full", "stopped", "absent"])
def test_loading_hears_a_stop_and_says_what_failed(story: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", story], check=True, timeout=300)
