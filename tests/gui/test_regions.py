from __future__ import annotations

import csv

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_dwi.measure.regions import measure_regions, statistics_table
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.scan.regions import read_regions

from .builder import fill, named, settled
from .conftest import open_dock


@pytest.fixture
def dock(room):
    return open_dock(room.viewer, "Regions")


def expected_rows(dock, background=None):
    drawn = dock.room.regions.as_regions()
    rows = []
    for shown in dock.room.shown:
        rows += measure_regions(shown.image, drawn.labels, drawn.names, background)
    return rows


def table(dock):
    widget = dock.table
    return [
        [widget.item(row, column).text() for column in range(widget.columnCount())]
        for row in range(widget.rowCount())
    ]


def as_cells(row):
    def number(value):
        return "" if np.isnan(value) else f"{value:.4g}"

    b_value = "" if row.b_value is None else f"{row.b_value:g}"
    return [
        row.region,
        b_value,
        str(row.n),
        number(row.mean),
        number(row.std),
        number(100 * row.cv) if abs(row.cv) < 10 else "",
        number(row.cnr),
    ]


def test_table_says_what_measuring_says_for_every_image_at_every_b_value(dock, qtbot):
    room = dock.room
    fill(room, "lesion", (3, slice(8, 12), slice(6, 10)))
    fill(room, "reference", (slice(2, 4), slice(8, 12), slice(12, 16)))
    method = find_method("gaussian")
    room.show_result(run_method(method, method.settings(), Inputs(room.series)), "Gaussian")
    settled(qtbot, dock)
    dock.background_box.setCurrentText("reference")
    dock.all_b_values.click()
    expected = expected_rows(dock, "reference")
    # Three series of three volumes and the anatomy.
    assert len(expected) == 2 * (3 * 3 + 1)
    shown = [[*row[:1], *row[2:]] for row in table(dock)]
    assert sorted(shown) == sorted(as_cells(row) for row in expected)
    contrast = [row.cnr for row in dock.rows if row.region == "lesion"]
    assert contrast == [row.cnr for row in expected if row.region == "lesion"]
    assert not np.isnan(contrast).any()
    assert {row[1] for row in table(dock)} == {"DWI", "T2", "Gaussian", "Gaussian residual"}


def test_table_follows_the_b_value_on_show(dock, qtbot):
    fill(dock.room, "lesion", (3, slice(8, 12), slice(6, 10)))
    settled(qtbot, dock)
    for volume, b_value in enumerate(("0", "400", "800")):
        dock.room.viewer.dims.set_current_step(0, volume)
        assert [row[:3] for row in table(dock)] == [["lesion", "DWI", b_value], ["lesion", "T2", ""]]


def test_regions_are_added_renamed_and_deleted(dock, qtbot):
    regions = dock.room.regions
    named(dock, "New region").click()
    named(dock, "New region").click()
    settled(qtbot, dock)
    assert [dock.list.item(row).text() for row in range(2)] == ["region 1", "region 2"]
    assert dock.list.currentRow() == 1
    dock.list.item(0).setText("lesion")
    settled(qtbot, dock)
    assert [region.name for region in regions.regions] == ["lesion", "region 2"]
    assert [dock.background_box.itemText(i) for i in range(3)] == ["none", "lesion", "region 2"]
    dock.list.setCurrentRow(0)
    assert regions.active.name == "lesion"
    regions.fill((np.array([1]), np.array([2]), np.array([3])), regions.active.code)
    named(dock, "Delete").click()
    settled(qtbot, dock)
    assert [region.name for region in regions.regions] == ["region 2"]
    assert not regions.labels.any()
    assert dock.list.count() == 1


def test_deleted_region_comes_back_with_its_name(dock, qtbot):
    fill(dock.room, "lesion", (3, slice(8, 12), slice(6, 10)))
    settled(qtbot, dock)
    named(dock, "Delete").click()
    settled(qtbot, dock)
    assert not dock.rows
    named(dock, "Undo").click()
    settled(qtbot, dock)
    assert [region.name for region in dock.room.regions.regions] == ["lesion"]
    assert dock.rows[0].n == 16


@pytest.mark.parametrize("name", ["reference", " "])
def test_regions_need_names_of_their_own(dock, qtbot, errors, name):
    fill(dock.room, "lesion", (3, 8, 6))
    fill(dock.room, "reference", (3, 9, 6))
    settled(qtbot, dock)
    dock.list.item(0).setText(name)
    assert len(errors()) == 1
    qtbot.waitUntil(lambda: dock.list.item(0).text() == "lesion")
    assert [region.name for region in dock.room.regions.regions] == ["lesion", "reference"]


def test_background_keeps_its_role_under_another_name(dock, qtbot):
    fill(dock.room, "lesion", (3, slice(8, 12), slice(6, 10)))
    fill(dock.room, "reference", (3, slice(8, 12), slice(12, 16)))
    settled(qtbot, dock)
    dock.background_box.setCurrentText("reference")
    before = [row.cnr for row in dock.rows if row.region == "lesion"]
    dock.list.item(1).setText("muscle")
    settled(qtbot, dock)
    assert dock.background_box.currentText() == "muscle"
    assert [row.cnr for row in dock.rows if row.region == "lesion"] == before
    assert not np.isnan(before).any()


def test_drawing_without_a_region_makes_one(dock):
    assert not dock.room.regions.regions
    named(dock, "Ellipse").click()
    assert [region.name for region in dock.room.regions.regions] == ["region 1"]


def test_label_chosen_in_naparis_own_controls_gets_a_name(dock, qtbot):
    layer = dock.room.regions.layer
    layer.selected_label = 7
    layer.paint((3, 9, 9), 7)
    settled(qtbot, dock)
    assert [row[0] for row in table(dock)] == ["region 7", "region 7"]


def test_table_is_exported_and_copied(dock, qtbot, idle, tmp_path, monkeypatch, errors):
    fill(dock.room, "lesion", (3, slice(8, 12), slice(6, 10)))
    settled(qtbot, dock)
    file = tmp_path / "out" / "stats.tsv"
    file.parent.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    named(dock, "Export…").click()
    idle(dock.room)
    assert not errors()
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened, delimiter="\t"))
    expected = expected_rows(dock)
    assert [row["b_value"] for row in rows] == ["0", "400", "800", ""]
    for row, measured in zip(rows, expected, strict=True):
        assert row["region"] == "lesion"
        assert float(row["mean"]) == pytest.approx(measured.mean, rel=1e-5)
    named(dock, "Copy table").click()
    assert QGuiApplication.clipboard().text() == file.read_text() == statistics_table(dock.rows)


def test_regions_are_saved_and_loaded_again(dock, qtbot, idle, tmp_path, monkeypatch, errors):
    room = dock.room
    fill(room, "lesion", (3, slice(8, 12), slice(6, 10)))
    fill(room, "reference", (slice(0, 6), 15, slice(12, 16)))
    settled(qtbot, dock)
    drawn = room.regions.labels.copy()
    file = tmp_path / "brain_dseg.nii.gz"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    named(dock, "Save regions…").click()
    idle(room)
    saved = read_regions(file)
    assert dict(saved.names) == {1: "lesion", 2: "reference"}
    np.testing.assert_array_equal(room.view.to_display(saved.labels.data), drawn)
    for region in room.regions.regions:
        room.regions.remove(region.code)
    settled(qtbot, dock)
    assert dock.list.count() == 0
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    named(dock, "Load regions…").click()
    idle(room)
    settled(qtbot, dock)
    np.testing.assert_array_equal(room.regions.labels, drawn)
    assert [region.name for region in room.regions.regions] == ["lesion", "reference"]
    assert {row.region for row in dock.rows} == {"lesion", "reference"}
    assert not errors()


def test_place_where_nothing_can_be_written_is_told(dock, qtbot, idle, tmp_path, errors):
    fill(dock.room, "lesion", (3, 8, 6))
    settled(qtbot, dock)
    (tmp_path / "file").write_text("in the way")
    dock.save(tmp_path / "file" / "regions.nii.gz")
    dock.export(tmp_path / "file" / "stats.tsv")
    idle(dock.room)
    assert len(errors()) == 2
    assert dock.room.regions.labels.any()


def test_file_that_holds_no_regions_is_told_and_regions_stay(dock, qtbot, idle, tmp_path, errors):
    fill(dock.room, "lesion", (3, 8, 6))
    settled(qtbot, dock)
    (tmp_path / "junk.nii.gz").write_bytes(b"junk")
    dock.load(tmp_path / "junk.nii.gz")
    idle(dock.room)
    assert len(errors()) == 1
    assert [region.name for region in dock.room.regions.regions] == ["lesion"]


def test_regions_layer_taken_off_comes_back_with_the_next_tool(dock):
    room = dock.room
    fill(room, "lesion", (3, 8, 6))
    room.viewer.layers.remove("Regions")
    dock.tool_buttons["brush"].click()
    assert room.viewer.layers.selection.active is room.regions.layer
    assert room.regions.labels.any()


def test_names_are_editable_at_a_double_click(dock, qtbot):
    named(dock, "New region").click()
    settled(qtbot, dock)
    assert dock.list.item(0).flags() & Qt.ItemFlag.ItemIsEditable


def test_decay_curves_show_the_mean_of_every_region_at_every_b_value(dock, qtbot):
    fill(dock.room, "lesion", np.s_[2:4, 8:12, 8:12])
    settled(qtbot, dock)
    assert dock.curves is None
    dock.curves_fold.expand(animate=False)
    (curve,) = dock.curves.getPlotItem().listDataItems()
    b_values, log_means = curve.getData()
    means = [row.mean for row in expected_rows(dock) if row.b_value is not None]
    np.testing.assert_array_equal(b_values, dock.room.series.b_values.values)
    np.testing.assert_allclose(10**log_means, means, rtol=1e-6)


def test_decay_curves_follow_what_is_drawn(dock, qtbot):
    dock.curves_fold.expand(animate=False)
    fill(dock.room, "lesion", np.s_[2:4, 8:12, 8:12])
    settled(qtbot, dock)
    assert len(dock.curves.getPlotItem().listDataItems()) == 1
    fill(dock.room, "muscle", np.s_[1, 2:5, 2:5])
    settled(qtbot, dock)
    assert len(dock.curves.getPlotItem().listDataItems()) == 2
