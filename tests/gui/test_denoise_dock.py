from __future__ import annotations

import json

import numpy as np
import pytest
from qtpy.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFileDialog, QFormLayout, QLabel, QSpinBox

from napari_dwi.gui.jobs import JobState
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method
from napari_dwi.scan import open_series

from .builder import make_scan, named
from .conftest import open_dock, show

# Slow enough to be stopped, quick enough to be waited for.
TINY = {"width": 16, "epochs": 4, "n_frequencies": 2, "patch_size": 1}


@pytest.fixture
def dock(room):
    return open_dock(room.viewer, "Denoise")


def fields(dock):
    """The fields of the form by their label."""
    found = {}
    for form in [*dock.form.findChildren(QFormLayout), dock.form.layout()]:
        for row in range(form.rowCount()):
            label = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            field = form.itemAt(row, QFormLayout.ItemRole.FieldRole)
            if label is not None and isinstance(label.widget(), QLabel):
                found[label.widget().text()] = field.widget()
    return found


def fill_in(dock, **values):
    labels = {parameter.name: parameter.label for parameter in dock.method.parameters.declared()}
    for name, value in values.items():
        fields(dock)[labels[name]].setValue(value)


def inputs(room):
    return Inputs(room.series, room.anatomy)


def result_layers(room):
    return [shown.layer.name for shown in room.shown if shown.result is not None]


@pytest.mark.parametrize("method", methods_of("denoise"), ids=lambda method: method.name)
def test_form_is_made_from_the_declaration(dock, method):
    dock.method_box.setCurrentText(method.title)
    made = fields(dock)
    for parameter in method.parameters.declared():
        field = made.pop(parameter.label)
        assert parameter.help in field.toolTip()
        if parameter.kind in ("number", "whole"):
            assert isinstance(field, QSpinBox if parameter.kind == "whole" else QDoubleSpinBox)
            assert field.minimum() == pytest.approx(parameter.low)
            assert field.maximum() == pytest.approx(parameter.high)
            assert field.value() == pytest.approx(parameter.default)
        elif parameter.kind == "choice":
            assert isinstance(field, QComboBox)
            assert tuple(field.itemText(i) for i in range(field.count())) == parameter.choices
        elif parameter.kind == "flag":
            assert isinstance(field, QCheckBox)
            assert field.isChecked() == parameter.default
    assert not made
    assert dock.form.values() == method.settings()


def test_b_values_to_denoise_are_pressed_by_name(dock):
    picker = fields(dock)["targets (s/mm2)"]
    assert dock.form.values().targets == ()
    named(picker, "0").click()
    assert dock.form.values().targets == (400.0, 800.0)


def test_presets_fill_in_the_form(dock):
    method = find_method("bl-inr")
    dock.method_box.setCurrentText(method.title)
    dock.preset_box.setCurrentText("fast")
    assert dock.form.values() == method.settings("fast")
    dock.preset_box.setCurrentText("recommended")
    assert dock.form.values() == method.settings()


def test_nothing_can_be_run_without_a_scan(viewer):
    dock = open_dock(viewer, "Denoise")
    assert not dock.run_button.isEnabled()
    assert not dock.preview_button.isEnabled()
    assert not dock.save_button.isEnabled()


@pytest.mark.parametrize(("name", "values"), [("gaussian", {"sigma_mm": 3.0}), ("bl-inr", TINY)])
def test_denoise_button_gives_what_the_method_gives(dock, idle, errors, name, values):
    method = find_method(name)
    dock.method_box.setCurrentText(method.title)
    fill_in(dock, **values)
    dock.seed_box.setValue(5)
    dock.device_box.setCurrentText("cpu")
    dock.run_button.click()
    idle(dock.room)
    assert not errors()
    parameters = method.parameters.from_values(values)
    expected = run_method(method, parameters, inputs(dock.room), seed=5, device="cpu")
    for role in ("denoised", "residual"):
        shown = next(shown for shown in dock.room.shown if shown.role == role)
        np.testing.assert_array_equal(shown.image.signal, expected.output.image(role).signal)
    assert "on cpu" in dock.report.text()
    assert dock.side_by_side.isChecked()


def test_anatomy_unticked_is_not_used(dock, idle):
    dock.method_box.setCurrentText(find_method("bl-inr").title)
    fill_in(dock, **TINY)
    assert [check.text() for check in dock.anatomy_checks] == ["T2"]
    dock.anatomy_checks[0].click()
    dock.device_box.setCurrentText("cpu")
    dock.run_button.click()
    idle(dock.room)
    method = find_method("bl-inr")
    expected = run_method(
        method, method.parameters.from_values(TINY), Inputs(dock.room.series), seed=0, device="cpu"
    )
    shown = next(shown for shown in dock.room.shown if shown.role == "denoised")
    np.testing.assert_array_equal(shown.image.signal, expected.output.image("denoised").signal)


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.95])
def test_stop_leaves_nothing_and_the_next_job_runs(dock, qtbot, idle, errors, fraction):
    dock.method_box.setCurrentText(find_method("bl-inr").title)
    # Long enough that its last twentieth is no matter of milliseconds.
    fill_in(dock, **TINY | {"width": 64, "epochs": 240, "batch_size": 64})
    dock.run_button.click()
    (job,) = dock.room.queue.jobs
    qtbot.waitUntil(lambda: job.fraction >= fraction or job.is_over, timeout=60_000)
    assert job.state is JobState.RUNNING
    named(dock.job_rows, "Stop").click()
    idle(dock.room)
    assert job.state is JobState.STOPPED
    assert not result_layers(dock.room)
    assert not dock.room.queue.jobs
    assert not errors()
    dock.method_box.setCurrentText(find_method("gaussian").title)
    dock.run_button.click()
    idle(dock.room)
    assert len(result_layers(dock.room)) == 2


def test_second_job_waits_and_both_arrive(dock, idle):
    dock.method_box.setCurrentText(find_method("gaussian").title)
    dock.run_button.click()
    fill_in(dock, sigma_mm=5.0)
    dock.run_button.click()
    assert [job.state for job in dock.room.queue.jobs] == [JobState.RUNNING, JobState.WAITING]
    idle(dock.room)
    sigmas = [
        shown.result.record.parameters["sigma_mm"] for shown in dock.room.shown if shown.role == "denoised"
    ]
    assert sigmas == [2.0, 5.0]


@pytest.mark.parametrize(("order", "axis", "index"), [((0, 1, 2, 3), 1, 4), ((0, 2, 1, 3), 2, 7)])
def test_trial_on_a_slice_denoises_that_slice_alone(dock, idle, order, axis, index):
    room = dock.room
    room.viewer.dims.order = order
    room.viewer.dims.set_current_step(axis, index)
    method = find_method("bl-inr")
    dock.method_box.setCurrentText(method.title)
    fill_in(dock, **TINY)
    dock.device_box.setCurrentText("cpu")
    dock.preview_button.click()
    idle(room)
    shown = next(shown for shown in room.shown if shown.role == "denoised")
    drawn = np.moveaxis(np.asarray(shown.layer.data), axis, 0)
    assert np.isfinite(drawn[index]).all()
    assert np.isnan(np.delete(drawn, index, axis=0)).all()
    stored_axis = room.view.voxel_axes[axis - 1]
    point = [0, 0, 0]
    point[axis - 1] = index
    slab, position = inputs(room).slab(
        stored_axis, room.view.voxel(tuple(point))[stored_axis], method.context_slices
    )
    expected = run_method(method, method.parameters.from_values(TINY), slab, seed=0, device="cpu")
    signal = expected.output.image("denoised").signal
    only = np.take(signal, [position], axis=stored_axis)
    displayed = np.moveaxis(room.view.to_display(only), axis, 0)[0]
    np.testing.assert_array_equal(drawn[index], displayed)


def test_trial_in_three_dimensions_is_refused(dock, errors):
    dock.room.viewer.layers["Regions"].contour = 0
    dock.room.viewer.dims.ndisplay = 3
    dock.preview_button.click()
    assert "3-D" in errors()[0]
    assert dock.room.queue.is_idle


def test_job_works_on_what_was_there_when_it_began(dock, idle, errors):
    room = dock.room
    method = find_method("bl-inr")
    expected = run_method(
        method, method.parameters.from_values(TINY), inputs(room), seed=0, device="cpu"
    ).output.image("denoised")
    dock.method_box.setCurrentText(method.title)
    fill_in(dock, **TINY)
    dock.device_box.setCurrentText("cpu")
    dock.run_button.click()
    fill_in(dock, width=32)
    region = room.regions.add()
    room.regions.fill((np.array([1]), np.array([2]), np.array([3])), region.code)
    room.viewer.layers.remove("T2")
    room.viewer.dims.set_current_step(0, 2)
    idle(room)
    assert not errors()
    shown = next(shown for shown in room.shown if shown.role == "denoised")
    np.testing.assert_array_equal(shown.image.signal, expected.signal)
    assert room.regions.labels[1, 2, 3] == region.code


def test_result_of_a_scan_no_longer_on_show_is_not_laid_over_the_new_one(dock, idle):
    dock.run_button.click()
    show(dock.room, make_scan("another"))
    idle(dock.room)
    assert not result_layers(dock.room)


def test_results_are_saved_with_their_record(dock, idle, tmp_path, monkeypatch, errors):
    dock.pick("gaussian")
    dock.run_button.click()
    idle(dock.room)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "out"))
    named(dock, "Save results…").click()
    idle(dock.room)
    assert not errors()
    saved = open_series(tmp_path / "out" / "brain_desc-gaussian_dwi.nii.gz")
    shown = next(shown for shown in dock.room.shown if shown.role == "denoised")
    np.testing.assert_array_equal(saved.signal, shown.image.signal)
    assert (tmp_path / "out" / "brain_desc-gaussianresidual_dwi.nii.gz").is_file()
    sidecar = json.loads((tmp_path / "out" / "brain_desc-gaussian_dwi.json").read_text())
    assert sidecar["Parameters"]["sigma_mm"] == 2.0


def test_place_where_nothing_can_be_written_is_told_and_results_stay(dock, idle, tmp_path, errors):
    dock.pick("gaussian")
    dock.run_button.click()
    idle(dock.room)
    (tmp_path / "file").write_text("in the way")
    dock.save(tmp_path / "file" / "out")
    idle(dock.room)
    assert "file" in errors()[0]
    assert result_layers(dock.room) == ["Gaussian filter", "Gaussian filter residual"]


def test_save_is_offered_only_while_there_is_a_result(dock, idle):
    assert not dock.save_button.isEnabled()
    dock.pick("gaussian")
    dock.run_button.click()
    idle(dock.room)
    assert dock.save_button.isEnabled()
    for name in result_layers(dock.room):
        dock.room.viewer.layers.remove(name)
    assert not dock.save_button.isEnabled()
