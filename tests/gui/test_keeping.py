from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.utils.notifications import NotificationSeverity, notification_manager

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.recovery import FOLDER_VARIABLE, abandoned_sessions, recovery_folder
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.methods.session import SESSION_FILE, read_session
from napari_dwi.scan import open_series
from napari_dwi.scan.regions import read_regions

from .builder import make_scan
from .conftest import open_dock, show

PATIENCE_SECONDS = 60


def kept():
    """What every session folder says."""
    files = sorted(recovery_folder().glob(f"*/{SESSION_FILE}"))
    return [read_session(file) for file in files]


def titles():
    return [[result.title for result in session.results] for session in kept()]


def gaussian(room, **values):
    method = find_method("gaussian")
    inputs, parameters = Inputs(room.series), method.parameters.from_values(values)
    return lambda progress: run_method(method, parameters, inputs, progress=progress)


def submit_gaussian(room, title="Gaussian", **values):
    return room.submit(title, gaussian(room, **values), lambda result: room.show_result(result, title))


def draw(room, name="lesion"):
    room.regions.fill((np.array([2]), np.array([3]), np.array([4])), room.regions.add(name).code)


def opened(viewer, folder):
    """The room with the scan read from its file."""
    room = ReadingRoom.of(viewer)
    room.show_scan(open_series(folder / "brain.nii.gz"), ())
    return room


def warnings_told():
    return [r.message for r in notification_manager.records if r.severity == NotificationSeverity.WARNING]


def test_a_result_is_on_the_disk_before_it_is_shown(room, idle):
    seen = []

    def show_result(result):
        seen.append(titles())
        room.show_result(result, "Gaussian")

    room.submit("Gaussian", gaussian(room), show_result)
    idle(room)
    assert seen == [[["Gaussian"]]]
    assert titles() == [["Gaussian"]]


def test_nothing_is_written_while_there_is_nothing_to_lose(room, idle):
    room.submit("looking", lambda _: 3, lambda _: None)
    idle(room)
    assert not recovery_folder().exists() or not list(recovery_folder().iterdir())


def test_a_result_that_cannot_be_kept_is_shown_and_that_is_told_once(
    room, idle, tmp_path, monkeypatch, errors
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "kept"))
    before = len(warnings_told())
    for _ in range(2):
        submit_gaussian(room)
        idle(room)
    assert len([shown for shown in room.shown if shown.role == "denoised"]) == 2
    (told,) = warnings_told()[before:]
    assert "would not survive a crash" in told
    assert "Save your results" in told
    assert not errors()
    assert (tmp_path / "file").read_text() == "no folder"


def test_regions_are_kept_a_little_after_the_last_stroke_also_while_a_job_runs(room, qtbot):
    begun, go_on = threading.Event(), threading.Event()

    def endless(progress):
        begun.set()
        while not go_on.wait(0.01):
            progress.check()

    job = room.submit("endless", endless, lambda _: None)
    qtbot.waitUntil(begun.is_set)
    draw(room)
    qtbot.waitUntil(lambda: any(session.regions for session in kept()))
    assert room.queue.running is job
    go_on.set()
    (session,) = kept()
    (folder,) = recovery_folder().iterdir()
    regions = read_regions(folder / session.regions)
    assert dict(regions.names) == {1: "lesion"}
    assert room.view.to_display(regions.labels.data)[2, 3, 4] == 1
    # All else the user would have to set anew.
    assert session.display.position == tuple(room.viewer.dims.current_step)


def test_a_stopped_job_leaves_nothing_to_recover(room, idle, qtbot):
    computed, go_on = threading.Event(), threading.Event()
    work = gaussian(room)

    def slow(progress):
        result = work(progress)
        computed.set()
        go_on.wait(PATIENCE_SECONDS)
        return result

    shown = []
    job = room.submit("Gaussian", slow, shown.append)
    qtbot.waitUntil(computed.is_set)
    job.stop()
    go_on.set()
    idle(room)
    assert not shown
    qtbot.waitUntil(lambda: all(not results for results in titles()))
    assert abandoned_sessions() == ()


def test_a_result_the_user_has_removed_is_no_longer_kept(room, idle, qtbot):
    submit_gaussian(room, "first")
    submit_gaussian(room, "second", sigma_mm=4.0)
    idle(room)
    assert titles() == [["first", "second"]]
    room.viewer.layers.remove("first")
    assert titles() == [["first", "second"]]
    room.viewer.layers.remove("first residual")
    qtbot.waitUntil(lambda: titles() == [["second"]])
    assert room.keeping.unsaved == "1 result"


def test_what_is_not_saved_is_known(room, idle, tmp_path):
    assert room.keeping.unsaved == ""
    submit_gaussian(room)
    idle(room)
    assert room.keeping.unsaved == "1 result"
    draw(room)
    assert room.keeping.unsaved == "1 result and the regions"
    room.keeping.save_results(tmp_path / "out")
    idle(room)
    assert room.keeping.unsaved == "the regions"
    open_dock(room.viewer, "Regions").save(tmp_path / "out" / "regions.nii.gz")
    idle(room)
    assert room.keeping.unsaved == ""
    draw(room, "another")
    assert room.keeping.unsaved == "the regions"


def test_after_a_close_only_unsaved_work_stays_on_the_disk(room, idle, tmp_path):
    submit_gaussian(room)
    idle(room)
    room.keeping.save_results(tmp_path / "out")
    idle(room)
    room.close()
    assert list(recovery_folder().iterdir()) == []


@pytest.mark.parametrize("discard", [False, True])
def test_unsaved_work_stays_unless_the_user_discards_it(room, idle, discard):
    submit_gaussian(room)
    idle(room)
    draw(room)
    # Closed before the regions had time to settle.
    room.close(discard=discard)
    found = abandoned_sessions()
    assert len(found) == (0 if discard else 1)
    if not discard:
        assert found[0].session.regions is not None


def test_another_scan_begins_anew(room, idle, qtbot):
    submit_gaussian(room)
    idle(room)
    show(room, make_scan("other"))
    assert room.keeping.unsaved == ""
    submit_gaussian(room, "of the other")
    idle(room)
    qtbot.waitUntil(lambda: titles() == [["of the other"]])
    assert kept()[0].scan.series.name == "other"


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_an_input_that_changed_after_loading_is_noticed_when_saving(
    viewer, folder, idle, errors, tmp_path, change
):
    room = opened(viewer, folder)
    source = room.series.source
    file = folder / "brain.nii.gz"
    file.unlink()
    if change == "replaced":
        file.write_bytes(b"something else")
    denoise = open_dock(viewer, "Denoise")
    denoise.pick("gaussian")
    denoise.run_button.click()
    idle(room)
    before = len(notification_manager.records)
    denoise.save(tmp_path / "out")
    idle(room)
    assert not errors()
    (told,) = [record.message for record in list(notification_manager.records)[before:]]
    assert "2 images saved" in told
    expected = "no longer where it was read" if change == "gone" else "SHA-256 differs"
    assert expected in told
    for sidecar in (tmp_path / "out").glob("*.json"):
        assert expected in sidecar.read_text()
        assert source.sha256 in sidecar.read_text()


def test_saving_over_the_scan_is_refused_by_every_name_it_has(viewer, folder, idle, errors, tmp_path):
    room = opened(viewer, folder)
    before = (folder / "brain.nii.gz").read_bytes()
    draw(room)
    regions = open_dock(viewer, "Regions")
    (tmp_path / "link.nii.gz").symlink_to(folder / "brain.nii.gz")
    (tmp_path / "twin.nii.gz").hardlink_to(folder / "brain.nii.gz")
    for place in (folder / "brain.nii.gz", tmp_path / "link.nii.gz", tmp_path / "twin.nii.gz"):
        regions.save(place)
        idle(room)
        assert "never overwritten" in errors()[-1]
        assert str(place) in errors()[-1]
    assert len(errors()) == 3
    assert (folder / "brain.nii.gz").read_bytes() == before
    assert not list(tmp_path.rglob("*.partial"))
