from __future__ import annotations

import gzip
import os
import subprocess
import sys
from fnmatch import fnmatch
from importlib import import_module

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtWidgets import QLabel

from napari_dwi.gui.napari_reader import get_reader
from napari_dwi.scan import open_series
from napari_dwi.scan.formats import all_formats

from .builder import answering, make_scan, save_scan
from .conftest import open_dock, show

DEMO_SECONDS = 900


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_every_command_of_the_manifest_is_there():
    manifest = PluginManifest.from_distribution("napari-dwi")
    commands = {command.id: command for command in manifest.contributions.commands}
    assert commands
    for command in commands.values():
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name))
    contributions = manifest.contributions
    for used in (*contributions.widgets, *contributions.readers, *contributions.sample_data):
        assert used.command in commands


def test_napari_offers_us_files_of_every_format():
    (reader,) = PluginManifest.from_distribution("napari-dwi").contributions.readers
    for one in all_formats():
        for suffix in one.suffixes:
            assert any(fnmatch(f"scan{suffix}", pattern) for pattern in reader.filename_patterns), suffix


def test_menu_and_title_have_icons_once_a_dock_is_open(visible_viewer, qtbot):
    dock = open_dock(visible_viewer, "Scan")
    qtbot.waitUntil(dock.isVisible)

    def ours():
        plugins = visible_viewer.window.plugins_menu
        return [action for action in plugins.actions() if action.text().replace("&", "") == "DWI"]

    qtbot.waitUntil(lambda: bool(ours()) and not ours()[0].icon().isNull())
    entries = ours()[0].menu().actions()
    assert {entry.text().replace("&", "") for entry in entries} >= {
        "Scan",
        "Regions",
        "Denoise",
        "Fit",
        "Super-resolve",
        "Train",
    }
    assert not any(entry.icon().isNull() for entry in entries)
    assert dock.parentWidget().titleBarWidget().findChild(QLabel, "scan") is not None
    assert not dock.windowIcon().isNull()


@pytest.mark.parametrize("name", ["Scan", "Regions", "Denoise", "Fit", "Super-resolve", "Train"])
def test_docks_open_on_an_empty_viewer(viewer, name, errors):
    dock = open_dock(viewer, name)
    assert dock.room.viewer is viewer
    assert not errors()


def test_opening_docks_imports_nothing_slow():
    """In a Python of its own, with napari's window left out, as napari brings in what it likes."""
    script = """if True:
        import sys
        from importlib import import_module
        from napari.components import ViewerModel
        from npe2 import PluginManifest
        from qtpy.QtWidgets import QApplication
        application = QApplication([])
        viewer = ViewerModel()
        before = set(sys.modules)
        contributions = PluginManifest.from_distribution("napari-dwi").contributions
        docks = {widget.command for widget in contributions.widgets}
        opened = []
        for command in contributions.commands:
            if command.id in docks:
                module, name = command.python_name.split(":")
                opened.append(getattr(import_module(module), name)(viewer))
        assert len(opened) == len(docks) > 5
        print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
    """
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    slow = {"dask", "distributed", "matplotlib", "optuna", "scipy", "skimage", "torch", "zarr"}
    assert set(ran.stdout.split()) & slow == set()


def test_reader_takes_series_volumes_and_folders(folder):
    for path in (folder / "brain.nii.gz", folder / "T2.nii.gz", folder):
        assert get_reader(str(path)) is not None
    assert get_reader([str(folder / "brain.nii.gz"), str(folder / "T2.nii.gz")]) is not None


def test_reader_leaves_what_it_cannot_read_to_others(tmp_path):
    (tmp_path / "junk.nii.gz").write_bytes(gzip.compress(b"junk" * 200))
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "junk.nii.gz", tmp_path / "empty", tmp_path / "absent.nii"):
        assert get_reader(str(path)) is None


def test_file_opened_without_a_dock_is_an_ordinary_layer_in_millimetres(viewer, folder):
    (layer,) = viewer.open(folder / "brain.nii.gz", plugin="napari-dwi")
    assert layer.name == "brain"
    assert layer.data.shape == (3, 6, 20, 24)
    assert tuple(layer.scale) == (1, 4, 2, 2)
    assert layer.axis_labels == ("b", "z", "y", "x")


def test_opened_layers_are_taken_over_by_the_first_dock(viewer, folder, qtbot):
    viewer.open([folder / "brain.nii.gz", folder / "T2.nii.gz"], plugin="napari-dwi")
    assert names(viewer) == ["brain", "T2"]
    room = open_dock(viewer, "Scan").room
    qtbot.waitUntil(lambda: names(viewer) == ["DWI", "T2", "Regions"])
    np.testing.assert_array_equal(room.series.signal, open_series(folder / "brain.nii.gz").signal)
    assert viewer.layers["T2"].data.shape == (6, 20, 24)


def test_file_opened_while_a_dock_is_open_is_taken_over(viewer, folder, qtbot):
    room = open_dock(viewer, "Regions").room
    viewer.open(folder / "brain.nii.gz", plugin="napari-dwi")
    qtbot.waitUntil(lambda: names(viewer) == ["DWI", "Regions"])
    assert room.series.name == "brain"


@pytest.mark.parametrize(("answer", "name"), [("Cancel", "old"), ("Load the new scan", "brain")])
def test_file_opened_by_napari_does_not_take_regions_away_unasked(viewer, folder, qtbot, answer, name):
    room = open_dock(viewer, "Regions").room
    show(room, make_scan("old"))
    room.regions.add("mine")
    with answering(answer) as asked:
        viewer.open(folder / "brain.nii.gz", plugin="napari-dwi")
        qtbot.waitUntil(lambda: bool(asked) and not room._take_over.isActive())
        qtbot.waitUntil(lambda: room.series.name == name)
    assert len(asked) == 1
    assert ("brain" in names(viewer)) == (name == "old")
    assert bool(room.regions.regions) == (name == "old")


def test_sample_opens_with_the_scan_dock_and_is_taken_over(viewer, qtbot):
    viewer.open_sample("napari-dwi", "brain")
    dock = open_dock(viewer, "Scan")
    qtbot.waitUntil(lambda: dock.room.series is not None)
    assert names(viewer)[0] == "DWI"
    assert dock.room.series.b_values.distinct == (0.0, 50.0, 400.0, 800.0)
    assert [volume.name for volume in dock.room.anatomy] == names(viewer)[1:-1]


@pytest.mark.slow
def test_demo_leaves_its_files(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "napari_dwi", "demo", "--headless", "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        cwd=tmp_path,
        env=os.environ | {"NAPARI_CONFIG": str(tmp_path / "settings.yaml")},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    demo = tmp_path / "demo"
    assert (demo / "screenshot.png").stat().st_size > 50_000
    (denoised,) = (demo / "results").glob("*_desc-blinr_dwi.nii.gz")
    (residual,) = (demo / "results").glob("*_desc-blinrresidual_dwi.nii.gz")
    assert open_series(denoised).b_values.distinct == open_series(residual).b_values.distinct
    table = (demo / "results" / "brain_stats.tsv").read_text()
    assert "lesion" in table
    assert "white matter" in table


def test_folder_with_a_scan_is_opened_by_napari(viewer, tmp_path):
    folder = save_scan(make_scan(), tmp_path / "only")
    (folder / "T2.nii.gz").unlink()
    viewer.open(folder, plugin="napari-dwi")
    assert names(viewer) == ["brain"]
