"""A real napari for every test, and what a user has at hand in it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("napari")
pytest.importorskip("pytestqt")

from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_dwi.gui import room as rooms
from napari_dwi.gui.room import ReadingRoom
from napari_dwi.methods.recovery import FOLDER_VARIABLE
from napari_dwi.scan import resample_to

from .builder import Mouse, Scan, make_scan, save_scan

WINDOW = (1500, 900)
PATIENCE_MS = 60_000


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """Waits far longer than it must take: a busy machine is no failure."""
    qtbot.waitUntil = partial(qtbot.waitUntil, timeout=PATIENCE_MS)
    return qtbot


@pytest.fixture(scope="module", autouse=True)
def _long_lived() -> None:
    """Modules and tests are here to stay: napari collects garbage whenever a layer goes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_left_behind(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> Iterator[None]:
    """Layers are touched on the GUI thread only; closed viewers leave neither room nor job."""
    monkeypatch.setenv("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")
    # What tests leave unsaved is not for the user of this machine to recover, nor for other tests.
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("kept")))
    yield
    left = list(rooms._rooms.values())
    rooms._rooms.clear()
    assert not left
    assert not [thread for thread in threading.enumerate() if "Pool" in thread.name]


@pytest.fixture
def scan() -> Scan:
    return make_scan()


@pytest.fixture
def folder(scan: Scan, tmp_path: Path) -> Path:
    """The scan as NIfTI files."""
    return save_scan(scan, tmp_path / "scan")


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    """A viewer out of sight."""
    return make_napari_viewer(show=False)


@pytest.fixture
def visible_viewer(make_napari_viewer: Callable[..., Any], qtbot: Any) -> Any:
    """A viewer on the screen, for mouse and pixels."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(*WINDOW)
    qtbot.waitUntil(lambda: viewer.window.geometry()[2:] == WINDOW)
    return viewer


@pytest.fixture
def room(viewer: Any, scan: Scan) -> Iterator[ReadingRoom]:
    """The scan on show, without any dock."""
    room = ReadingRoom.of(viewer)
    show(room, scan)
    yield room
    room.close()


@pytest.fixture
def visible_room(visible_viewer: Any, scan: Scan) -> Iterator[ReadingRoom]:
    room = ReadingRoom.of(visible_viewer)
    show(room, scan)
    yield room
    room.close()


@pytest.fixture
def mouse(visible_viewer: Any) -> Mouse:
    return Mouse(visible_viewer)


@pytest.fixture
def errors() -> Callable[[], list[str]]:
    """The errors shown to the user since the test began."""
    before = len(notification_manager.records)

    def told() -> list[str]:
        records = list(notification_manager.records)[before:]
        return [record.message for record in records if record.severity == NotificationSeverity.ERROR]

    return told


@pytest.fixture
def idle(qtbot: Any) -> Callable[[ReadingRoom], None]:
    """Wait until all jobs of a room are over."""

    def wait(room: ReadingRoom) -> None:
        queues = room.queue, room.keeping.quick
        qtbot.waitUntil(lambda: all(queue.is_idle and queue._worker is None for queue in queues))

    return wait


def show(room: ReadingRoom, scan: Scan) -> None:
    """Show the scan with its anatomy."""
    room.show_scan(scan.series, (resample_to(scan.anatomy, scan.series.grid),))


def open_dock(viewer: Any, name: str) -> Any:
    """Open a dock as the Plugins menu does."""
    _, dock = viewer.window.add_plugin_dock_widget("napari-dwi", name)
    # A window out of sight never shows its docks, and it is then that they look for the window.
    dock.room.guard(dock)
    return dock
