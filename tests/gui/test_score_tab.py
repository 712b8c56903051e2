"""Scores of pairs from the dock, for real: zero-filling of a few small slices."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.methods.registry import methods_of
from napari_dwi.scan import Volume
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions
from napari_dwi.superres.pairs.store import PairStore

from .conftest import open_dock
from .pair_store import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("pairs") / "pairs.zarr")


@pytest.fixture
def tab(viewer, store, idle):
    dock = open_dock(viewer, "Train")
    dock.desk.open(store)
    idle(dock.room)
    dock.show_page(dock.score)
    names = [method.name for method in methods_of("superres")]
    dock.score.method_box.setCurrentIndex(names.index("zero-fill"))
    return dock.score


def draw_regions(store, folder):
    facts = PairStore(store).facts_of("b-axial")
    labels = np.zeros(facts.grid_low.shape, np.float32)
    labels[2:6, 2:6, 1], labels[8:15, 2:10, 1] = 1, 2
    regions = Regions(Volume(labels, facts.grid_low, "labels"), {1: "lesion", 2: "muscle"})
    folder.mkdir()
    with file_set(folder) as files:
        add_regions(files, regions, folder / "b-axial.nii.gz")


def test_scores_arrive_in_tables_with_both_residuals(tab, store, tmp_path, idle, errors):
    draw_regions(store, tmp_path / "rois")
    tab.regions.set_path(tmp_path / "rois")
    tab.background.setText("muscle")
    tab.out.set_path(tmp_path / "out")
    tab.run_button.click()
    idle(tab._room)
    assert not errors()
    rows = tab.summary.texts()
    assert [row[0] for row in rows] == ["a-axial", "b-axial", "c-axial"]
    assert [float(row[2]) for row in rows] == pytest.approx([1, 1, 1], abs=0.05)
    ((subject, _, z, region, *cnr),) = tab.contrast.texts()
    assert (subject, z, region) == ("b", "1", "lesion")
    assert np.isfinite([float(one) for one in cnr]).all()
    assert "No regions for a-axial, c-axial" in tab.report.text()
    first = tab.picture.pixmap().toImage()
    tab.summary.selectRow(1)
    assert tab.picture.pixmap().toImage() != first
    assert (tmp_path / "out" / "cnr.tsv").is_file()


def test_what_is_missing_is_told_before_anything_runs(tab, tmp_path, errors):
    tab.run_button.click()
    assert "the scores need a folder" in errors()[-1]
    tab.out.set_path(tmp_path / "out")
    tab.network.set_path(tmp_path / "network.safetensors")
    tab.run_button.click()
    assert "uses no network" in errors()[-1]
    assert not (tmp_path / "out").exists()
