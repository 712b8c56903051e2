"""Libraries are loaded while stops are heard. Each in a process that has not loaded them."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOADED_IN_FULL = """
import sys
from napari_dwi.methods.library_loading import load_torch
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
from napari_dwi.methods.library_loading import load_torch
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
from napari_dwi.methods.library_loading import load_torch
sys.modules["torch"] = None
try:
    load_torch(lambda: None)
except ImportError:
    pass
else:
    raise AssertionError("not told")
"""

A_PART = """
import sys
from napari_dwi.methods.library_loading import load_library
looks = []
load_library("skimage.restoration", "denoise_wavelet", lambda: looks.append(len(sys.modules)))
assert len(looks) > 1
before = len(sys.modules)
from skimage.restoration import denoise_wavelet
assert len(sys.modules) == before
"""

STORIES = {"in full": LOADED_IN_FULL, "stopped": STOPPED, "absent": ABSENT, "a part": A_PART}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_loading_hears_a_stop_and_says_what_failed(story: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", story], check=True, timeout=300)
