from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.convert import Converted, convert
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import Geometry, geometry_of
from napari_dwi.scan.dicom.reconcile import reconcile
from napari_dwi.scan.dicom.series import DicomSeries

from .builder import write_series
from .dialects import DIALECTS


@pytest.fixture
def trace(tmp_path: Path) -> tuple[DicomSeries, Geometry, Converted]:
    """A series whose b-values the converter sets to zero."""
    write_series(tmp_path, dialect=DIALECTS["ge"])
    (series,) = read_folder(tmp_path)
    geometry = geometry_of(series)
    return series, geometry, convert(series, geometry)


def test_volumes_are_recognised_in_any_order(
    trace: tuple[DicomSeries, Geometry, Converted], rng: np.random.Generator
) -> None:
    series, geometry, converted = trace
    for _ in range(5):
        order = rng.permutation(4)
        shuffled = replace(
            converted, signal=converted.signal[..., order], stored_sums=converted.stored_sums[:, order]
        )
        b_values, _notes = reconcile(series, geometry, shuffled)
        assert b_values.values.tolist() == np.array([0, 100, 400, 800])[order].tolist()


def test_changed_pixels_are_not_recognised(trace: tuple[DicomSeries, Geometry, Converted]) -> None:
    series, geometry, converted = trace
    with pytest.raises(BadInputError, match="not certain which volume"):
        reconcile(series, geometry, replace(converted, stored_sums=converted.stored_sums + 1))


@pytest.mark.parametrize("count", [3, 5])
def test_a_list_of_the_wrong_length_by_the_converter_is_not_used(
    trace: tuple[DicomSeries, Geometry, Converted], count: int
) -> None:
    series, geometry, converted = trace
    b_values, notes = reconcile(series, geometry, replace(converted, b_values=np.arange(float(count))))
    assert b_values.values.tolist() == [0, 100, 400, 800]
    assert any("the headers were used" in note for note in notes)


@pytest.mark.parametrize(
    ("by_converter", "noted"), [((0, 100.9, 403, 793), False), ((0, 100, 400, 500), True)]
)
def test_rounding_is_no_disagreement(
    trace: tuple[DicomSeries, Geometry, Converted], by_converter: tuple[float, ...], noted: bool
) -> None:
    series, geometry, converted = trace
    b_values, notes = reconcile(series, geometry, replace(converted, b_values=np.array(by_converter, float)))
    assert b_values.values.tolist() == [0, 100, 400, 800]
    assert bool(notes) == noted


def test_directions_are_kept_where_there_are_any(trace: tuple[DicomSeries, Geometry, Converted]) -> None:
    series, geometry, converted = trace
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    kept, _ = reconcile(series, geometry, replace(converted, directions=directions))
    np.testing.assert_array_equal(kept.directions, directions)
    none, _ = reconcile(series, geometry, replace(converted, directions=np.zeros((4, 3))))
    assert none.directions is None
