"""Every layer is in millimetres, whatever the user does: one without would take the scale from all."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.scan import resample_to

from .builder import SPACING_MM, make_scan, save_scan
from .conftest import open_dock, show


def assert_in_mm(viewer, spacing=SPACING_MM):
    assert viewer.layers
    for layer in viewer.layers:
        assert tuple(layer.scale[-3:]) == pytest.approx(spacing[::-1]), layer.name
        assert [str(unit) for unit in layer.units[-3:]] == ["millimeter"] * 3, layer.name
        assert layer.axis_labels[-3:] == ("z", "y", "x"), layer.name
        assert not np.any(layer.translate), layer.name
        if layer.ndim == 4:
            assert (layer.axis_labels[0], str(layer.units[0]), layer.scale[0]) == ("b", "pixel", 1)


def gaussian(room):
    method = find_method("gaussian")
    return run_method(method, method.parameters(), Inputs(room.series))


def test_all_layers_stay_in_millimetres_through_all_that_makes_layers(room, scan, qtbot):
    viewer = room.viewer
    assert_in_mm(viewer)
    room.regions.fill((np.array([2]), np.array([3]), np.array([4])), room.regions.add("spot").code)
    assert_in_mm(viewer)
    room.show_result(gaussian(room), "Gaussian")
    assert {"Gaussian", "Gaussian residual", "Regions · Gaussian"} <= {layer.name for layer in viewer.layers}
    assert_in_mm(viewer)
    room.set_convention("neurological")
    assert_in_mm(viewer)
    room.set_side_by_side(False)
    assert_in_mm(viewer)
    room.add_anatomy((resample_to(scan.anatomy, room.series.grid),))
    assert_in_mm(viewer)
    room.replace_anatomy(room.anatomy[0], resample_to(scan.anatomy, room.series.grid))
    assert_in_mm(viewer)
    room.set_side_by_side(True)
    viewer.layers.remove("Gaussian")
    qtbot.waitUntil(lambda: "Regions · Gaussian" not in viewer.layers)
    assert_in_mm(viewer)
    viewer.layers.remove("Regions")
    room.set_side_by_side(False)
    assert "Regions" in viewer.layers
    assert_in_mm(viewer)
    show(room, make_scan("next"))
    assert_in_mm(viewer)


def test_files_opened_by_napari_itself_come_in_millimetres(viewer, tmp_path, qtbot, idle):
    folder = save_scan(make_scan(), tmp_path / "scan")
    viewer.open(str(folder / "brain.nii.gz"), plugin="napari-dwi")
    assert_in_mm(viewer)
    viewer.open(str(folder / "T2.nii.gz"), plugin="napari-dwi")
    assert [str(unit) for unit in viewer.layers[-1].units] == ["millimeter"] * 3
    assert tuple(viewer.layers[-1].scale) == pytest.approx((2.5, 1.5, 1.5))
    dock = open_dock(viewer, "Scan")
    qtbot.waitUntil(lambda: dock.room.series is not None)
    idle(dock.room)
    assert_in_mm(viewer)
    dock.room.close()


def test_the_sample_comes_in_millimetres(viewer, qtbot, idle):
    viewer.open_sample("napari-dwi", "brain")
    room = ReadingRoom.of(viewer)
    qtbot.waitUntil(lambda: room.series is not None)
    idle(room)
    assert_in_mm(viewer, room.series.grid.spacing_mm)
    room.close()
