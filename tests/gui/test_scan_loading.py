"""Questions, unknown b-values, stops and damage while a scan is loaded: what a user meets and clicks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt, QUrl
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QToolButton

from napari_dwi.gui.b_value_dialog import BValueDialog
from napari_dwi.scan import Grid, save

from .builder import answering, make_scan, named
from .conftest import open_dock, show
from .test_loading import spoil_checksum
from .test_scan_dock import drop, names, names_listed, tick


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Scan")


def open_and_load(dock, folder, idle):
    dock.open_path(folder)
    idle(dock.room)
    dock.load_button.click()
    idle(dock.room)


def asked_for_b_values(dock, qtbot):
    qtbot.waitUntil(lambda: dock.findChild(BValueDialog) is not None)
    return dock.findChild(BValueDialog)


def click_b_cell(dock, row):
    table = dock.table
    place = table.visualItemRect(table.item(row, 3)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_unknown_b_values_are_asked_for_and_nothing_can_run_before(viewer, dock, folder, idle, qtbot):
    (folder / "brain.bval").unlink()
    denoise = open_dock(viewer, "Denoise")
    open_and_load(dock, folder, idle)
    dialog = asked_for_b_values(dock, qtbot)
    assert not names(dock)
    for button in (denoise.run_button, denoise.preview_button):
        assert not button.isEnabled()
        assert "b-values of brain are not known" in button.toolTip()
    assert "b-values of brain are not known" in denoise.report.text()
    dialog.table.paste("0 400 800")
    dialog.ok_button.click()
    idle(dock.room)
    assert names(dock) == ["DWI", "T2", "Regions"]
    assert "typed by the user" in dock.on_show.facts.text()
    assert denoise.run_button.isEnabled()
    assert "b-values" not in denoise.run_button.toolTip()


def test_the_table_can_be_left_and_opened_again(dock, folder, idle, qtbot):
    (folder / "brain.bval").unlink()
    open_and_load(dock, folder, idle)
    asked_for_b_values(dock, qtbot).reject()
    qtbot.waitUntil(lambda: dock.findChild(BValueDialog) is None)
    assert "not loaded yet" in dock.summary.text()
    dock.fill_in_button.click()
    dialog = asked_for_b_values(dock, qtbot)
    dialog.table.paste("0 400 800")
    dialog.ok_button.click()
    idle(dock.room)
    assert dock.room.series.b_values.values.tolist() == [0, 400, 800]
    assert dock.fill_in_button.isHidden()


def test_a_wrong_checksum_is_a_question_and_the_answer_is_kept_in_the_notes(dock, folder, idle, qtbot):
    spoil_checksum(folder / "brain.nii.gz")
    dock.open_path(folder)
    idle(dock.room)
    with answering("Load it although its checksum is wrong") as asked:
        dock.load_button.click()
        qtbot.waitUntil(lambda: dock.room.series is not None)
    assert len(asked) == 1
    assert "checksum" in asked[0]
    assert "read although its checksum is wrong" in dock.on_show.facts.text()


def test_a_question_that_is_cancelled_leaves_what_was_on_show(dock, folder, idle, qtbot, scan):
    show(dock.room, scan)
    before = list(dock.room.viewer.layers)
    spoil_checksum(folder / "brain.nii.gz")
    dock.open_path(folder)
    idle(dock.room)
    with answering("Cancel") as asked:
        dock.load_button.click()
        qtbot.waitUntil(lambda: "Not loaded" in dock.summary.text())
    assert len(asked) == 1
    assert list(dock.room.viewer.layers) == before
    assert dock.load_button.isEnabled()


def test_loading_that_is_stopped_leaves_what_was_on_show(dock, folder, idle, scan):
    show(dock.room, scan)
    before = list(dock.room.viewer.layers)
    dock.open_path(folder)
    idle(dock.room)
    dock.load_button.click()
    assert not dock.load_button.isEnabled()
    # The row of the job before may still be there.
    stop = [button for button in dock.findChildren(QPushButton) if button.text() == "Stop"][-1]
    stop.click()
    idle(dock.room)
    assert list(dock.room.viewer.layers) == before
    assert dock.room.series is scan.series
    dock.load_button.click()
    idle(dock.room)
    assert dock.room.series is not scan.series


@pytest.mark.parametrize("name", ["letter.txt", "photo.jpg", "scan.zip", "empty.nii.gz"])
def test_junk_that_is_dropped_is_told_and_changes_nothing(dock, idle, errors, scan, tmp_path, name):
    show(dock.room, scan)
    before = list(dock.room.viewer.layers)
    junk = tmp_path / name
    junk.write_bytes(b"" if name.startswith("empty") else b"Dear colleague, no image here." * 40)
    assert drop(dock, QUrl.fromLocalFile(str(junk)))
    idle(dock.room)
    assert name in errors()[0]
    assert name in dock.summary.text()
    assert list(dock.room.viewer.layers) == before


def test_b_values_of_the_scan_on_show_are_changed_and_regions_stay(dock, folder, idle, qtbot):
    open_and_load(dock, folder, idle)
    region = dock.room.regions.add("lesion")
    dock.room.regions.fill((np.array([2]), np.array([3]), np.array([4])), region.code)
    dock.room.viewer.dims.set_current_step(1, 4)
    named(dock, "Edit b-values…").click()
    dialog = asked_for_b_values(dock, qtbot)
    assert dialog.table.values() == [0, 400, 800]
    dialog.table.paste("0 500 1000")
    dialog.ok_button.click()
    idle(dock.room)
    assert dock.room.series.b_values.values.tolist() == [0, 500, 1000]
    assert "typed by the user" in dock.on_show.facts.text()
    assert names(dock) == ["DWI", "T2", "Regions"]
    assert [one.name for one in dock.room.regions.regions] == ["lesion"]
    assert np.argwhere(dock.room.regions.labels).tolist() == [[2, 3, 4]]
    assert dock.room.viewer.dims.current_step[1] == 4


def test_a_click_on_b_values_shows_them_before_the_series_is_loaded(dock, folder, idle, qtbot):
    (folder / "brain.bval").write_text("0 400\n")
    dock.open_path(folder)
    idle(dock.room)
    click_b_cell(dock, names_listed(dock).index("brain"))
    idle(dock.room)
    dialog = asked_for_b_values(dock, qtbot)
    assert dialog.table.values() == [None, None, None]
    dialog.table.paste("0 400 800")
    dialog.ok_button.click()
    idle(dock.room)
    assert dock.room.series.b_values.values.tolist() == [0, 400, 800]


def test_anatomy_is_added_later_and_removed_again(viewer, dock, folder, idle):
    denoise = open_dock(viewer, "Denoise")
    dock.open_path(folder)
    idle(dock.room)
    tick(dock, "T2", on=False)
    dock.load_button.click()
    idle(dock.room)
    dock.room.regions.add("mine")
    dock.add_anatomy(folder / "T2.nii.gz")
    idle(dock.room)
    assert names(dock) == ["DWI", "T2", "Regions"]
    assert dock.room.anatomy[0].grid.same_as(dock.room.series.grid)
    assert [check.text() for check in denoise.anatomy_checks] == ["T2"]
    assert [one.name for one in dock.room.regions.regions] == ["mine"]
    (remove,) = [b for b in dock.on_show.findChildren(QToolButton) if b.text() == "×"]
    remove.click()
    assert names(dock) == ["DWI", "Regions"]
    assert not dock.room.anatomy
    assert not denoise.anatomy_checks


def test_anatomy_alone_is_added_to_the_scan_on_show_by_the_load_button(dock, folder, idle, scan):
    dock.room.show_scan(scan.series, ())
    dock.open_path(folder / "T2.nii.gz")
    idle(dock.room)
    assert dock.load_button.text() == "Add to the scan on show"
    dock.load_button.click()
    idle(dock.room)
    assert names(dock) == ["DWI", "T2", "Regions"]
    assert dock.room.series is scan.series


def test_anatomy_that_lies_elsewhere_cannot_be_ticked(dock, folder, idle):
    anatomy = make_scan().anatomy
    affine = anatomy.grid.affine.copy()
    affine[2, 3] += 900
    save(replace(anatomy, grid=Grid(anatomy.grid.shape, affine, "sform")), folder / "other.nii.gz")
    dock.open_path(folder)
    idle(dock.room)
    item = dock.table.item(names_listed(dock).index("other"), 0)
    assert item.flags() == Qt.ItemFlag.NoItemFlags
    assert "does not lie over" in item.toolTip()


def test_maps_have_their_own_colours_and_are_no_anatomy_for_denoising(viewer, dock, folder, idle, scan):
    denoise = open_dock(viewer, "Denoise")
    save(replace(scan.anatomy, name="brain_adc"), folder / "brain_adc.nii.gz")
    dock.open_path(folder)
    idle(dock.room)
    assert dock.table.item(names_listed(dock).index("brain_adc"), 0).checkState() == Qt.CheckState.Unchecked
    tick(dock, "brain_adc")
    dock.load_button.click()
    idle(dock.room)
    assert viewer.layers["brain_adc"].colormap.name == "viridis"
    assert viewer.layers["T2"].colormap.name == "gray"
    assert [check.text() for check in denoise.anatomy_checks] == ["T2"]


def test_anatomy_opened_by_napari_alone_joins_the_scan_on_its_grid(viewer, dock, folder, idle, scan, qtbot):
    dock.room.show_scan(scan.series, ())
    viewer.open(folder / "T2.nii.gz", plugin="napari-dwi")
    qtbot.waitUntil(lambda: bool(dock.room.anatomy))
    idle(dock.room)
    assert names(dock) == ["DWI", "T2", "Regions"]
    assert viewer.layers["T2"].data.shape == viewer.layers["DWI"].data.shape[1:]


def test_neurological_display_is_chosen_by_a_tick_and_follows_the_room(dock, scan):
    show(dock.room, scan)
    dock.on_show.neurological.click()
    assert dock.room.convention == "neurological"
    assert dock.room.letters.letters["left"] == "L"
    dock.room.set_convention("radiological")
    assert not dock.on_show.neurological.isChecked()
