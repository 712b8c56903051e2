from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.cli.comparing.maps import volumes_by_name
from napari_dwi.cli.comparing.scan_output import Compared
from napari_dwi.methods.method import Inputs
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

from ...synthetic import make_grid

pytest.importorskip("matplotlib")
from napari_dwi.cli.comparing._pictures_of_scan import map_figure

SHAPE = (6, 5, 3)
MARKED = (5, 4, 1)


def compared(grid: Grid, mask: np.ndarray | None = None) -> Compared:
    """A series that is dark but for one voxel, in the slice that holds most of the region."""
    signal = np.zeros((*SHAPE, 2), np.float32)
    signal[MARKED] = 100
    series = DwiSeries(signal, grid, BValues(np.array([0.0, 800.0])), "scan")
    region = np.zeros(SHAPE, bool)
    region[:, :, MARKED[2]] = True
    given = None if mask is None else Volume(mask.astype(np.float32), grid, "mask")
    return Compared(
        Inputs(series, mask=given), None, {"slice": region}, {}, (volumes_by_name("input", series),), None
    )


@pytest.mark.parametrize(
    ("directions", "corner"),
    [
        # Towards the patient's left and to the front: up and right, as radiologists look at it.
        ((-1, 1), (0, -1)),
        ((1, 1), (0, 0)),
        ((-1, -1), (-1, -1)),
    ],
    ids=["LA", "RA", "LP"],
)
def test_slices_are_shown_as_radiologists_look_at_them(
    directions: tuple[int, int], corner: tuple[int, int]
) -> None:
    grid = Grid(SHAPE, np.diag([*(2.0 * d for d in directions), 5.0, 1.0]))
    (place, _scale) = map_figure(compared(grid)).axes
    (image,) = place.get_images()
    shown = np.asarray(image.get_array())
    assert shown.shape == (SHAPE[1], SHAPE[0])
    assert shown[corner] == 100
    assert shown.sum() == 100


def test_pictures_are_cut_to_what_was_worked_on_and_voxels_keep_their_shape() -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3:, 2:, :] = True
    place = map_figure(compared(make_grid(SHAPE, (2.0, 3.0, 5.0)), mask)).axes[0]
    (image,) = place.get_images()
    assert np.asarray(image.get_array()).shape == (3, 3)
    assert place.get_aspect() == pytest.approx(1.5)
