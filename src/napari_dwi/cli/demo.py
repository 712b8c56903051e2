"""``demo``: the whole story on built-in data."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from napari_dwi.errors import BadInputError

_SCREEN = "-screen 0 1920x1080x24"


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    demo = commands.add_parser("demo", help="a simulated head, from loading to a denoised image")
    demo.add_argument(
        "--out", type=Path, default=Path("demo-out"), metavar="DIR", help="folder of the results"
    )
    demo.add_argument("--headless", action="store_true", help="do the work, take a screenshot, and leave")
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("napari") is None:
        raise BadInputError(
            "the demo needs napari, which is not installed", remedy='Run pip install "napari-dwi[all]".'
        )
    on_screen = sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if not on_screen:
        _run_again_on_virtual_screen(options.out)
    # By name, because the command line lies below the graphical floor.
    story = importlib.import_module("napari_dwi.gui.demo")
    code: int = story.run_demo(options.out, headless=options.headless)
    return code


def _run_again_on_virtual_screen(out: Path) -> None:
    """Replace this process by the same demo under Xvfb, a screen in memory."""
    xvfb_run = shutil.which("xvfb-run")
    if xvfb_run is None:
        raise BadInputError(
            "there is no screen to open napari on",
            expected="a desktop, or Xvfb",
            remedy="Install xvfb, for example with apt-get install xvfb xauth.",
        )
    sys.stdout.flush()
    again = [sys.executable, "-m", "napari_dwi", "demo", "--headless", "--out", str(out)]
    os.execv(xvfb_run, [xvfb_run, "-a", "-s", _SCREEN, *again])
