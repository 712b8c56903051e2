"""What the radiologist sees: a mark in the patient's left, the letters, and where both are drawn."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.scan import DwiSeries, Grid, open_series, save

# Left, in front of the ears, above the middle of the head; RAS+ mm.
MARK_MM = (-45.0, 20.0, 17.0)
MARK_RADIUS_MM = 9.0
MARK_SIGNAL = 9000.0
STORED = ("LAS", "RAS", "RPI", "LPS", "SRA", "PIL")
EDGE_PIXELS = 40


@pytest.fixture(scope="module")
def head() -> DwiSeries:
    """The demo head with a bright ball in the left of the patient."""
    series = simulate_brain(snr=20, shape=(56, 64, 5), spacing_mm=(4.0, 4.0, 4.0), b_values=(0, 800)).series
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in series.grid.shape], indexing="ij"), axis=-1)
    signal = series.signal.copy()
    signal[np.linalg.norm(series.grid.to_mm(voxels) - MARK_MM, axis=-1) < MARK_RADIUS_MM] = MARK_SIGNAL
    return replace(series, signal=signal)


def stored_as(series: DwiSeries, name: str) -> DwiSeries:
    """The same voxels at the same places, with the axes of the array the other way."""
    turn = ornt_transform(io_orientation(series.grid.affine), axcodes2ornt(tuple(name)))
    signal = np.ascontiguousarray(apply_orientation(series.signal, turn))
    affine = series.grid.affine @ inv_ornt_aff(turn, series.grid.shape)
    assert nib.aff2axcodes(affine) == tuple(name)
    return replace(series, signal=signal, grid=Grid(signal.shape[:3], affine, "sform"))


@pytest.fixture
def reader(visible_viewer, tmp_path):
    """Saves a series, opens the file and shows it, as a user would."""
    room = ReadingRoom.of(visible_viewer)

    def read(series: DwiSeries, name: str) -> ReadingRoom:
        path = tmp_path / f"{name}.nii.gz"
        path.unlink(missing_ok=True)
        save(stored_as(series, name), path)
        room.show_scan(open_series(path), ())
        room.shown[0].layer.contrast_limits = (0, MARK_SIGNAL)
        room.viewer.dims.set_current_step(1, mark_slice(room))
        return room

    yield read
    room.close()


def mark_slice(room: ReadingRoom) -> int:
    return int(np.argmax((room.shown[0].layer.data[0] == MARK_SIGNAL).sum(axis=(1, 2))))


def picture(room: ReadingRoom) -> np.ndarray:
    """The brightness of the canvas, as it is drawn."""
    return room.viewer.screenshot(canvas_only=True, flash=False)[..., :3].max(axis=-1).astype(int)


def without_text(room: ReadingRoom) -> np.ndarray:
    overlays = [overlay for overlay in room.viewer.canvas.overlays.values() if overlay.visible]
    for overlay in overlays:
        overlay.visible = False
    plain = picture(room)
    for overlay in overlays:
        overlay.visible = True
    return plain


def mark_in(plain: np.ndarray) -> tuple[float, float]:
    """Where the mark is, as shares of the height and the width."""
    rows, columns = np.nonzero(plain > 200)
    assert len(rows) > 30
    return float(rows.mean() / plain.shape[0]), float(columns.mean() / plain.shape[1])


def test_the_left_of_the_patient_is_on_the_right_under_its_letter(head, reader, qtbot):
    room = reader(head, "LAS")
    qtbot.waitUntil(lambda: (without_text(room) > 200).sum() > 30)
    plain, written = without_text(room), picture(room)
    row, column = mark_in(plain)
    assert column > 0.55
    assert row < 0.5
    text = written - plain
    for edge in (text[:, :EDGE_PIXELS], text[:, -EDGE_PIXELS:]):
        assert edge.max() > 100
    overlays = room.viewer.canvas.overlays
    assert (overlays["napari-dwi left"].text, overlays["napari-dwi right"].text) == ("R", "L")


def test_in_neurological_convention_both_change_sides(head, reader, qtbot):
    room = reader(head, "LAS")
    qtbot.waitUntil(lambda: (without_text(room) > 200).sum() > 30)
    before = without_text(room)
    room.set_convention("neurological")
    after = without_text(room)
    assert mark_in(after)[1] < 0.45
    assert mark_in(after) == pytest.approx((mark_in(before)[0], 1 - mark_in(before)[1]), abs=0.01)
    overlays = room.viewer.canvas.overlays
    assert (overlays["napari-dwi left"].text, overlays["napari-dwi right"].text) == ("L", "R")
    room.set_convention("radiological")
    np.testing.assert_array_equal(without_text(room), before)


@pytest.mark.parametrize("degrees", [0, 12], ids=["straight", "oblique"])
def test_the_picture_does_not_depend_on_how_the_file_is_stored(head, reader, qtbot, degrees):
    tilt = np.eye(4)
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    tilt[1:3, 1:3] = [[cosine, -sine], [sine, cosine]]
    tilted = replace(head, grid=Grid(head.grid.shape, tilt @ head.grid.affine, "sform"))
    # The sliders of the first scan take their place from the canvas only once it is drawn.
    room = reader(tilted, STORED[0])
    qtbot.waitUntil(lambda: (picture(room) > 200).sum() > 30)
    room = reader(tilted, STORED[0])
    expected, letters = picture(room), room.letters.letters
    for name in STORED[1:]:
        room = reader(tilted, name)
        np.testing.assert_array_equal(picture(room), expected, err_msg=name)
        assert room.letters.letters == letters
