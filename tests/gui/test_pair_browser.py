from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_dwi.gui.pair_form import PairForm
from napari_dwi.gui.slice_grid import SliceGrid
from napari_dwi.physics.k_space import zero_filled_within_edges
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.training.previews import upright

from ..superres.pairs.scans import make_scans
from .builder import answering
from .conftest import open_dock
from .pair_store import N_SLICES, SHIFT, SUBJECTS, make_store


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "pairs.zarr")


@pytest.fixture
def dock(viewer, store, idle):
    """The Train dock with the store open."""
    dock = open_dock(viewer, "Train")
    dock.desk.open(store)
    idle(dock.room)
    return dock


@pytest.fixture
def visible_dock(visible_viewer, store, idle, qtbot):
    """The same on the screen, with all pictures made."""
    dock = open_dock(visible_viewer, "Train")
    dock.desk.open(store)
    idle(dock.room)
    grid = dock.pairs.grid
    qtbot.waitUntil(lambda: all(grid.picture(z) is not None for z in range(N_SLICES)))
    return dock


def click(qtbot, grid, z, *, double=False):
    place = grid.visualRect(grid.model().index(z, 0)).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=place)
    if double:
        qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=place)


def left_out(store):
    return {facts.name: facts.excluded for facts in PairStore(store).facts()}


def cells(table):
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def brightness(grid, z):
    """Of the picture of a slice as it is on the screen."""
    picture = grid.viewport().grab(grid.visualRect(grid.model().index(z, 0))).toImage()
    levels = [
        picture.pixelColor(x, y).lightness() for x in range(picture.width()) for y in range(picture.height())
    ]
    return np.percentile(levels, 95)


def test_pairs_are_listed_with_what_to_look_at(dock):
    rows = cells(dock.pairs.table)
    assert rows[0] == ["a-axial", "a", "axial", "×2", str(N_SLICES), "⚠ 0.31", "5.0"]
    assert [row[1] for row in rows] == list(SUBJECTS)
    assert not any("⚠" in row[5] for row in rows[1:])
    assert f"{SHIFT[1]:+.2f}" in dock.pairs.table.item(0, 5).toolTip()
    assert "⚠" in dock.pairs.state.text()
    assert "a-axial" in dock.pairs.state.text()


def test_a_click_leaves_a_slice_out_and_another_takes_it_back(visible_dock, store, qtbot, idle):
    grid = visible_dock.pairs.grid
    bright = brightness(grid, 2)
    click(qtbot, grid, 2)
    idle(visible_dock.room)
    assert left_out(store) == {"a-axial": (2,), "b-axial": (), "c-axial": ()}
    assert cells(visible_dock.pairs.table)[0][4] == f"{N_SLICES - 1} of {N_SLICES}"
    assert brightness(grid, 2) < 0.7 * bright
    click(qtbot, grid, 2)
    idle(visible_dock.room)
    assert left_out(store)["a-axial"] == ()


def test_arrow_keys_and_space_leave_slices_out_and_ctrl_z_undoes(visible_dock, store, qtbot, idle):
    grid = visible_dock.pairs.grid
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_Space):
        qtbot.keyClick(grid, key)
    idle(visible_dock.room)
    assert left_out(store)["a-axial"] == (0, 1)
    qtbot.keyClick(grid, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    idle(visible_dock.room)
    assert left_out(store)["a-axial"] == (1,)
    assert [grid.is_left_out(z) for z in range(N_SLICES)] == [False, True, False, False]


def test_a_change_of_another_pair_is_undone_where_it_was_made(dock, store, idle):
    dock.desk.toggle("a-axial", 0)
    dock.desk.toggle("b-axial", 3)
    dock.pairs.table.selectRow(2)
    for expected in ((0,), ()):
        dock.pairs.undo_button.click()
        idle(dock.room)
        assert left_out(store) == {"a-axial": expected, "b-axial": (), "c-axial": ()}
    assert not dock.pairs.undo_button.isEnabled()


def test_the_last_slice_of_a_pair_stays(dock, store, idle, errors):
    for z in range(N_SLICES):
        dock.desk.toggle("a-axial", z)
    idle(dock.room)
    assert "no slice of a-axial would be left" in errors()[0]
    assert left_out(store)["a-axial"] == tuple(range(N_SLICES - 1))
    assert not dock.pairs.grid.is_left_out(N_SLICES - 1)


def test_pictures_show_low_beside_high_resolution(visible_dock, store):
    picture = visible_dock.pairs.grid.picture(1).toImage()
    levels = np.array(
        [[picture.pixelColor(x, y).red() for x in range(picture.width())] for y in range(picture.height())]
    )
    high = upright(PairStore(store).high("a-axial", 1)) / 500 * 255
    half = levels[:, levels.shape[1] // 2 + 2 :]
    rows, columns = (
        np.linspace(0, n - 1, m).astype(int) for n, m in zip(high.shape, half.shape, strict=True)
    )
    assert np.corrcoef(half.ravel(), high[np.ix_(rows, columns)].ravel())[0, 1] > 0.9
    # What is left is the same slice with less resolution and more noise, so less like it.
    other = levels[:, : half.shape[1]]
    assert 0.7 < np.corrcoef(other.ravel(), half.ravel())[0, 1] < 0.999


def test_only_slices_in_sight_are_asked_for(qtbot):
    grid, asked = SliceGrid(), []
    qtbot.addWidget(grid)
    grid.wanted.connect(asked.append)
    grid.resize(380, 250)
    grid.show_slices(1000, ())
    grid.show()
    qtbot.waitUntil(lambda: bool(asked))
    assert set(asked[0]) < set(range(20))
    grid.scrollToBottom()
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert set(asked[1]) < set(range(980, 1000))


def test_a_double_click_shows_the_pair_over_the_same_millimetres(visible_dock, store, qtbot, idle):
    viewer = visible_dock.room.viewer
    click(qtbot, visible_dock.pairs.grid, 3, double=True)
    idle(visible_dock.room)
    assert left_out(store)["a-axial"] == ()
    assert not visible_dock.desk.can_undo
    low, high = (viewer.layers[f"a-axial {word}"] for word in ("low, zero-filled", "high"))
    np.testing.assert_array_equal(low.extent.world, high.extent.world)
    np.testing.assert_allclose(high.scale, (1.0, 0.25, 0.2))
    assert [str(unit) for unit in high.units] == ["millimeter"] * 3
    pairs = PairStore(store)
    for z in range(N_SLICES):
        fine = zero_filled_within_edges(pairs.low("a-axial", z), 2)
        np.testing.assert_array_equal(high.data[z], upright(pairs.high("a-axial", z)))
        np.testing.assert_array_equal(low.data[z], upright(fine))
    assert viewer.dims.current_step[0] == 3


def test_a_pair_is_added_to_a_new_store_in_the_background(viewer, tmp_path, idle, errors):
    scans = make_scans(size=32, n_slices=3)
    low, high = scans.save(tmp_path)
    dock = open_dock(viewer, "Train")
    assert not dock.pairs.form.isEnabled()
    dock.desk.make(tmp_path / "new.zarr")
    idle(dock.room)
    form = dock.pairs.form
    assert dock.pairs.fold.isExpanded()
    assert not form.button.isEnabled()
    form.low.set_path(low)
    form.high.set_path(high)
    form.subject.setText("mouse 3")
    form.left_out.setText("1")
    form.button.click()
    idle(dock.room)
    assert not errors()
    (facts,) = PairStore(tmp_path / "new.zarr").facts()
    assert (facts.subject, facts.factor, facts.excluded) == ("mouse 3", 2, (1,))
    assert dock.pairs.table.name == facts.name
    assert dock.pairs.grid.is_left_out(1)
    assert not dock.pairs.fold.isExpanded()


def test_a_table_of_pairs_is_added_but_for_those_there_are(viewer, tmp_path, idle, errors):
    folder = tmp_path / "new.zarr"
    lines = ["subject\tlow\thigh"]
    for n, shift in enumerate([(0.0, 0.0), (0.4, 0.0)]):
        low, high = make_scans(size=32, n_slices=2, shift=shift, seed=n).save(tmp_path, f"mouse{n}")
        lines.append(f"mouse {n}\t{low.name}\t{high.name}")
    table = tmp_path / "pairs.tsv"
    table.write_text("\n".join(lines))
    dock = open_dock(viewer, "Train")
    dock.desk.make(folder)
    idle(dock.room)
    for _ in range(2):
        dock.pairs.form.listed.emit(table)
        idle(dock.room)
    assert not errors()
    first, second = PairStore(folder).facts()
    assert (first.subject, second.subject) == ("mouse 0", "mouse 1")
    # Whoever sorts slices meanwhile keeps the pair that is looked at.
    assert dock.pairs.table.name == first.name
    assert dock.pairs.notes.text() == ""
    dock.pairs.table.selectRow(1)
    assert "displaced" in dock.pairs.notes.text()


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [("crop", "everything", "not a part of a slice"), ("left_out", "two", "not slice numbers")],
)
def test_what_cannot_be_read_in_the_form_is_told(qtbot, errors, tmp_path, field, text, expected):
    form, asked = PairForm(), []
    qtbot.addWidget(form)
    form.asked.connect(asked.append)
    form.low.set_path(tmp_path / "low.nii")
    form.high.set_path(tmp_path / "high.nii")
    form.subject.setText("x")
    getattr(form, field).setText(text)
    form.button.click()
    assert expected in errors()[0]
    assert not asked


def test_a_folder_that_is_no_store_is_told_and_the_open_one_stays(dock, store, tmp_path, idle, errors):
    (tmp_path / "empty").mkdir()
    dock.desk.open(tmp_path / "empty")
    idle(dock.room)
    assert "store of pairs" in errors()[0]
    assert dock.desk.store == store
    assert dock.pairs.table.rowCount() == len(SUBJECTS)


@pytest.mark.parametrize(("answer", "left"), [("Cancel", 3), ("Delete the pair", 2)])
def test_a_pair_is_deleted_only_when_that_is_confirmed(dock, store, idle, answer, left):
    dock.pairs.table.selectRow(1)
    with answering(answer) as asked:
        dock.pairs.remove_button.click()
    idle(dock.room)
    assert "b-axial" in asked[0]
    assert len(PairStore(store).facts()) == dock.pairs.table.rowCount() == left


def test_a_double_click_undoes_nothing_but_its_own_first_click(dock, idle, qtbot):
    """Of the only slice in use nothing changes; a click with the right button does not open or undo."""
    browser, name = dock.pairs, dock.pairs.table.name
    for z in range(1, 4):
        dock.desk.toggle(name, z)
    idle(dock.room)
    browser.grid.toggled.emit(0)
    browser.grid.opened.emit(0)
    idle(dock.room)
    assert dock.desk.pairs[name].excluded == (1, 2, 3)
    index = browser.grid.model().index(1, 0)
    place = browser.grid.visualRect(index).center()
    qtbot.mouseDClick(browser.grid.viewport(), Qt.MouseButton.RightButton, pos=place)
    idle(dock.room)
    assert dock.desk.pairs[name].excluded == (1, 2, 3)


def test_what_was_read_before_a_slice_was_left_out_is_read_again(dock, idle):
    name = dock.pairs.table.name
    dock.desk.open(dock.desk.store)
    dock.desk.toggle(name, 0)
    idle(dock.room)
    dock.desk.toggle(name, 1)
    idle(dock.room)
    assert dock.desk.pairs[name].excluded == (0, 1)
    assert PairStore(dock.desk.store).facts_of(name).excluded == (0, 1)


def test_a_folder_that_is_no_pair_does_no_harm(dock, idle, errors):
    (dock.desk.store / "run").mkdir()
    before = set(dock.desk.pairs)
    dock.desk.open(dock.desk.store)
    idle(dock.room)
    assert set(dock.desk.pairs) == before
    assert not errors()
