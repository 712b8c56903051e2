from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QFileDialog

from napari_dwi.gui.session_files import open_session_folder, save_session
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method
from napari_dwi.scan import open_series, open_volume, save

from .builder import MARKER_CENTRE, MARKER_SIGNAL, SHAPE
from .conftest import open_dock


@pytest.fixture
def dock(room):
    return open_dock(room.viewer, "Super-resolve")


def shown_as(room, role):
    return next(shown for shown in room.shown if shown.role == role)


def super_resolve(dock, idle, name="zero-fill", **settings):
    dock.method_box.setCurrentText(find_method(name).title)
    dock.form.set_values(dock.method.parameters.from_values(settings))
    dock.run_button.click()
    idle(dock.room)


def test_the_method_that_needs_no_training_comes_first(dock):
    assert dock.method.name == "zero-fill-nlm"
    assert [dock.method_box.itemText(n) for n in range(dock.method_box.count())] == [
        method.title for method in methods_of("superres")
    ]


def test_super_resolve_button_gives_what_the_method_gives(dock, idle, errors):
    super_resolve(dock, idle, "zero-fill-nlm")
    assert not errors()
    method = find_method("zero-fill-nlm")
    expected = run_method(method, method.settings(), Inputs(dock.room.series))
    for role in ("super-resolved", "residual"):
        np.testing.assert_array_equal(
            shown_as(dock.room, role).image.signal, expected.output.image(role).signal
        )
    assert dock.side_by_side.isChecked()
    assert "on cpu" in dock.report.text()


def test_a_map_of_the_spread_is_shown_beside_with_a_window_of_its_own(dock, idle, errors):
    super_resolve(dock, idle, "anchored-path", steps=2, samples=2)
    assert not errors()
    assert [shown.role for shown in dock.room.shown][-3:] == ["super-resolved", "residual", "SD"]
    fine, spread = (shown_as(dock.room, role).layer for role in ("super-resolved", "SD"))
    assert spread.data.shape == fine.data.shape
    assert spread.contrast_limits[1] < 0.5 * fine.contrast_limits[1]


@pytest.mark.parametrize("factor", [2, 3])
def test_the_result_lies_over_the_scan(dock, idle, factor):
    super_resolve(dock, idle, factor=factor)
    scan, fine = (shown_as(dock.room, role).layer for role in ("scan", "super-resolved"))
    x, y, z = SHAPE
    assert fine.data.shape == (3, z, factor * y, factor * x)
    np.testing.assert_allclose(fine.scale[1:], np.divide(scan.scale[1:], (1, factor, factor)))
    # Every acquired voxel has the same value in both layers at the same place in the world.
    for index in [(0, 2, 3, 4), (1, 3, 10, 12), (2, 5, 19, 23)]:
        place = np.round(fine.world_to_data(scan.data_to_world(index)), 6)
        np.testing.assert_array_equal(place, np.round(place))
        assert fine.data[tuple(place.astype(int))] == pytest.approx(scan.data[index], rel=1e-3, abs=0.5)


def test_the_marker_is_seen_at_the_same_place_on_the_screen(visible_room, idle, qtbot):
    viewer = visible_room.viewer
    dock = open_dock(viewer, "Super-resolve")
    super_resolve(dock, idle)
    visible_room.set_side_by_side(False)
    scan, fine = (shown_as(visible_room, role).layer for role in ("scan", "super-resolved"))
    viewer.dims.set_current_step(1, SHAPE[2] - 1 - MARKER_CENTRE[2])
    places = []
    for layer in (scan, fine):
        for other in viewer.layers:
            other.visible = other is layer
        layer.contrast_limits = (0.7 * MARKER_SIGNAL, 0.7 * MARKER_SIGNAL + 1)
        qtbot.wait(50)
        picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].min(axis=2)
        lit = np.argwhere(picture[60:-60] > 250)
        assert len(lit) > 20
        places.append(lit.mean(axis=0))
    spacing_on_screen = 2.0 * viewer.scene.camera.zoom
    # Less than a quarter of an acquired voxel.
    assert np.abs(places[0] - places[1]).max() < 0.25 * spacing_on_screen


def test_trial_on_a_slice_super_resolves_that_slice_alone(dock, idle, errors):
    dock.room.viewer.dims.set_current_step(1, 4)
    dock.preview_button.click()
    idle(dock.room)
    assert not errors()
    fine = np.asarray(shown_as(dock.room, "super-resolved").layer.data)
    assert np.isfinite(fine[:, 4]).all()
    assert np.isnan(np.delete(fine, 4, axis=1)).all()


def test_trial_across_the_slices_is_refused(dock, idle, errors):
    dock.room.viewer.dims.order = (0, 2, 1, 3)
    dock.preview_button.click()
    idle(dock.room)
    assert "within the slices that were acquired" in errors()[0]


def test_slices_are_tried_where_they_are_shown_beside_a_finer_result(dock, idle):
    """The slider then has twice as many steps across the slices."""
    super_resolve(dock, idle)
    room = dock.room
    room.viewer.dims.order = (0, 2, 1, 3)
    denoise = open_dock(room.viewer, "Denoise")
    denoise.method_box.setCurrentText(find_method("gaussian").title)
    room.viewer.dims.set_point(2, 7 * room.view.spacing_mm[1])
    denoise.preview_button.click()
    idle(room)
    trial = np.asarray(shown_as(room, "denoised").layer.data)
    assert np.isfinite(trial[:, :, 7]).all()
    assert np.isnan(np.delete(trial, 7, axis=2)).all()


def test_regions_are_measured_in_the_result_too(dock, idle):
    room = dock.room
    regions = open_dock(room.viewer, "Regions")
    room.regions.add("block")
    room.regions.layer.data[2:4, 6:12, 6:14] = room.regions.active.code
    super_resolve(dock, idle)
    regions.measure()
    at_b0 = {row.image: row for row in regions.rows if row.b_value == 0}
    assert len(at_b0) == 3
    fine = at_b0[shown_as(room, "super-resolved").layer.name]
    assert fine.n == 4 * at_b0["DWI"].n
    assert fine.mean == pytest.approx(at_b0["DWI"].mean, rel=0.01)


def test_a_stack_of_slices_without_b_values_can_be_opened(viewer, folder, idle, errors, monkeypatch):
    dock = open_dock(viewer, "Super-resolve")
    assert not dock.run_button.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(folder / "T2.nii.gz"), ""))
    dock.open_button.click()
    idle(dock.room)
    super_resolve(dock, idle)
    assert not errors()
    fine = shown_as(dock.room, "super-resolved")
    before = open_volume(folder / "T2.nii.gz")
    np.testing.assert_allclose(fine.image.data[::2, ::2], before.data, atol=0.1)
    dock.save(folder / "out")
    idle(dock.room)
    assert (folder / "out" / "T2_desc-superres_anat.nii.gz").exists()


def test_a_session_brings_the_finer_result_back(dock, idle, tmp_path, errors):
    room = dock.room
    save(room.series, tmp_path / "brain.nii.gz")
    room.show_scan(open_series(tmp_path / "brain.nii.gz"), ())
    super_resolve(dock, idle, strength=1.3, name="zero-fill-nlm")
    before = shown_as(room, "super-resolved")
    save_session(room, tmp_path / "session")
    idle(room)
    room.show_scan(room.series, ())
    open_session_folder(room, tmp_path / "session")
    idle(room)
    assert not errors()
    after = shown_as(room, "super-resolved")
    np.testing.assert_array_equal(after.image.signal, before.image.signal)
    np.testing.assert_allclose(after.layer.translate, before.layer.translate, atol=1e-4)
    assert dock.form.values().strength == 1.3


def test_results_of_two_methods_do_not_overwrite_each_other(dock, idle, tmp_path, errors):
    for name in ("zero-fill", "zero-fill-nlm", "zero-fill-nlm"):
        super_resolve(dock, idle, name)
    dock.save(tmp_path / "out")
    idle(dock.room)
    assert not errors()
    saved = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*superres_*.nii.gz")
    )
    assert saved == [
        "brain_desc-superres_dwi.nii.gz",
        "zero-fill-nlm-2/brain_desc-superres_dwi.nii.gz",
        "zero-fill-nlm/brain_desc-superres_dwi.nii.gz",
    ]
