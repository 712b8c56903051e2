from __future__ import annotations

import itertools

import numpy as np
import pytest

from napari_dwi.gui.conventions import ConventionCamera
from napari_dwi.gui.layers import add_image_layer, image_layer_settings
from napari_dwi.gui.room import ReadingRoom
from napari_dwi.scan import BValues, DwiSeries, Grid, View

from ..scan.builder import ORIENTATIONS, affine_of, rotation
from .builder import make_scan, on_screen
from .conftest import show

SHAPE = (5, 6, 7)
TOWARDS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
CONVENTIONS = ("radiological", "neurological")
AXES = tuple(itertools.permutations((1, 2, 3)))

in_3d = pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D")


def scan_stored_as(name: str, degrees: tuple[float, float, float] = (0, 0, 0)) -> DwiSeries:
    matrix = rotation(degrees) @ ORIENTATIONS[name] @ np.diag([1.5, 2.0, 4.0])
    grid = Grid(SHAPE, affine_of(matrix, (30, -20, 10)), "sform")
    return DwiSeries(np.ones((*SHAPE, 2), np.float32), grid, BValues(np.array([0, 800])))


def screen_directions(room: ReadingRoom) -> dict[str, np.ndarray]:
    """Where one millimetre towards R, L, A, P, S, I leads on the screen, by the picture's own transform.

    Every voxel of the scan knows its place in the patient; the screen is asked where it draws it.
    """
    viewer, view = room.viewer, room.view
    layer = next(shown.layer for shown in room.shown if shown.role == "scan")
    voxels = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    places = np.array([view.grid.to_mm(view.voxel(voxel)) for voxel in voxels])
    pixels = np.array([on_screen(viewer, layer, (0, *voxel)) for voxel in voxels])
    per_mm = np.linalg.solve(places[1:] - places[0], pixels[1:] - pixels[0])
    return {letter: np.array(towards) @ per_mm for letter, towards in TOWARDS.items()}


def assert_letters_true(room: ReadingRoom) -> None:
    """The letter at an edge names the direction that leads there most directly."""
    directions = screen_directions(room)
    edges = {"left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
    for side, letters in room.letters.letters.items():
        lead = {letter: direction @ edges[side] for letter, direction in directions.items()}
        assert letters
        assert lead[letters[0]] >= 0.99 * max(lead.values())
        assert all(lead[letter] > 0 for letter in letters)


def test_left_of_the_patient_is_on_the_right_until_the_convention_is_turned(room):
    assert room.convention == "radiological"
    assert room.letters.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    room.set_convention("neurological")
    assert room.convention == "neurological"
    assert room.letters.letters == {"left": "L", "right": "R", "top": "A", "bottom": "P"}
    room.set_convention("radiological")
    assert room.letters.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}


@in_3d
@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("n_shown", [2, 3])
def test_letters_are_true_after_every_transposition(room, convention, n_shown):
    room.set_convention(convention)
    room.viewer.dims.ndisplay = n_shown
    for order in AXES:
        room.viewer.dims.order = (0, *order)
        assert_letters_true(room)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_letters_are_true_while_axes_are_rolled_and_transposed_by_naparis_own_buttons(room, convention):
    room.set_convention(convention)
    dims = room.viewer.dims
    dims.rollable = (False, True, True, True)
    seen = set()
    for _ in range(3):
        dims.roll()
        seen.add(dims.displayed)
        assert_letters_true(room)
        dims.transpose()
        assert_letters_true(room)
        dims.transpose()
    assert seen == {(2, 3), (3, 1), (1, 2)}


@in_3d
def test_letters_follow_the_camera_round_the_patient_in_3d(room):
    room.viewer.dims.ndisplay = 3
    for angles in [(0, 0, 0), (0, 0, 90), (0, 90, 90), (10, 200, 5), (-20, 40, 100), (170, -60, 33)]:
        room.viewer.scene.camera.angles = angles
        room.viewer.window._qt_viewer.canvas.on_draw(None)
        assert_letters_true(room)


@in_3d
def test_in_3d_letters_between_two_directions_name_both(room):
    room.viewer.dims.ndisplay = 3
    room.viewer.scene.camera.angles = (0, 30, 0)
    assert room.letters.letters == {"left": "RI", "right": "LS", "top": "A", "bottom": "P"}


@in_3d
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_patient_is_never_mirrored_in_3d(room, convention):
    room.set_convention(convention)
    viewer = room.viewer
    viewer.dims.ndisplay = 3
    for order in AXES:
        viewer.dims.order = (0, *order)
        directions = screen_directions(room)
        along = np.zeros(4)
        along[list(viewer.dims.displayed)] = viewer.scene.camera.view_direction
        # Looking towards I, P or L, the turn from the first direction to the second is clockwise.
        turn = 0
        for axis, (first, second) in {1: "AR", 2: "RS", 3: "SA"}.items():
            (x0, y0), (x1, y1) = directions[first], directions[second]
            turn += (x0 * y1 - y0 * x1) * along[axis]
        assert turn > 0


def test_a_corner_of_the_patient_is_drawn_where_it_belongs_however_it_is_stored(viewer):
    camera = ConventionCamera(viewer)
    layer = add_image_layer(viewer, scan_stored_as("LAS"), View(scan_stored_as("LAS").grid), "scan")
    corners = list(itertools.product(*[(0, n - 1) for n in SHAPE]))
    for n, name in enumerate(ORIENTATIONS):
        series = scan_stored_as(name, (20, -15, 10) if n % 2 else (0, 0, 0))
        # The corner furthest to the left, to the front and to the head of the patient.
        marked = max(corners, key=lambda corner: ORIENTATIONS[name] @ corner @ (-1, 1, 1))
        series.signal[marked] = 9
        layer.data, settings = image_layer_settings(series, View(series.grid))
        layer.scale = settings["scale"]
        _, z, y, x = (int(found[0]) for found in np.nonzero(layer.data == 9))
        assert z == 0
        middle = (np.array(layer.data.shape) - 1) / 2
        for convention in CONVENTIONS:
            camera.convention = convention
            right, down = on_screen(viewer, layer, (0, 0, y, x)) - on_screen(viewer, layer, tuple(middle))
            assert (right > 1) if convention == "radiological" else (right < -1)
            assert down < -1


def test_everything_on_show_stays_and_keeps_its_place_in_the_patient(room):
    region = room.regions.add("spot")
    room.regions.fill((np.array([2]), np.array([3]), np.array([4])), region.code)
    room.regions.fill((np.array([3]), np.array([3]), np.array([4])), region.code)
    own = room.viewer.add_points([[2, 8, 10.0]], units=("mm",) * 3, name="mine")
    before = [(layer, layer.data, layer.visible) for layer in room.viewer.layers]
    stored = room.regions.as_regions().labels.data
    spot = on_screen(room.viewer, room.regions.layer, (2, 3, 4))
    room.set_convention("neurological")
    for (layer, data, visible), now in zip(before, room.viewer.layers, strict=True):
        assert layer is now
        assert layer.data is data
        assert layer.visible == visible
    np.testing.assert_array_equal(room.regions.as_regions().labels.data, stored)
    turned = on_screen(room.viewer, room.regions.layer, (2, 3, 4))
    middle = on_screen(room.viewer, room.regions.layer, (2, 3, 11.5))
    np.testing.assert_allclose(turned[0] - middle[0], middle[0] - spot[0], atol=1e-3)
    assert turned[1] == pytest.approx(spot[1])
    room.regions.layer.undo()
    assert np.argwhere(room.regions.labels).tolist() == [[2, 3, 4]]
    assert own in room.viewer.layers


def test_the_choice_is_kept_for_the_next_scan_and_told_to_who_asks(room):
    told = []
    room.convention_changed.connect(lambda: told.append(room.convention))
    room.set_convention("neurological")
    show(room, make_scan("next"))
    assert room.letters.letters["left"] == "L"
    assert told == ["neurological"]
    assert_letters_true(room)
