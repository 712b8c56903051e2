from __future__ import annotations

import numpy as np
import pytest

from .builder import named, settled
from .conftest import open_dock


@pytest.fixture
def visible_dock(visible_room, qtbot):
    dock = open_dock(visible_room.viewer, "Regions")
    canvas = visible_room.viewer.window._qt_viewer.canvas.native
    qtbot.waitUntil(lambda: dock.isVisible() and canvas.width() > 300)
    visible_room.viewer.reset_view()
    visible_room.viewer.screenshot(flash=False)
    return dock


# Millimetres along (row, column); rows and columns are 2 mm apart in the axial plane.
@pytest.mark.parametrize(
    ("label", "inside"),
    [
        ("Ellipse", lambda row, column: ((row - 18) / 9) ** 2 + ((column - 23) / 12) ** 2 <= 1),
        ("Rectangle", lambda row, column: (abs(row - 18) <= 9) & (abs(column - 23) <= 12)),
    ],
)
def test_shape_takes_the_voxels_whose_centres_are_inside(visible_dock, mouse, qtbot, label, inside):
    room = visible_dock.room
    room.viewer.dims.set_current_step(1, 4)
    named(visible_dock, label).click()
    mouse.drag((9, 11), (27, 35))
    settled(qtbot, visible_dock)
    row, column = np.ogrid[:20, :24]
    expected = inside(2.0 * row, 2.0 * column)
    # The mouse stops at whole pixels, so centres right on the outline may fall on either side.
    clear = inside(18 + (2.0 * row - 18) * 1.03, 23 + (2.0 * column - 23) * 1.03) == inside(
        18 + (2.0 * row - 18) * 0.97, 23 + (2.0 * column - 23) * 0.97
    )
    drawn = room.regions.labels
    np.testing.assert_array_equal((drawn[4] > 0)[clear], expected[clear])
    assert not np.delete(drawn, 4, axis=0).any()
    assert clear.mean() > 0.9
    assert visible_dock.rows[0].n == np.count_nonzero(drawn)


def test_shape_is_drawn_in_a_coronal_slice(visible_dock, mouse, qtbot):
    room = visible_dock.room
    room.viewer.dims.order = (0, 2, 1, 3)
    room.viewer.dims.set_current_step(2, 7)
    room.viewer.reset_view()
    room.viewer.screenshot(flash=False)
    named(visible_dock, "Rectangle").click()
    # Slices are 4 mm apart, columns 2 mm.
    mouse.drag((3, 9), (17, 21))
    settled(qtbot, visible_dock)
    expected = np.zeros(room.view.shape, bool)
    expected[1:5, 7, 5:11] = True
    np.testing.assert_array_equal(room.regions.labels > 0, expected)


def test_brush_paints_and_erases(visible_dock, mouse, qtbot):
    room = visible_dock.room
    named(visible_dock, "Brush").click()
    room.regions.layer.brush_size = 1
    z = room.viewer.dims.current_step[1]
    mouse.drag((20, 10), (20, 30))
    settled(qtbot, visible_dock)
    drawn = np.argwhere(room.regions.labels)
    np.testing.assert_array_equal(drawn, [(z, 10, column) for column in range(5, 16)])
    named(visible_dock, "Erase").click()
    mouse.drag((20, 10), (20, 14))
    settled(qtbot, visible_dock)
    np.testing.assert_array_equal(np.argwhere(room.regions.labels)[:, 2], range(8, 16))


def test_polygon_closes_at_a_double_click(visible_dock, mouse, qtbot):
    room = visible_dock.room
    named(visible_dock, "Polygon").click()
    for corner in ((9, 9), (9, 31), (27, 31), (27, 9)):
        mouse.click(corner)
    mouse.click((27, 9), double=True)
    settled(qtbot, visible_dock)
    drawn = room.regions.labels
    z = room.viewer.dims.current_step[1]
    assert drawn[z, 6:13, 6:15].all()
    assert not drawn[z, :4].any()
    assert not drawn[z, :, 17:].any()


def test_moving_draws_nothing_and_moves_the_image(visible_dock, mouse):
    room = visible_dock.room
    named(visible_dock, "Ellipse").click()
    named(visible_dock, "Move").click()
    before = room.viewer.scene.camera.center
    mouse.drag((9, 11), (27, 35))
    assert not room.regions.labels.any()
    assert room.viewer.scene.camera.center != before


def test_undo_takes_a_shape_back_and_redo_draws_it_again(visible_dock, mouse, qtbot):
    room = visible_dock.room
    named(visible_dock, "Rectangle").click()
    mouse.drag((9, 9), (21, 21))
    settled(qtbot, visible_dock)
    first = room.regions.labels.copy()
    assert first.any()
    mouse.drag((15, 15), (31, 31))
    settled(qtbot, visible_dock)
    both = np.count_nonzero(room.regions.labels)
    assert visible_dock.rows[0].n == both > np.count_nonzero(first)
    named(visible_dock, "Undo").click()
    settled(qtbot, visible_dock)
    np.testing.assert_array_equal(room.regions.labels, first)
    assert visible_dock.rows[0].n == np.count_nonzero(first)
    named(visible_dock, "Undo").click()
    settled(qtbot, visible_dock)
    assert not room.regions.labels.any()
    for _ in range(2):
        named(visible_dock, "Redo").click()
    settled(qtbot, visible_dock)
    assert visible_dock.rows[0].n == both


def test_what_is_drawn_in_one_pane_shows_in_all(visible_dock, mouse, qtbot):
    room = visible_dock.room
    room.set_side_by_side(True)
    room.viewer.screenshot(flash=False)
    named(visible_dock, "Brush").click()
    labels = [layer for layer in room.viewer.layers if layer.name.startswith("Regions")]
    assert len(labels) == 2
    room.regions.layer.brush_size = 3
    # In millimetres of the pane under the mouse, whichever it is.
    mouse.drag((10, 10), (20, 20))
    settled(qtbot, visible_dock)
    assert room.regions.labels.any()
    z = room.viewer.dims.current_step[1]
    for layer in labels:
        assert layer.data is room.regions.labels
        np.testing.assert_array_equal(layer._slice.image.raw, room.regions.labels[z])
    named(visible_dock, "Undo").click()
    settled(qtbot, visible_dock)
    for layer in labels:
        assert not layer._slice.image.raw.any()
