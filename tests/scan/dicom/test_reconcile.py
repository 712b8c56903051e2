from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom import reconcile as module
from napari_dwi.scan.dicom.convert import Converted, convert
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import Geometry, geometry_of
from napari_dwi.scan.dicom.reconcile import Reconciled, reconcile
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


@pytest.fixture
def converting_to(monkeypatch: pytest.MonkeyPatch) -> Callable[[Converted], None]:
    """Let the converter, as it may, write the volumes in another way."""

    def put(converted: Converted) -> None:
        monkeypatch.setattr(module, "convert", lambda *_, **__: converted)

    return put


def test_volumes_are_recognised_in_any_order(
    trace: tuple[DicomSeries, Geometry, Converted],
    converting_to: Callable[[Converted], None],
    rng: np.random.Generator,
) -> None:
    series, geometry, converted = trace
    for _ in range(5):
        order = rng.permutation(4)
        converting_to(
            replace(
                converted,
                signal=converted.signal[..., order],
                fingerprints=converted.fingerprints[:, order],
            )
        )
        found = reconcile(series, geometry)
        assert found.b_values == tuple(np.array([0, 100, 400, 800])[order].tolist())


@pytest.mark.parametrize("keep_order", [False, True])
def test_changed_pixels_are_not_recognised(
    trace: tuple[DicomSeries, Geometry, Converted],
    converting_to: Callable[[Converted], None],
    keep_order: bool,
) -> None:
    series, geometry, converted = trace
    fingerprints = converted.fingerprints.copy()
    fingerprints[2, 1] += 1
    converting_to(replace(converted, fingerprints=fingerprints))
    found = reconcile(series, geometry, keep_order=keep_order)
    if keep_order:
        assert found.b_values == (0, None, 400, 800)
    else:
        # The parts, which bring the b-values of their files, do not need to be recognised.
        assert found.b_values == (0, 100, 400, 800)
        assert any("one b-value at a time" in note for note in found.notes)


def test_no_b_value_is_given_out_more_often_than_it_was_acquired(
    trace: tuple[DicomSeries, Geometry, Converted], converting_to: Callable[[Converted], None]
) -> None:
    series, geometry, converted = trace
    twice = converted.fingerprints[:, [0, 1, 1, 3]]
    converting_to(replace(converted, fingerprints=twice))
    assert reconcile(series, geometry, keep_order=True).b_values == (None,) * 4


@pytest.mark.parametrize("count", [3, 5])
def test_a_list_of_the_wrong_length_by_the_converter_is_not_used(
    trace: tuple[DicomSeries, Geometry, Converted],
    converting_to: Callable[[Converted], None],
    count: int,
) -> None:
    series, geometry, converted = trace
    converting_to(replace(converted, b_values=np.arange(float(count))))
    found = reconcile(series, geometry)
    assert found.b_values == (0, 100, 400, 800)
    assert any("the headers were used" in note for note in found.notes)


@pytest.mark.parametrize(
    ("by_converter", "noted"), [((0, 100.9, 403, 793), False), ((0, 100, 400, 500), True)]
)
def test_rounding_is_no_disagreement(
    trace: tuple[DicomSeries, Geometry, Converted],
    converting_to: Callable[[Converted], None],
    by_converter: tuple[float, ...],
    noted: bool,
) -> None:
    series, geometry, converted = trace
    converting_to(replace(converted, b_values=np.array(by_converter, float)))
    found: Reconciled = reconcile(series, geometry)
    assert found.b_values == (0, 100, 400, 800)
    assert bool(found.notes) == noted


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_pixels_that_cannot_be_decoded_are_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enhanced: bool
) -> None:
    import pydicom

    dialect = DIALECTS["standard" if enhanced else "ge"]
    made = write_series(tmp_path, dialect=dialect, enhanced=enhanced)
    for file in made.files:
        image = pydicom.dcmread(file)
        image.compress(RLELossless)
        image.save_as(file)
    # As for JPEG lossless, which needs packages that are not installed with this one.
    decoder = pydicom.pixels.get_decoder(RLELossless)
    monkeypatch.setattr(decoder, "_available", {})
    with pytest.raises(RuntimeError):
        _ = pydicom.dcmread(made.files[0]).pixel_array
    (series,) = read_folder(tmp_path)
    found = reconcile(series, geometry_of(series))
    assert found.b_values == (0, 100, 400, 800)
    for index in range(4):
        assert found.converted.signal[..., index].sum() == made.signal[..., index].sum()


def test_a_part_that_does_not_convert_leaves_the_refusal_of_the_whole(
    trace: tuple[DicomSeries, Geometry, Converted], monkeypatch: pytest.MonkeyPatch
) -> None:
    series, geometry, _ = trace

    def refuse(*_: object, **__: object) -> Converted:
        raise BadInputError("this series cannot be converted to one image")

    monkeypatch.setattr(module, "convert", refuse)
    monkeypatch.setattr("napari_dwi.scan.dicom.parts.convert", refuse)
    with pytest.raises(BadInputError, match="cannot be converted"):
        reconcile(series, geometry)
