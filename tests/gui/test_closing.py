from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from napari_dwi.gui import room as rooms
from napari_dwi.methods.session_opening import open_session

from .conftest import open_dock

SCRIPT = Path(__file__).with_name("close_while_running.py")
UNSAVED_SCRIPT = Path(__file__).with_name("close_with_unsaved_work.py")
PATIENCE_SECONDS = 300


def endless(begun):
    def work(progress):
        begun.set()
        while True:
            progress.check()

    return work


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="presses the X through the X server")
@pytest.mark.parametrize(
    ("answer", "closed"), [("Cancel", False), ("Stop it and close", True)], ids=["no", "yes"]
)
def test_pressing_the_x_while_a_job_runs_asks_once(answer, closed, tmp_path):
    run = subprocess.run(
        [sys.executable, str(SCRIPT), answer],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        cwd=tmp_path,
        check=False,
    )
    # A worker left behind would keep the process from ending.
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert len(said["asked"]) == 1
    assert "job is still running. If you close napari now, nothing of it is kept." in said["asked"][0]
    assert said["stopped"] is closed
    assert said["running"] is not closed
    assert said["visible"] is not closed
    assert said["rooms"] == (0 if closed else 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="presses the X through the X server")
@pytest.mark.parametrize("answer", ["Cancel", "Discard", "Save…"])
def test_pressing_the_x_with_unsaved_work_asks_and_does_as_told(answer, tmp_path):
    run = subprocess.run(
        [sys.executable, str(UNSAVED_SCRIPT), answer, str(tmp_path / "session")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        cwd=tmp_path,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["asked"] == ["Not saved yet: the regions."]
    assert said["closed"] is (answer != "Cancel")
    assert said["rooms"] == (1 if answer == "Cancel" else 0)
    assert said["to recover"] == 0
    assert (tmp_path / "session").exists() is (answer == "Save…")
    if answer == "Save…":
        opened = open_session(tmp_path / "session")
        assert opened.problems == ()
        assert dict(opened.regions.names) == {1: "lesion"}


def test_viewer_closed_by_a_program_leaves_no_job_behind(viewer, qtbot):
    room = open_dock(viewer, "Scan").room
    begun = threading.Event()
    done = []
    job = room.submit("endless", endless(begun), done.append)
    waiting = room.submit("after it", lambda _: "never", done.append)
    qtbot.waitUntil(begun.is_set)
    viewer.close()
    assert job.is_over
    assert waiting.is_over
    assert room.queue._worker is None
    assert not room.queue._poll.isActive()
    assert not done
    assert room not in rooms._rooms.values()


def test_closing_a_viewer_leaves_the_jobs_of_another_alone(viewer, make_napari_viewer, qtbot):
    other = make_napari_viewer(show=False)
    rooms_open = [open_dock(v, "Scan").room for v in (viewer, other)]
    begun = threading.Event()
    job = rooms_open[1].submit("endless", endless(begun), lambda _: None)
    qtbot.waitUntil(begun.is_set)
    viewer.close()
    assert rooms_open[1].queue.running is job
    job.stop()
    qtbot.waitUntil(lambda: rooms_open[1].queue.is_idle)
