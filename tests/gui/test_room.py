from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.gui.layers import RESIDUAL_COLORMAP
from napari_dwi.gui.room import ReadingRoom
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method

from .builder import MARKER_CENTRE, SHAPE, make_scan
from .conftest import show


def gaussian(room, **values):
    method = find_method("gaussian")
    return run_method(method, method.parameters.from_values(values), Inputs(room.series))


def layer(room, role):
    return next(shown.layer for shown in room.shown if shown.role == role)


def test_every_layer_has_millimetres_units_and_axis_names(room):
    room.show_result(gaussian(room), "Gaussian")
    assert len(room.viewer.layers) == 2 * 4
    for shown in room.viewer.layers:
        assert tuple(shown.scale[-3:]) == (4.0, 2.0, 2.0)
        assert [str(unit) for unit in shown.units[-3:]] == ["millimeter"] * 3
        assert shown.axis_labels[-3:] == ("z", "y", "x")
        assert shown.ndim == 3 or (shown.axis_labels[0] == "b" and str(shown.units[0]) == "pixel")


def test_left_of_the_patient_is_on_the_right_anterior_on_top_superior_first(room):
    x, y, z = MARKER_CENTRE
    data = layer(room, "scan").data
    assert data.shape == (3, 6, 20, 24)
    # LAS: x grows to the left already; y and z run against the display.
    at = np.unravel_index(np.argmax(data[0, SHAPE[2] - 1 - z]), data.shape[2:])
    assert abs(at[0] - (SHAPE[1] - 1 - y)) <= 1
    assert abs(at[1] - x) <= 1
    assert at[1] > SHAPE[0] / 2
    assert at[0] < SHAPE[1] / 2
    assert data[0].max(axis=(1, 2)).argmax() < SHAPE[2] / 2


def test_anatomy_lies_voxel_on_voxel_on_the_scan(room):
    x, y, z = MARKER_CENTRE
    anatomy = layer(room, "anatomy")
    assert anatomy.data.shape == layer(room, "scan").data.shape[1:]
    assert tuple(anatomy.translate) == (0, 0, 0)
    at = np.unravel_index(np.nanargmax(anatomy.data), anatomy.data.shape)
    assert at == (SHAPE[2] - 1 - z, SHAPE[1] - 1 - y, x)


@pytest.mark.parametrize(
    ("order", "left", "right", "top", "bottom"),
    [
        ((0, 1, 2, 3), "R", "L", "A", "P"),
        ((0, 2, 1, 3), "R", "L", "S", "I"),
        ((0, 3, 1, 2), "A", "P", "S", "I"),
    ],
)
def test_letters_on_the_canvas_follow_the_axes(room, order, left, right, top, bottom):
    room.viewer.dims.order = order
    overlays = room.viewer.canvas.overlays
    written = {side: overlays[f"napari-dwi {side}"] for side in ("left", "right", "top", "bottom")}
    assert [overlay.text for overlay in written.values()] == [left, right, top, bottom]
    assert all(overlay.visible for overlay in written.values())


def test_the_letter_at_the_top_stands_below_the_names_of_panes(room):
    letter = room.viewer.canvas.overlays["napari-dwi top"]
    room.set_side_by_side(True)
    assert letter.text == "\nA"
    room.set_side_by_side(False)
    assert letter.text == "A"


def test_letters_follow_a_camera_turned_round(room):
    room.viewer.scene.camera.orientation2d = ("up", "left")
    assert room.letters.letters == {"left": "L", "right": "R", "top": "P", "bottom": "A"}


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")
def test_no_slice_is_written_in_three_dimensions(room):
    room.viewer.dims.ndisplay = 3
    assert room.viewer.canvas.overlays.text.text == "b = 0 s/mm²"


def test_b_value_and_slice_are_written_in_the_corner(room):
    text = room.viewer.canvas.overlays.text
    room.viewer.dims.set_current_step(0, 2)
    room.viewer.dims.set_current_step(1, 4)
    assert text.text == "b = 800 s/mm²\nslice 5/6"
    assert text.visible
    room.viewer.dims.order = (0, 2, 1, 3)
    room.viewer.dims.set_current_step(2, 7)
    assert text.text == "b = 800 s/mm²\nslice 8/20"


def test_all_docks_of_a_viewer_share_a_room_and_viewers_do_not(viewer, make_napari_viewer):
    other = make_napari_viewer(show=False)
    mine, again, theirs = (ReadingRoom.of(v) for v in (viewer, viewer, other))
    assert mine is again
    assert theirs is not mine
    mine.close()
    theirs.close()


def test_result_arrives_with_its_residual_side_by_side_with_regions_in_every_pane(room):
    room.regions.fill((np.array([2]), np.array([3]), np.array([4])), room.regions.add("spot").code)
    room.show_result(gaussian(room), "Gaussian")
    viewer = room.viewer
    assert [shown.role for shown in room.shown] == ["scan", "anatomy", "denoised", "residual"]
    assert room.panes.side_by_side
    assert viewer.canvas.grid.enabled
    panes = [[viewer.layers[i] for i in pair] for _, pair in viewer.canvas.grid.iter_viewboxes(viewer.layers)]
    pairs = [sorted(pane, key=viewer.layers.index) for pane in panes if pane]
    assert [image.name for image, _ in pairs] == ["DWI", "T2", "Gaussian", "Gaussian residual"]
    for image, regions in pairs:
        assert image.visible
        assert regions.visible
        assert regions.data is room.regions.labels
    result = layer(room, "denoised")
    np.testing.assert_array_equal(
        np.array(layer(room, "scan").data) - result.data, layer(room, "residual").data
    )


def test_one_above_the_other_again(room):
    room.show_result(gaussian(room), "Gaussian")
    room.set_side_by_side(False)
    viewer = room.viewer
    assert not viewer.canvas.grid.enabled
    assert [one.name for one in viewer.layers] == ["DWI", "T2", "Gaussian", "Gaussian residual", "Regions"]
    assert [one.visible for one in viewer.layers] == [True, False, False, False, True]
    room.set_side_by_side(True)
    assert viewer.canvas.grid.enabled
    assert len(viewer.layers) == 8


def test_naparis_own_grid_button_pairs_images_and_regions_too(room, qtbot):
    grid = room.viewer.canvas.grid
    grid.enabled = True
    qtbot.waitUntil(lambda: len(room.viewer.layers) == 4)
    assert [one.name for one in room.viewer.layers] == ["DWI", "Regions", "T2", "Regions · T2"]
    grid.enabled = False
    qtbot.waitUntil(lambda: len(room.viewer.layers) == 3)
    assert [one.name for one in room.viewer.layers] == ["DWI", "T2", "Regions"]


def test_scan_and_result_share_their_window_and_others_do_not(room):
    room.show_result(gaussian(room), "Gaussian")
    scan, result, residual, anatomy = (
        layer(room, role) for role in ("scan", "denoised", "residual", "anatomy")
    )
    before = tuple(residual.contrast_limits), tuple(anatomy.contrast_limits)
    assert result.contrast_limits == scan.contrast_limits
    scan.contrast_limits = (10, 500)
    assert tuple(result.contrast_limits) == (10, 500)
    result.contrast_limits = (20, 600)
    assert tuple(scan.contrast_limits) == (20, 600)
    assert (tuple(residual.contrast_limits), tuple(anatomy.contrast_limits)) == before


def test_residual_window_is_symmetric_at_every_b_value(room):
    room.show_result(gaussian(room), "Gaussian")
    residual = layer(room, "residual")
    assert residual.colormap.name == RESIDUAL_COLORMAP.name
    for volume in range(3):
        room.viewer.dims.set_current_step(0, volume)
        low, high = residual.contrast_limits
        assert low == -high
        assert 0 < high <= np.abs(residual.data[volume]).max()


def test_every_b_value_keeps_the_window_it_was_given(room):
    room.show_result(gaussian(room), "Gaussian")
    scan, result = layer(room, "scan"), layer(room, "denoised")
    at_0 = tuple(scan.contrast_limits)
    room.viewer.dims.set_current_step(0, 2)
    assert scan.contrast_limits[1] < at_0[1]
    scan.contrast_limits = (5, 321)
    room.viewer.dims.set_current_step(0, 0)
    assert tuple(scan.contrast_limits) == at_0
    room.viewer.dims.set_current_step(0, 2)
    assert tuple(scan.contrast_limits) == tuple(result.contrast_limits) == (5, 321)


def test_result_of_some_b_values_is_shown_at_these_b_values(room):
    result = gaussian(room, targets=(400.0, 800.0))
    room.show_result(result, "Gaussian")
    denoised = layer(room, "denoised").data
    signal = room.view.to_display(result.output.image("denoised").signal)
    assert denoised.shape == (3, 6, 20, 24)
    assert np.isnan(denoised[0]).all()
    np.testing.assert_array_equal(denoised[1:], signal)


def test_removing_a_result_closes_its_pane(room, qtbot):
    room.show_result(gaussian(room), "Gaussian")
    changes = []
    room.images_changed.connect(lambda: changes.append(1))
    room.viewer.layers.remove("Gaussian")
    assert [shown.role for shown in room.shown] == ["scan", "anatomy", "residual"]
    assert changes
    expected = ["DWI", "Regions", "T2", "Regions · T2", "Gaussian residual", "Regions · Gaussian residual"]
    qtbot.waitUntil(lambda: [one.name for one in room.viewer.layers] == expected)


def test_results_still_arrive_when_the_user_has_removed_scan_and_regions(room):
    result = gaussian(room)
    room.viewer.layers.remove("DWI")
    room.viewer.layers.remove("Regions")
    room.show_result(result, "Gaussian")
    assert "Gaussian" in room.viewer.layers
    assert "Gaussian residual" in room.viewer.layers


def test_results_of_the_same_name_are_told_apart(room):
    for _ in range(2):
        room.show_result(gaussian(room), "Gaussian")
    names = [shown.layer.name for shown in room.shown if shown.result is not None]
    assert names == ["Gaussian", "Gaussian residual", "Gaussian 2", "Gaussian 2 residual"]


def test_a_new_scan_takes_the_place_of_the_old_with_all_that_belongs_to_it(room):
    room.regions.add("old")
    own = room.viewer.add_points(np.zeros((1, 3)), name="mine", units=("mm",) * 3)
    room.show_result(gaussian(room), "Gaussian")
    show(room, make_scan("other"))
    assert [one.name for one in room.viewer.layers] == ["DWI", "T2", "Regions", "mine"]
    assert own in room.viewer.layers
    assert not room.regions.regions
    assert not room.viewer.canvas.grid.enabled
    assert room.series.name == "other"


def test_layers_keep_the_parameters_they_were_made_with(room):
    room.show_result(gaussian(room, sigma_mm=3.0), "Gaussian")
    record = layer(room, "denoised").metadata["napari-dwi"]
    assert record["Parameters"]["sigma_mm"] == 3.0


def test_left_marker_is_on_the_right_of_the_picture_and_letters_say_so(visible_room, qtbot):
    viewer = visible_room.viewer
    viewer.dims.set_current_step(1, SHAPE[2] - 1 - MARKER_CENTRE[2])
    scan = layer(visible_room, "scan")
    scan.contrast_limits = (2000, 3000)
    for overlay in viewer.canvas.overlays.values():
        overlay.visible = False

    def picture():
        return viewer.screenshot(canvas_only=True, flash=False)[..., :3].max(axis=-1).astype(int)

    qtbot.waitUntil(lambda: (picture() > 128).sum() > 50)
    rows, columns = np.nonzero(picture() > 128)
    height, width = picture().shape
    assert columns.min() > width / 2
    assert rows.max() < height / 2
    assert visible_room.letters.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}


def test_letters_are_drawn_at_their_edges(visible_room, qtbot):
    viewer = visible_room.viewer
    for shown in viewer.layers:
        shown.visible = False

    def yellow():
        picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
        return (picture[..., 0] > 150) & (picture[..., 1] > 150) & (picture[..., 2] < 80)

    qtbot.waitUntil(lambda: yellow().sum() > 40)
    rows, columns = np.nonzero(yellow())
    height, width = yellow().shape
    at_left, at_right = columns < width / 10, columns > width * 0.9
    at_top, at_bottom = rows < height / 10, rows > height * 0.9
    for edge in (at_left, at_right, at_top, at_bottom):
        assert edge.any()
    assert (at_left | at_right | at_top | at_bottom).all()
