from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog, QMainWindow

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.gui.session_buttons import SessionButtons
from napari_dwi.gui.session_files import open_session_folder
from napari_dwi.gui.volume_choice import REPEATS
from napari_dwi.methods.recovery import recovery_folder
from napari_dwi.scan import open_series, open_volume, resample_to, save

from ..synthetic import files_below
from .builder import answering, make_scan, named
from .conftest import open_dock


@pytest.fixture
def working(viewer, folder, idle):
    """A room in which work has been done on a scan read from its files."""
    room = ReadingRoom.of(viewer)
    series = open_series(folder / "brain.nii.gz")
    room.show_scan(series, (resample_to(open_volume(folder / "T2.nii.gz"), series.grid),))
    dock = open_dock(viewer, "Denoise")
    dock.pick("gaussian")
    dock.run_button.click()
    idle(room)
    room.regions.fill((np.array([2]), np.array([3]), np.array([4])), room.regions.add("lesion").code)
    dock.form.set_values(dock.method.parameters(sigma_mm=3.5, targets=(400.0,)))
    dock.seed_box.setValue(17)
    room.set_convention("neurological")
    room.viewer.dims.order = (0, 2, 1, 3)
    for axis, step in enumerate((2, 1, 7, 3)):
        room.viewer.dims.set_current_step(axis, step)
    room.set_side_by_side(False)
    layer(room, "T2").visible = True
    layer(room, "T2").contrast_limits = (120, 640)
    return room


def layer(room, name):
    return room.viewer.layers[name]


def save_by_button(room, folder, monkeypatch, idle):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(folder), ""))
    named(SessionButtons(room), "Save session…").click()
    idle(room)


def open_by_button(room, folder, monkeypatch, idle):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(folder / "session.json"), ""))
    named(SessionButtons(room), "Open session…").click()
    idle(room)


def test_a_session_comes_back_as_it_was(working, make_napari_viewer, tmp_path, monkeypatch, idle, errors):
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    assert working.keeping.unsaved == ""
    other = make_napari_viewer(show=False)
    room = ReadingRoom.of(other)
    open_by_button(room, tmp_path / "session", monkeypatch, idle)
    assert not errors()
    np.testing.assert_array_equal(room.series.signal, working.series.signal)
    np.testing.assert_array_equal(room.anatomy[0].data, working.anatomy[0].data)
    np.testing.assert_array_equal(room.regions.labels, working.regions.labels)
    assert room.regions.regions == working.regions.regions
    for mine, theirs in zip(room.shown, working.shown, strict=True):
        assert (mine.role, mine.layer.name) == (theirs.role, theirs.layer.name)
        np.testing.assert_array_equal(mine.layer.data, theirs.layer.data)
        assert mine.layer.visible == theirs.layer.visible
        assert tuple(mine.layer.contrast_limits) == tuple(theirs.layer.contrast_limits)
    assert room.convention == "neurological"
    assert other.dims.order == (0, 2, 1, 3)
    assert tuple(other.dims.current_step) == tuple(working.viewer.dims.current_step)
    assert not room.panes.side_by_side
    dock = open_dock(other, "Denoise")
    assert dock.method.name == "gaussian"
    assert dock.form.values() == dock.method.parameters(sigma_mm=3.5, targets=(400.0,))
    assert dock.seed_box.value() == 17
    # It is all in the session: nothing to ask about, and nothing kept a second time.
    assert room.keeping.unsaved == ""
    room.close()
    working.close()
    assert not list(recovery_folder().iterdir())


def test_work_after_opening_is_kept_together_with_what_was_opened(
    working, make_napari_viewer, tmp_path, monkeypatch, idle, qtbot
):
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    before = files_below(tmp_path / "session")
    room = ReadingRoom.of(make_napari_viewer(show=False))
    open_by_button(room, tmp_path / "session", monkeypatch, idle)
    room.regions.rename(1, "cyst")
    qtbot.waitUntil(lambda: len(list(recovery_folder().glob("*/regions-*"))) == 2)
    room.close()
    again = ReadingRoom.of(make_napari_viewer(show=False))
    (kept,) = [
        folder
        for folder in recovery_folder().iterdir()
        if "cyst" in "".join(file.read_text() for file in folder.glob("regions-*/*.json"))
    ]
    open_session_folder(again, kept)
    idle(again)
    assert [shown.layer.name for shown in again.shown] == [shown.layer.name for shown in working.shown]
    assert [region.name for region in again.regions.regions] == ["cyst"]
    assert files_below(tmp_path / "session") == before
    again.close()


def test_model_and_method_of_a_fit_come_back_whenever_the_dock_is_opened(
    working, make_napari_viewer, tmp_path, monkeypatch, idle
):
    dock = open_dock(working.viewer, "Fit")
    adc = [model.name for model in dock._models].index("adc")
    dock.model_box.setCurrentIndex(adc)
    dock.method_box.setCurrentIndex(1)
    picked = dock.method.name, dock.form.values()
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    later = make_napari_viewer(show=False)
    open_by_button(ReadingRoom.of(later), tmp_path / "session", monkeypatch, idle)
    opened = open_dock(later, "Fit")
    assert opened.model.name == "adc"
    assert (opened.method.name, opened.form.values()) == picked


def test_averaged_volumes_come_back_as_averaged(viewer, tmp_path, idle, monkeypatch):
    scan = make_scan()
    twice = scan.series.volumes([0, 1, 2, 1, 2])
    save(twice, tmp_path / "scan" / "brain.nii.gz")
    acquired = open_series(tmp_path / "scan" / "brain.nii.gz")
    room = ReadingRoom.of(viewer)
    room.show_scan(REPEATS.make(acquired), (), acquired=acquired, choice=REPEATS)
    save_by_button(room, tmp_path / "session", monkeypatch, idle)
    said = json.loads((tmp_path / "session" / "session.json").read_text())
    assert said["scan"]["series"]["path"] == "../scan/brain.nii.gz"
    open_by_button(room, tmp_path / "session", monkeypatch, idle)
    assert len(room.series.b_values) == 3
    assert room.choice is REPEATS
    assert len(room.acquired.b_values) == 5
    room.close()


def test_a_session_dropped_on_the_scan_dock_is_opened(
    working, make_napari_viewer, tmp_path, monkeypatch, idle
):
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    dock = open_dock(make_napari_viewer(show=False), "Scan")
    assert named(dock, "Open session…").isEnabled()
    assert not named(dock, "Save session…").isEnabled()
    dock.open_path(tmp_path / "session")
    idle(dock.room)
    assert [shown.role for shown in dock.room.shown] == [shown.role for shown in working.shown]
    assert named(dock, "Save session…").isEnabled()


def test_opening_asks_before_work_is_lost(working, tmp_path, monkeypatch, idle):
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    with answering("Cancel") as asked:
        open_by_button(working, tmp_path / "session", monkeypatch, idle)
    assert len(asked) == 1
    assert working.queue.is_idle


@pytest.mark.parametrize(
    "text",
    ['{"format": "napari-dwi session", "version": 99}', "not json", '{"format": "other", "version": 1}'],
)
def test_what_is_no_session_is_told_and_nothing_changes(room, tmp_path, monkeypatch, idle, errors, text):
    (tmp_path / "session.json").write_text(text)
    before = list(room.viewer.layers)
    open_by_button(room, tmp_path, monkeypatch, idle)
    (told,) = errors()
    assert str(tmp_path / "session.json") in told
    assert list(room.viewer.layers) == before
    # Nor is it taken for one of ours to write over.
    save_by_button(room, tmp_path, monkeypatch, idle)
    assert len(errors()) == 2
    assert (tmp_path / "session.json").read_text() == text


def test_settings_that_do_not_fit_are_left_out_and_defaults_stay(
    working, make_napari_viewer, tmp_path, monkeypatch, idle, errors
):
    save_by_button(working, tmp_path / "session", monkeypatch, idle)
    file = tmp_path / "session" / "session.json"
    said = json.loads(file.read_text())
    said["settings"]["denoise"]["parameters"]["sigma_mm"] = "wide"
    said["display"]["layers"][0]["contrast_limits"] = [5, 5, 5]
    said["display"]["order"] = [9, 9]
    file.write_text(json.dumps(said))
    other = make_napari_viewer(show=False)
    dock = open_dock(other, "Denoise")
    defaults = dock.form.values()
    open_by_button(dock.room, tmp_path / "session", monkeypatch, idle)
    assert dock.form.values() == defaults
    assert len(dock.room.shown) == len(working.shown)
    assert not errors()


def test_the_keys_are_not_taken_by_napari(viewer, qtbot):
    buttons = SessionButtons(ReadingRoom.of(viewer))
    qtbot.addWidget(buttons)
    window = viewer.window._qt_window
    assert isinstance(window, QMainWindow)
    taken = {
        action.shortcut().toString()
        for menu in window.menuBar().actions()
        for action in menu.menu().actions()
    }
    ours = {buttons.save_button.shortcut().toString(), buttons.open_button.shortcut().toString()}
    assert len(ours - {""}) == 2
    assert not ours & taken
    ReadingRoom.of(viewer).close()
