from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.gui.volume_choice import (
    ARITHMETIC,
    AS_ACQUIRED,
    GEOMETRIC,
    REPEATS,
    VOLUME_CHOICES,
    usual_choice,
)
from napari_dwi.scan import BValues, DwiSeries, save

from .builder import answering, make_scan
from .conftest import open_dock, show
from .test_room import gaussian

AXES = np.vstack([np.zeros(3), np.eye(3)])


def series_of(b_values, directions=None) -> DwiSeries:
    base = make_scan().series
    rng = np.random.default_rng(3)
    signal = rng.uniform(50, 1000, (*base.grid.shape, len(b_values))).astype(np.float32)
    return replace(base, signal=signal, b_values=BValues(np.array(b_values, float), directions))


PLAIN = series_of([0, 400, 800])
REPEATED = series_of([0, 800, 800])
DIRECTIONAL = series_of([0, 800, 800, 800], AXES)


@pytest.mark.parametrize(
    ("series", "suiting", "usual"),
    [
        (PLAIN, [AS_ACQUIRED], AS_ACQUIRED),
        (REPEATED, [AS_ACQUIRED, REPEATS], AS_ACQUIRED),
        (DIRECTIONAL, [AS_ACQUIRED, GEOMETRIC, ARITHMETIC], GEOMETRIC),
    ],
    ids=["one volume a b-value", "repeats", "directions"],
)
def test_only_what_makes_sense_is_offered(series, suiting, usual):
    assert [choice for choice in VOLUME_CHOICES if choice.suits(series)] == suiting
    assert usual_choice(series) is usual


def test_means_are_what_they_are_called():
    weighted = DIRECTIONAL.signal[..., 1:].astype(np.float64)
    geometric, arithmetic = GEOMETRIC.make(DIRECTIONAL), ARITHMETIC.make(DIRECTIONAL)
    np.testing.assert_allclose(geometric.signal[..., 1], np.prod(weighted, -1) ** (1 / 3), rtol=1e-5)
    np.testing.assert_allclose(arithmetic.signal[..., 1], weighted.mean(-1), rtol=1e-5)
    repeated = REPEATS.make(REPEATED).signal[..., 1]
    np.testing.assert_allclose(repeated, REPEATED.signal[..., 1:].mean(-1), rtol=1e-5)


@pytest.fixture
def dock(viewer, tmp_path, idle):
    """The directional series, loaded from its file."""
    save(DIRECTIONAL, tmp_path / "dti.nii.gz")
    dock = open_dock(viewer, "Scan")
    dock.open_path(tmp_path / "dti.nii.gz")
    idle(dock.room)
    dock.load_button.click()
    idle(dock.room)
    return dock


def choose(dock, title):
    box = dock.on_show.volume_box
    box.setCurrentText(title)
    box.activated.emit(box.currentIndex())


def test_directions_are_shown_trace_weighted_and_come_back_when_asked_for(dock, idle):
    assert dock.on_show.volume_box.currentText() == GEOMETRIC.title
    np.testing.assert_array_equal(dock.room.series.signal, GEOMETRIC.make(DIRECTIONAL).signal)
    assert "geometric mean of 3 directions" in dock.on_show.facts.text()
    dock.room.regions.add("mine")
    choose(dock, AS_ACQUIRED.title)
    idle(dock.room)
    np.testing.assert_array_equal(dock.room.series.signal, DIRECTIONAL.signal)
    assert dock.on_show.volume_box.currentText() == AS_ACQUIRED.title
    choose(dock, ARITHMETIC.title)
    idle(dock.room)
    np.testing.assert_array_equal(dock.room.series.signal, ARITHMETIC.make(DIRECTIONAL).signal)
    assert [region.name for region in dock.room.regions.regions] == ["mine"]


def test_results_are_closed_only_after_asking(dock, idle):
    dock.room.show_result(gaussian(dock.room), "Gaussian")
    before = dock.room.series
    with answering("Cancel") as asked:
        choose(dock, AS_ACQUIRED.title)
        idle(dock.room)
    assert len(asked) == 1
    assert dock.room.series is before
    assert dock.on_show.volume_box.currentText() == GEOMETRIC.title
    with answering("Close the results and change the series"):
        choose(dock, AS_ACQUIRED.title)
        idle(dock.room)
    assert len(dock.room.series.b_values) == 4
    assert not any(shown.result for shown in dock.room.shown)


def test_there_is_nothing_to_choose_where_every_b_value_was_measured_once(dock, scan):
    show(dock.room, scan)
    assert not dock.on_show.volume_box.isEnabled()
    assert dock.on_show.volume_box.currentText() == AS_ACQUIRED.title
