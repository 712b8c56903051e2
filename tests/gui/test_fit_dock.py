from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QPushButton

from napari_dwi.fit import fit_signal
from napari_dwi.fit._readout import read_fit
from napari_dwi.measure.protocol import protocol_limits
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.organs import ORGANS
from napari_dwi.physics.signal_models import IVIM
from napari_dwi.scan import BValues, DwiSeries, Grid

from .builder import AFFINE, named
from .conftest import open_dock

B = (0.0, 10, 20, 50, 100, 200, 400, 800)
SHAPE = (24, 20, 3)


@pytest.fixture
def series():
    rng = np.random.default_rng(1)
    low, high = np.array([[0.1, 0.6e-3, 0.02, 800], [0.3, 2e-3, 0.08, 1200]])
    truth = rng.uniform(low, high, (*SHAPE, 4))
    signal = IVIM.signal(B, truth) + rng.normal(0, 1, (*SHAPE, len(B)))
    return DwiSeries(signal.astype(np.float32), Grid(SHAPE, AFFINE), BValues(B), "liver")


@pytest.fixture
def dock(room, series):
    room.show_scan(series, ())
    dock = open_dock(room.viewer, "Fit")
    dock.device_box.setCurrentText("cpu")
    dock.mask_box.setCurrentText("whole image")
    return dock


def choose(dock, model, method="least-squares"):
    dock.model_box.setCurrentIndex([known.name for known in dock._models].index(model))
    dock.pick(method)


def maps(room):
    return {shown.output.role: shown for shown in room.shown if shown.output is not None}


def ticks(dock):
    top = dock.result_list.topLevelItem(0)
    return {top.child(row).text(0): top.child(row) for row in range(top.childCount())}


@pytest.mark.parametrize("model", ["adc", "ivim"])
def test_fit_button_gives_what_the_method_gives_in_screen_units(dock, idle, errors, model):
    choose(dock, model)
    dock.run_button.click()
    idle(dock.room)
    assert not errors()
    method = find_method("least-squares")
    settings = method.parameters.from_values({"model": model})
    expected = run_method(method, settings, dock.inputs(), device="cpu").output
    shown = maps(dock.room)
    for name, factor in {"adc": {"ADC": 1000}, "ivim": {"f": 100, "D": 1000, "Dstar": 1000}}[model].items():
        np.testing.assert_allclose(
            shown[name].image.data, expected.image(name).data * np.float32(factor), rtol=1e-6
        )
        output = shown[name].output
        assert tuple(shown[name].layer.contrast_limits) == output.display.limits
        assert shown[name].layer.colormap.name == output.display.colormap
    assert not {"residual", "S0", "D SD", "status"} & set(shown)


def test_only_methods_that_know_the_model_are_offered(dock):
    for model in ("adc", "triexp", "ivim"):
        dock.model_box.setCurrentIndex([known.name for known in dock._models].index(model))
        assert dock.methods
        assert all(model in method.models for method in dock.methods)
        assert dock.form.values().model == model
        assert dock._models[dock.model_box.currentIndex()].formula in dock.formula.text()


def test_preset_of_another_convention_brings_its_model(dock):
    choose(dock, "ivim")
    dock.preset_box.setCurrentText("seed-004")
    assert dock.model.name == "ivim-dfast"
    assert dock.form.values() == find_method("least-squares").settings("seed-004")
    assert dock.preset_box.currentText() == "seed-004"


def test_maps_kept_aside_are_shown_when_ticked_and_go_when_unticked(dock, idle):
    choose(dock, "ivim")
    dock.run_button.click()
    idle(dock.room)
    assert ticks(dock)["S0"].checkState(0) == Qt.CheckState.Unchecked
    ticks(dock)["S0"].setCheckState(0, Qt.CheckState.Checked)
    assert "S0" in maps(dock.room)
    ticks(dock)["D (10⁻³ mm²/s)"].setCheckState(0, Qt.CheckState.Unchecked)
    assert "D" not in maps(dock.room)
    assert ticks(dock)["D (10⁻³ mm²/s)"].checkState(0) == Qt.CheckState.Unchecked
    for text in list(ticks(dock)):
        if dock.result_list.topLevelItemCount():
            ticks(dock)[text].setCheckState(0, Qt.CheckState.Unchecked)
    assert not maps(dock.room)
    assert not dock.save_button.isEnabled()


def test_a_region_is_fitted_alone(dock, idle, errors):
    room = dock.room
    region = room.regions.add("liver lobe")
    room.regions.fill((np.array([1, 1]), np.array([4, 5]), np.array([6, 6])), region.code)
    dock._on_regions()
    dock.mask_box.setCurrentText("liver lobe")
    choose(dock, "adc", "log-linear")
    dock.run_button.click()
    idle(room)
    assert not errors()
    assert int(np.isfinite(maps(room)["ADC"].image.data).sum()) == 2


def test_an_empty_region_is_told(dock, errors):
    dock.room.regions.add("nothing")
    dock._on_regions()
    dock.mask_box.setCurrentText("nothing")
    dock.run_button.click()
    assert "region nothing is empty" in errors()[0]


def test_a_voxel_shows_its_decay_and_every_fit(dock, idle):
    choose(dock, "ivim")
    dock.run_button.click()
    idle(dock.room)
    choose(dock, "adc", "log-linear")
    dock.run_button.click()
    idle(dock.room)
    voxel = (7, 5, 1)
    dock.look_at(voxel)
    assert "7, 5, 1" in dock.plot.title.text()
    lines = dock.plot.text.splitlines()
    assert [line.split("\t")[0] for line in lines[1:]] == ["Least squares", "Log-linear"]
    here = np.zeros(SHAPE, bool)
    here[voxel] = True
    result = next(result for result, title in dock.room.keeping.results if title == "Least squares")
    readout = read_fit(result.output, here, np.array(B))
    cell = lines[1].split("\t")[lines[0].split("\t").index("D (10⁻³ mm²/s)")]
    assert float(cell.split(" ± ")[0]) == pytest.approx(1000 * readout.mean[1], rel=1e-2)
    named(dock, "Copy numbers").click()
    assert QGuiApplication.clipboard().text() == dock.plot.text


def test_a_region_shows_its_mean_decay(dock, idle):
    room = dock.room
    region = room.regions.add("lobe")
    room.regions.fill((np.array([1, 1]), np.array([4, 5]), np.array([6, 6])), region.code)
    dock._on_regions()
    choose(dock, "ivim", "segmented")
    dock.run_button.click()
    idle(room)
    dock.decay_box.setCurrentText("lobe")
    assert dock.plot.title.text() == "lobe, 2 voxels"
    assert dock.plot.text.splitlines()[1].split("\t")[-2] == "2"


def test_the_mean_signal_of_a_region_is_fitted_beside_its_voxels(dock, idle, errors):
    room = dock.room
    region = room.regions.add("lobe")
    room.regions.fill((np.array([1, 1, 1]), np.array([4, 5, 6]), np.array([6, 6, 6])), region.code)
    dock._on_regions()
    assert not dock.mean_button.isEnabled()
    choose(dock, "ivim")
    dock.decay_box.setCurrentText("lobe")
    dock.mean_button.click()
    idle(room)
    assert not errors()
    voxels = dock._region(region.code)
    signal = room.series.signal[voxels].mean(axis=0)
    expected = fit_signal(signal, B)
    header, row = (line.split("\t") for line in dock.plot.text.splitlines())
    assert row[0] == "Least squares, mean signal"
    value, bar = (float(text) for text in row[header.index("D (10⁻³ mm²/s)")].split(" ± "))
    assert value == pytest.approx(1000 * expected["D"].item(), rel=1e-2)
    assert bar == pytest.approx(1000 * expected.sd["D"].item(), rel=2e-2)
    # Another stroke makes it another region, whose mean nobody has fitted.
    room.regions.fill((np.array([1]), np.array([9]), np.array([9])), region.code)
    dock._draw()
    assert len(dock.plot.text.splitlines()) == 1
    assert not maps(room)


def test_fields_say_what_0_stands_for_and_pressed_b_values_are_those_used(dock):
    choose(dock, "ivim")
    shown = {name: field.widget for name, field in dock.form._fields.items()}
    assert shown["noise_sigma"].text() == "estimated"
    assert shown["D_guess"].text() == "automatic"
    assert shown["S0_high"].text() == "free"
    assert shown["D_low"].text() == "0.00"
    assert dock.form.values().b_values == ()
    buttons = shown["b_values"].findChildren(QPushButton)
    assert all(button.isChecked() for button in buttons)
    buttons[1].click()
    assert dock.form.values().b_values == tuple(b for b in B if b != 10)


def test_a_device_can_be_chosen_for_methods_that_use_one(dock):
    for method in dock._all_methods:
        choose(dock, method.models[0], method.name)
        assert dock.device_box.isEnabled() == method.uses_torch


def test_a_series_that_a_model_cannot_fit_is_told(dock, idle, errors, series):
    dock.room.show_scan(series.volumes([0, 5, 7]), ())
    choose(dock, "ivim")
    dock.run_button.click()
    idle(dock.room)
    assert "too few b-values" in errors()[0]


def test_trial_on_a_slice_fits_that_slice(dock, idle):
    choose(dock, "ivim", "segmented")
    dock.room.viewer.dims.set_current_step(1, 1)
    dock.preview_button.click()
    idle(dock.room)
    fitted = np.isfinite(maps(dock.room)["D"].image.data)
    assert fitted[:, :, 1].all()
    assert not fitted[:, :, [0, 2]].any()


def test_click_on_the_canvas_reads_the_voxel_under_the_mouse(visible_room, mouse, series, qtbot):
    visible_room.show_scan(series, ())
    dock = open_dock(visible_room.viewer, "Fit")
    seen = []
    dock._probe.clicked.connect(seen.append)
    visible_room.viewer.layers.selection.active = visible_room.shown[0].layer
    mouse.click((13.0, 17.0))
    qtbot.waitUntil(lambda: bool(seen))
    # The dock that opens moves the canvas under the mouse; napari knows where that is now.
    under_mouse = visible_room.shown[0].layer.world_to_data(visible_room.viewer.cursor.position)
    _, z, y, x = (round(place) for place in under_mouse)
    assert seen == [visible_room.view.voxel((z, y, x))]
    assert "voxel" in dock.plot.title.text()


def test_inputs_of_a_fit_hold_no_mask_for_the_automatic_foreground(dock):
    dock.mask_box.setCurrentIndex(0)
    inputs = dock.inputs()
    assert isinstance(inputs, Inputs)
    assert inputs.mask is None


def test_planner_tells_what_the_protocol_can_resolve(dock, series):
    choose(dock, "ivim")
    dock.planner_fold.expand(animate=False)
    table = dock.planner.table
    dock.planner.organ_box.setCurrentText("liver")
    dock.planner.snr_box.setValue(20)
    liver = next(organ for organ in ORGANS if organ.name == "liver")
    limits = protocol_limits(IVIM, B, liver.values(IVIM), 20)
    for row, parameter in enumerate(IVIM.shape):
        assert table.item(row, 0).text().startswith(parameter.symbol)
        assert float(table.item(row, 2).text()) == pytest.approx(
            limits.sd[row] * parameter.screen_factor, rel=5e-3
        )
    b_value, ratio = limits.best_addition("Dstar")
    assert table.item(2, 4).text() == f"{b_value:g}: -{100 * (1 - ratio):.0f} %"
    before = float(table.item(2, 2).text())
    table.item(2, 1).setText("20")
    assert float(table.item(2, 2).text()) < before
    dock.room.show_scan(series.volumes([0, 7]), ())
    assert table.item(2, 2).text() == "cannot be told"


def test_settings_of_a_session_bring_back_model_and_method(dock):
    method = find_method("segmented")
    values = method.parameters.from_values({"model": "ivim", "noise_sigma": 12.0})
    dock.model_box.setCurrentIndex(0)
    dock.restore("segmented", values.as_dict())
    assert dock.model.name == "ivim"
    assert dock.method is method
    assert dock.form.values() == values
