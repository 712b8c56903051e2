from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.scan.direction_text import direction_text, read_directions

B_VALUES = np.array([0.0, 400, 800, 800])
DIRECTIONS = np.array([[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8], [0, -0.8, 0.6]])


def write(path: Path, table: np.ndarray) -> Path:
    np.savetxt(path / "dwi.bvec", table, fmt="%.6f")
    return path / "dwi.bvec"


def test_three_rows_are_read_as_fsl_writes_them(tmp_path: Path) -> None:
    directions, notes = read_directions(write(tmp_path, DIRECTIONS.T), B_VALUES)
    np.testing.assert_allclose(directions, DIRECTIONS)
    assert notes == ()


def test_one_row_per_volume_is_read_and_said(tmp_path: Path) -> None:
    directions, notes = read_directions(write(tmp_path, DIRECTIONS), B_VALUES)
    np.testing.assert_allclose(directions, DIRECTIONS)
    assert notes == ("dwi.bvec: read with one row per volume",)


def test_a_square_table_is_read_as_fsl_writes_it_and_said(tmp_path: Path) -> None:
    directions, notes = read_directions(write(tmp_path, DIRECTIONS[:3].T), B_VALUES[:3])
    np.testing.assert_allclose(directions, DIRECTIONS[:3])
    assert "3 x 3" in notes[0]


def test_what_stands_at_b_0_means_nothing(tmp_path: Path) -> None:
    table = DIRECTIONS.copy()
    table[0] = np.nan
    directions, notes = read_directions(write(tmp_path, table.T), B_VALUES)
    np.testing.assert_allclose(directions, DIRECTIONS)
    assert notes == ()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.nan, "some are NaN or infinite"),
        (np.inf, "some are NaN or infinite"),
        (1e200, "1 are not of length one"),
        (0.5, "1 are not of length one"),
    ],
)
def test_bad_directions_are_left_out_with_the_reason(tmp_path: Path, bad: float, why: str) -> None:
    table = DIRECTIONS.copy()
    table[2] = bad
    assert read_directions(write(tmp_path, table.T), B_VALUES) == (
        None,
        (f"directions left out: dwi.bvec: {why}",),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 0 0\n0 1 0\n0 0 1\n", "expected 3 rows of 4 numbers, found 3 rows of 3"),
        ("1 0 0 0\n0 1\n0 0 1 0\n", "expected 3 rows of 4 numbers, found 3 rows of 4"),
        ("", "the file is empty"),
        ("x y z\n", "not a number"),
    ],
)
def test_directions_of_another_series_are_left_out(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "dwi.bvec").write_text(text)
    directions, notes = read_directions(tmp_path / "dwi.bvec", B_VALUES)
    assert directions is None
    assert why in notes[0]


def test_zeros_are_trace_weighted_volumes(tmp_path: Path) -> None:
    trace, notes = read_directions(write(tmp_path, np.zeros((3, 4))), B_VALUES)
    assert trace is not None
    assert not trace.any()
    assert notes == ()
    mixed = DIRECTIONS.copy()
    mixed[3] = 0
    directions, notes = read_directions(write(tmp_path, mixed.T), B_VALUES)
    np.testing.assert_allclose(directions, mixed)
    assert notes == ("1 volumes with b > 0 have no direction and are taken as trace-weighted",)


def test_the_text_written_reads_back(tmp_path: Path) -> None:
    (tmp_path / "dwi.bvec").write_text(direction_text(DIRECTIONS))
    directions, notes = read_directions(tmp_path / "dwi.bvec", B_VALUES)
    np.testing.assert_allclose(directions, DIRECTIONS, atol=1e-6)
    assert notes == ()
