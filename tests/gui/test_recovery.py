from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel

from napari_dwi.gui.recovery_bar import RecoveryBar
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.recovery import abandoned_sessions, recovery_folder
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.scan import open_series

from .builder import answering, make_scan, named, save_scan
from .conftest import open_dock

SCRIPT = Path(__file__).with_name("killed_session.py")


@pytest.fixture
def killed(folder, tmp_path):
    """A session that has been killed at a given moment."""

    def kill(moment):
        with subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), moment],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as process:
            if moment == "job":
                assert process.stdout.readline() == "running\n", process.stderr.read()
                process.kill()
            _, said = process.communicate()
            assert process.returncode == -signal.SIGKILL, said
        return folder

    return kill


@pytest.fixture
def bar(qtbot):
    """The bar in a dock, once it is there."""

    def find(dock):
        qtbot.waitUntil(lambda: bool(dock.findChildren(RecoveryBar)))
        return dock.findChild(RecoveryBar)

    return find


def gaussian(series):
    method = find_method("gaussian")
    return run_method(method, method.settings(), Inputs(series)).output


@pytest.mark.skipif(sys.platform == "win32", reason="kills the process the way Linux and macOS do")
@pytest.mark.parametrize("moment", ["job", "save"])
def test_after_a_kill_the_next_start_gives_back_the_complete_results_and_the_regions(
    killed, viewer, bar, idle, errors, moment
):
    folder = killed(moment)
    dock = open_dock(viewer, "Scan")
    found = bar(dock)
    text = found.findChild(QLabel).text()
    assert "brain" in text
    assert "Gaussian filter, regions" in text
    named(found, "Recover").click()
    idle(dock.room)
    assert not errors()
    series = open_series(folder / "brain.nii.gz")
    np.testing.assert_array_equal(dock.room.series.signal, series.signal)
    shown = {shown.role: shown.image for shown in dock.room.shown if shown.result is not None}
    expected = gaussian(series)
    assert set(shown) == {"denoised", "residual"}
    for role, image in shown.items():
        assert image.signal.tobytes("F") == expected.image(role).signal.tobytes("F")
    assert [region.name for region in dock.room.regions.regions] == ["lesion"]
    assert np.argwhere(dock.room.regions.labels).tolist() == [[2, 3, 5], [2, 4, 5]]
    assert dock.room.keeping.unsaved == "1 result and the regions"
    # Of what was being written nothing can be taken for a result.
    assert not list(folder.rglob("results/[!.]*"))
    # It is being kept on: nobody else may take it, and it is there again should this one crash too.
    assert abandoned_sessions() == ()
    dock.room.close()
    assert len(abandoned_sessions()) == 1


@pytest.fixture
def abandoned(make_napari_viewer, folder, idle, tmp_path):
    """A session with a result that nobody has saved; gives its viewer's scan folder."""

    def leave(name="brain"):
        viewer = make_napari_viewer(show=False)
        dock = open_dock(viewer, "Scan")
        here = folder if name == "brain" else save_scan(make_scan(name), tmp_path / name)
        dock.open_path(here)
        idle(dock.room)
        dock.load_button.click()
        idle(dock.room)
        room = dock.room
        method = find_method("gaussian")
        inputs = Inputs(room.series)
        room.submit(
            "Gaussian",
            lambda progress: run_method(method, method.settings(), inputs, progress=progress),
            lambda result: room.show_result(result, "Gaussian"),
        )
        idle(room)
        # As closing the window does where napari does not ask.
        room.close()
        return here

    return leave


def test_later_keeps_it_for_the_next_start_and_discard_removes_it(
    abandoned, viewer, make_napari_viewer, bar, qtbot
):
    abandoned()
    dock = open_dock(viewer, "Scan")
    found = bar(dock)
    named(found, "Later").click()
    assert found.isHidden()
    assert len(abandoned_sessions()) == 1
    # The docks of one window ask once.
    other = open_dock(viewer, "Denoise")
    qtbot.waitUntil(lambda: dock.room.keeping.quick.is_idle)
    assert not other.findChildren(RecoveryBar)
    again = bar(open_dock(make_napari_viewer(show=False), "Denoise"))
    with answering("Cancel"):
        named(again, "Discard").click()
    assert not again.isHidden()
    with answering("Discard") as asked:
        named(again, "Discard").click()
    assert "for good" in asked[0]
    assert again.isHidden()
    qtbot.waitUntil(lambda: not list(recovery_folder().iterdir()))


def test_several_are_offered_one_after_the_other_the_latest_first(abandoned, viewer, bar):
    abandoned()
    abandoned("liver")
    found = bar(open_dock(viewer, "Scan"))
    label = found.findChild(QLabel)
    assert "liver" in label.text()
    named(found, "Later").click()
    assert "brain" in label.text()
    assert not found.isHidden()


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_scan_that_has_changed_is_named_and_its_results_come_back(
    abandoned, viewer, bar, idle, errors, change
):
    folder = abandoned()
    (folder / "brain.nii.gz").unlink()
    if change == "replaced":
        save_scan(make_scan("brain"), folder / "new")
        # Another file of the same name: a scan of one more decimal of noise.
        data = bytearray((folder / "new" / "brain.nii.gz").read_bytes())
        data[9] ^= 1
        (folder / "brain.nii.gz").write_bytes(data)
    dock = open_dock(viewer, "Scan")
    named(bar(dock), "Recover").click()
    idle(dock.room)
    (told,) = errors()
    assert "brain.nii.gz" in told
    assert ("gone" if change == "gone" else "not the file it was") in told
    assert dock.room.series is None
    assert [shown.role for shown in dock.room.shown] == ["denoised", "residual"]


def test_nothing_is_offered_where_nothing_was_left(viewer, qtbot):
    dock = open_dock(viewer, "Scan")
    qtbot.waitUntil(lambda: dock.room.keeping.quick.is_idle)
    assert not dock.findChildren(RecoveryBar)
    assert not recovery_folder().exists() or not list(recovery_folder().iterdir())
