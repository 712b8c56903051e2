from __future__ import annotations

from functools import partial

import numpy as np
import pytest

pytest.importorskip("SimpleITK")

from napari_dwi.gui.alignment import AlignmentBox
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, open_volume, save

from .builder import Scan
from .conftest import show

OFFSET_MM = 5.0


@pytest.fixture
def box(room, qtbot, tmp_path):
    """Tissue with structure, and anatomy whose header puts it 5 mm too far to the right."""
    grid = Grid((48, 40, 16), np.diag([-2.0, 2, 4, 1]) + np.array([[0, 0, 0, 47]] + [[0] * 4] * 3), "sform")
    rng = np.random.default_rng(3)
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in grid.shape], indexing="ij")
    tissue = np.zeros(grid.shape)
    for cx, cy, cz in rng.uniform(-0.7, 0.7, (25, 3)):
        tissue += 500 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / 0.03)
    signal = np.stack([tissue, tissue / 2], axis=-1).astype(np.float32)
    affine = grid.affine.copy()
    affine[0, 3] += OFFSET_MM
    anatomy = np.sqrt(tissue).astype(np.float32)
    save(Volume(anatomy, Grid(grid.shape, affine, "sform")), tmp_path / "T2.nii.gz")
    series = DwiSeries(signal, grid, BValues(np.array([0, 800])), "brain")
    show(room, Scan(series, open_volume(tmp_path / "T2.nii.gz")))
    box = AlignmentBox(room)
    qtbot.addWidget(box)
    return box


def layer(room):
    return next(shown.layer for shown in room.shown if shown.role == "anatomy")


def same(one, expected):
    return np.array_equal(one.data, expected, equal_nan=True)


def test_alignment_moves_the_anatomy_and_says_how_far(room, box, idle):
    before = np.array(layer(room).data)
    box.align_button.click()
    assert not box.align_button.isEnabled()
    idle(room)
    assert "aligned to the series: moved by" in box.result.text()
    after = np.array(layer(room).data)
    truth = np.sqrt(room.shown[0].layer.data[0])
    off_before, off_after = (np.nanmean(np.abs(data - truth)) for data in (before, after))
    assert off_after < 0.3 * off_before
    assert room.anatomy[0].source.alignment is not None
    assert room.shown[1].image is room.anatomy[0]
    assert box.align_button.isEnabled()


def test_before_and_after_flicker_over_the_scan_until_kept(room, box, idle, qtbot):
    before = np.array(layer(room).data)
    box.align()
    idle(room)
    after = np.array(layer(room).data)
    assert layer(room).visible
    assert layer(room).opacity < 1
    box.flicker_button.click()
    for expected in (before, after, before):
        qtbot.waitUntil(partial(same, layer(room), expected))
    box.keep_button.click()
    np.testing.assert_array_equal(layer(room).data, after)
    assert (layer(room).opacity, layer(room).visible) == (1, False)
    assert box.flicker_button.isHidden()
    assert not box.flicker_button.isChecked()


def test_undo_brings_the_anatomy_back_where_it_lay(room, box, idle):
    image, before = room.anatomy[0], np.array(layer(room).data)
    box.align()
    idle(room)
    box.undo_button.click()
    assert room.anatomy[0] is image
    np.testing.assert_array_equal(layer(room).data, before)
    assert "where the scanner put it" in box.result.text()


def test_an_alignment_that_fails_leaves_everything_as_it_was(room, box, idle, errors):
    room.anatomy[0].source.path.unlink()
    image = room.anatomy[0]
    box.align()
    idle(room)
    assert room.anatomy[0] is image
    assert len(errors()) == 1
    assert "T2.nii.gz" in box.result.text()
    assert box.align_button.isEnabled()


def test_stopping_an_alignment_changes_nothing(room, box, idle, errors):
    image = room.anatomy[0]
    box.align()
    room.queue.jobs[0].stop()
    idle(room)
    assert room.anatomy[0] is image
    assert not errors()
    assert box.align_button.isEnabled()


def test_there_is_nothing_to_align_without_anatomy(room, qtbot):
    room.show_scan(room.series, ())
    box = AlignmentBox(room)
    qtbot.addWidget(box)
    assert box.isHidden()
    box.align()
    assert room.queue.is_idle
