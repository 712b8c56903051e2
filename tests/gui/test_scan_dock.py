from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_dwi.scan import Grid, open_series

from .builder import answering, make_scan, named, save_scan
from .conftest import open_dock, show


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Scan")


def cells(dock):
    table = dock.table
    return [
        [table.item(row, column).text() for column in range(1, table.columnCount())]
        for row in range(table.rowCount())
    ]


def names_listed(dock):
    return [row[0].splitlines()[0] for row in cells(dock)]


def tick(dock, name, *, on=True):
    state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
    dock.table.item(names_listed(dock).index(name), 0).setCheckState(state)


def ticked(dock):
    rows = range(dock.table.rowCount())
    return [dock.table.item(row, 0).checkState() == Qt.CheckState.Checked for row in rows]


def names(dock):
    return [layer.name for layer in dock.room.viewer.layers]


def choose(monkeypatch, kind, answer):
    """The file dialog of the desktop is no widget of ours to click in."""
    monkeypatch.setattr(QFileDialog, kind, lambda *_: answer)


def drop(dock, *urls):
    data = QMimeData()
    data.setUrls(list(urls))
    event = QDropEvent(
        QPointF(20, 20),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    enter = QDragEnterEvent(
        event.position().toPoint(), Qt.DropAction.CopyAction, data, event.buttons(), event.modifiers()
    )
    enter.ignore()
    QApplication.sendEvent(dock, enter)
    if enter.isAccepted():
        QApplication.sendEvent(dock, event)
    return enter.isAccepted()


def test_folder_is_listed_and_loaded_at_a_click(dock, folder, idle, monkeypatch, errors):
    choose(monkeypatch, "getExistingDirectory", str(folder))
    named(dock, "Open folder…").click()
    idle(dock.room)
    assert sorted(cells(dock)) == [
        ["T2\nanatomy · RAS", "40×36×12\n1.5×1.5×2.5 mm", "", "100 %", ""],
        ["brain\nDWI · LAS", "24×20×6 · 3 vol\n2×2×4 mm", "0 400 800", "", ""],
    ]
    assert ticked(dock) == [True, True]
    assert not names(dock)
    dock.load_button.click()
    idle(dock.room)
    assert names(dock) == ["DWI", "T2", "Regions"]
    np.testing.assert_array_equal(
        dock.room.viewer.layers["DWI"].data,
        dock.room.view.to_display(open_series(folder / "brain.nii.gz").signal),
    )
    assert "brain: 24 × 20 × 6, 3 volumes" in dock.on_show.facts.text()
    assert "0 400 800 s/mm² (brain.bval)" in dock.on_show.facts.text()
    assert not errors()


def test_file_comes_with_its_neighbours_to_choose_from(dock, folder, idle, monkeypatch):
    choose(monkeypatch, "getOpenFileName", (str(folder / "brain.nii.gz"), ""))
    named(dock, "Open file…").click()
    idle(dock.room)
    assert names_listed(dock) == ["brain", "T2"]
    assert ticked(dock) == [True, False]
    dock.load_button.click()
    idle(dock.room)
    assert names(dock) == ["DWI", "Regions"]


def test_folder_is_dropped(dock, folder, idle):
    assert drop(dock, QUrl.fromLocalFile(str(folder)))
    idle(dock.room)
    assert set(names_listed(dock)) == {"brain", "T2"}


def test_link_to_the_web_is_not_taken_for_a_file(dock):
    assert not drop(dock, QUrl("https://example.org/scan.nii.gz"))
    assert dock.room.queue.is_idle
    assert dock.table.rowCount() == 0


def test_one_series_is_ticked_at_a_time(dock, folder, idle):
    save_scan(make_scan("second"), folder / "more")
    for file in (folder / "more").glob("second.*"):
        file.rename(folder / file.name)
    dock.open_path(folder)
    idle(dock.room)
    assert not any(ticked(dock))
    assert "Tick one of the 2 diffusion series" in dock.summary.text()
    assert not dock.load_button.isEnabled()
    tick(dock, "T2")
    assert not dock.load_button.isEnabled()
    assert "Tick a diffusion series too" in dock.load_button.toolTip()
    for name in ("brain", "second"):
        tick(dock, name)
        assert dock.table.series.description == name
    assert ticked(dock).count(True) == 2
    dock.load_button.click()
    idle(dock.room)
    assert dock.room.series.name == "second"


def cut_short(file: Path) -> None:
    content = gzip.decompress(file.read_bytes())
    file.write_bytes(gzip.compress(content)[:-2000])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "brain.bval").write_text("0 400\n"), "b-values"),
        (lambda folder: cut_short(folder / "brain.nii.gz"), "brain.nii.gz"),
        (lambda folder: cut_short(folder / "T2.nii.gz"), "T2.nii.gz"),
    ],
    ids=["b-values of another scan", "truncated series", "truncated anatomy"],
)
def test_spoilt_files_are_told_and_the_scan_on_show_stays(dock, folder, idle, errors, spoil, said):
    dock.open_path(folder)
    idle(dock.room)
    dock.load_button.click()
    idle(dock.room)
    before = list(dock.room.viewer.layers)
    # Spoilt after it was listed: loading is what fails.
    spoil(folder)
    dock.load_button.click()
    idle(dock.room)
    assert said in errors()[-1]
    assert said in dock.summary.text()
    assert list(dock.room.viewer.layers) == before


def test_b_values_that_do_not_fit_are_told_in_the_list(dock, folder, idle):
    (folder / "brain.bval").write_text("0 400\n")
    dock.open_path(folder)
    idle(dock.room)
    row = names_listed(dock).index("brain")
    assert dock.table.item(row, 3).text() == "unknown"
    warning = dock.table.item(row, 5)
    assert not warning.icon().isNull()
    assert "3 b-values" in warning.toolTip()


@pytest.mark.parametrize("there", [True, False], ids=["no images", "no folder"])
def test_place_without_images_is_told(dock, tmp_path, idle, errors, there):
    place = tmp_path / "letters"
    if there:
        place.mkdir()
        (place / "letter.txt").write_text("Dear colleague,")
    dock.open_path(place)
    idle(dock.room)
    assert "letters" in errors()[0]
    assert not names(dock)


@pytest.mark.parametrize(
    ("answer", "name", "regions"), [("Cancel", "old", ["mine"]), ("Load the new scan", "brain", [])]
)
def test_asks_before_regions_are_lost(dock, folder, idle, answer, name, regions):
    show(dock.room, make_scan("old"))
    dock.room.regions.add("mine")
    dock.open_path(folder)
    idle(dock.room)
    with answering(answer) as asked:
        dock.load_button.click()
        idle(dock.room)
    assert len(asked) == 1
    assert dock.room.series.name == name
    assert [region.name for region in dock.room.regions.regions] == regions


def test_nothing_is_asked_while_there_is_nothing_to_lose(dock, folder, idle):
    show(dock.room, make_scan("old"))
    dock.open_path(folder)
    idle(dock.room)
    with answering("Cancel") as asked:
        dock.load_button.click()
        idle(dock.room)
    assert not asked
    assert dock.room.series.name == "brain"


def test_unknown_orientation_is_marked_in_the_dock_and_on_the_canvas(dock, scan):
    show(dock.room, scan)
    assert dock.on_show.badge.isHidden()
    assert not dock.room.letters.warning.visible
    grid = Grid.from_spacing(scan.series.grid.shape, scan.series.grid.spacing_mm)
    dock.room.show_scan(replace(scan.series, grid=grid), ())
    assert not dock.on_show.badge.isHidden()
    assert "ORIENTATION UNKNOWN" in dock.on_show.badge.text()
    assert set(dock.room.letters.letters.values()) == {"?"}
    assert dock.room.letters.warning.visible
    assert "UNKNOWN" in dock.room.letters.warning.text


def test_docks_closed_and_opened_again_follow_the_scan(viewer, scan):
    for name in ("Scan", "Regions", "Denoise"):
        before = open_dock(viewer, name)
        viewer.window.remove_dock_widget(before)
        assert open_dock(viewer, name) is not before
        del before
    show(open_dock(viewer, "Scan").room, scan)
    assert "brain" in open_dock(viewer, "Scan").on_show.facts.text()
    assert open_dock(viewer, "Denoise").run_button.isEnabled()
    named(open_dock(viewer, "Regions"), "New region").click()
    assert open_dock(viewer, "Regions").room.regions.regions
