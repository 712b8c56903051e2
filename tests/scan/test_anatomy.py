from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import DwiSeries, Grid, Source, Volume
from napari_dwi.scan.anatomy import anatomy_on, frames_differ

from .builder import affine_of, las_grid, random_series, random_volume


def with_frame(image: Any, frame: str | None) -> Any:
    source = None if frame is None else Source(Path("file"), "0" * 64, 1, frame_of_reference=frame)
    return replace(image, source=source)


def on_las(series: DwiSeries) -> DwiSeries:
    return replace(series, grid=las_grid())


def test_anatomy_arrives_on_the_grid_of_the_series_with_its_overlap() -> None:
    finer = Grid((12, 10, 8), las_grid().affine @ np.diag([0.5, 0.5, 0.5, 1]))
    series = on_las(random_series())
    moved = anatomy_on(series, Volume(np.full(finer.shape, 7, np.float32), finer, name="T2"))
    assert moved.grid is series.grid
    assert moved.notes[0].startswith("resampled to the grid of the series, overlap")
    np.testing.assert_allclose(moved.data[1:-1, 1:-1, 1:-1], 7)


@pytest.mark.parametrize(
    ("of_series", "of_volume", "differ"),
    [("a", "b", True), ("a", "a", False), ("", "b", False), ("a", "", False), (None, "b", False)],
)
def test_another_frame_of_reference_is_told_of(
    of_series: str | None, of_volume: str | None, differ: bool
) -> None:
    series, volume = with_frame(on_las(random_series()), of_series), with_frame(random_volume(), of_volume)
    assert frames_differ(series, volume) == differ
    told = [note for note in anatomy_on(series, volume).notes if "frame of reference" in note]
    assert len(told) == differ
    assert all("same patient" in note for note in told)


def test_anatomy_of_another_place_is_refused() -> None:
    far = replace(random_volume(), grid=Grid((6, 5, 4), affine_of(np.eye(3), (900, 0, 0))), name="T2")
    with pytest.raises(BadInputError, match=r"T2 does not lie over the diffusion series.*0.0 %"):
        anatomy_on(on_las(random_series()), far)
