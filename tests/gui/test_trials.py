"""The table and the plots of a search, and a search from the dock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_dwi.gui.loss_plot import LossPlot
from napari_dwi.gui.parallel_coordinates import ParallelCoordinates
from napari_dwi.gui.plot_axes import LogAxis
from napari_dwi.gui.trial_axes import ABSENT, axis_of
from napari_dwi.gui.trial_history import TrialHistory
from napari_dwi.gui.trial_table import TrialTable
from napari_dwi.superres.search.trials import TrialRecord
from napari_dwi.superres.training.history import EpochRecord


def trial(number, value, state="complete", **parameters):
    values = () if value is None else (2 * value, value)
    return TrialRecord(number, state, parameters, values, value, 12.0, Path(f"{number:04d}"))


TRIALS = (
    trial(0, 0.03, loss="mse", learning_rate=1e-3, residual=True),
    trial(1, 0.01, loss="hybrid", learning_rate=1e-4, residual=True, alpha=0.5),
    trial(2, 0.02, "pruned", loss="mae", learning_rate=1e-5, residual=True),
    trial(3, None, "running", loss="mae", learning_rate=2e-5, residual=True),
    trial(4, 0.02, loss="mse", learning_rate=3e-3, residual=True),
)


def column(table, n):
    return [table.item(row, n).text() for row in range(table.rowCount())]


def test_words_are_spread_evenly_and_many_numbers_by_their_ratio():
    words = axis_of("loss", ["mse", "mae", "mse", "hybrid"])
    assert dict(words.marks) == {0.0: "hybrid", 0.5: "mae", 1.0: "mse"}
    np.testing.assert_allclose(words.places, [1, 0.5, 1, 0])
    rates = axis_of("rate", [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-3, 3e-6])
    np.testing.assert_allclose(rates.places[:5], [0, 0.25, 0.5, 0.75, 1])
    assert rates.marks == ((0.0, "1e-06"), (1.0, "0.01"))
    near = axis_of("alpha", [0.0, 0.1, 0.2, 0.3, 0.4, 1.0])
    np.testing.assert_allclose(near.places, [0, 0.1, 0.2, 0.3, 0.4, 1])


def test_a_few_numbers_are_marked_one_by_one():
    axis = axis_of("batch", [8, 32, 16, 8])
    assert axis.marks == ((0.0, "8"), (0.5, "16"), (1.0, "32"))
    np.testing.assert_allclose(axis.places, [0, 1, 0.5, 0])


@pytest.mark.parametrize("values", [[None, 0.5], [None, 0.1, 0.2, 0.3, 0.4, 0.5, 0.9], [None, None]])
def test_trials_without_a_parameter_lie_below_its_axis(values):
    axis = axis_of("alpha", values)
    assert axis.places[0] == ABSENT
    assert (ABSENT, "none") in axis.marks
    assert all(0 <= place <= 1 for place, value in zip(axis.places, values, strict=True) if value is not None)


def test_yes_and_no_are_words():
    assert dict(axis_of("residual", [True, False]).marks) == {0.0: "no", 1.0: "yes"}


@pytest.mark.parametrize("span", [(0.011, 0.017), (0.9, 1.4), (1e-4, 3.0), (0.02, 0.021)])
def test_a_loss_axis_has_marks_within_any_span(qapp, span):  # noqa: ARG001 - axes need an application
    axis = LogAxis("left")
    low, high = np.log10(span)
    ((_, marks),) = axis.tickValues(low, high, 200)
    assert len(marks) >= (1 if span[1] < 1.1 * span[0] else 3)
    assert all(low <= mark <= high for mark in marks)
    numbers = [float(text) for text in axis.tickStrings(marks, 1, 1)]
    np.testing.assert_allclose(numbers, 10.0 ** np.array(marks), rtol=0.01)


def test_the_loss_plot_marks_the_best_epoch(qtbot):
    plot = LossPlot()
    qtbot.addWidget(plot)
    assert not plot._best.isVisible()
    losses = (0.05, 0.02, 0.03)
    plot.show_history([EpochRecord(n, 2 * loss, loss, loss, 1e-3) for n, loss in enumerate(losses, 1)])
    assert plot._best.isVisible()
    assert plot._best.value() == 2
    assert "epoch 2, 0.02" in plot._best.label.format
    plot.show_history([])
    assert not plot._best.isVisible()


def test_the_table_begins_with_the_best_and_sorts_numbers_as_numbers(qtbot):
    table = TrialTable()
    qtbot.addWidget(table)
    table.show_trials(TRIALS)
    assert column(table, 0) == ["1", "2", "4", "0", "3"]
    headers = [table.horizontalHeaderItem(n).text() for n in range(table.columnCount())]
    table.sortByColumn(headers.index("learning rate"), Qt.SortOrder.DescendingOrder)
    assert column(table, 0) == ["4", "0", "1", "3", "2"]
    assert column(table, headers.index("alpha")) == ["", "", "0.5", "", ""]


def test_the_trial_picked_stays_picked_when_there_are_news(qtbot):
    table, picked = TrialTable(), []
    qtbot.addWidget(table)
    table.picked.connect(picked.append)
    table.show_trials(TRIALS)
    table.select(4)
    table.show_trials((*TRIALS, trial(5, 0.001, loss="mse", learning_rate=1e-2)))
    assert table.number == 4
    assert column(table, 0)[0] == "5"
    assert set(picked) == {4}


def test_history_shows_every_judged_trial_and_the_best_so_far(qtbot):
    plot, picked = TrialHistory(), []
    qtbot.addWidget(plot)
    plot.picked.connect(picked.append)
    plot.show_trials(TRIALS)
    points = {point.data(): point for point in plot._points.points()}
    assert sorted(points) == [0, 1, 2, 4]
    assert points[2].brush().color() != points[0].brush().color()
    for number, value in ((0, 0.03), (4, 0.02)):
        assert 10 ** points[number].pos().y() == pytest.approx(value)
    numbers, best = plot._best.getOriginalDataset()
    np.testing.assert_allclose(numbers, [0, 1, 4])
    np.testing.assert_allclose(best, [0.03, 0.01, 0.01])
    plot._points.sigClicked.emit(plot._points, [points[4]], None)
    assert picked == [4]


def test_parallel_lines_cross_each_axis_at_the_value_of_their_trial(qtbot):
    plot = ParallelCoordinates()
    qtbot.addWidget(plot)
    plot.show_trials(TRIALS)
    assert sorted(plot._lines) == [0, 1, 2, 4]
    lines = {number: line.getData()[1] for number, (line, _) in plot._lines.items()}
    # Loss, learning rate, alpha and error: what is the same in all trials has no axis.
    assert {len(line) for line in lines.values()} == {4}
    np.testing.assert_allclose(lines[1][2:], [0.5, 0])
    np.testing.assert_allclose(lines[0][2:], [ABSENT, 1])
    assert lines[0][0] == lines[4][0] != lines[1][0]
    colours = {number: pen.color() for number, (_, pen) in plot._lines.items()}
    assert colours[1].lightness() > colours[4].lightness() > colours[0].lightness()
    plot.select(1)
    assert plot._lines[1][0].opts["pen"].color().lightness() == 255
    plot.select(None)
    assert plot._lines[1][0].opts["pen"].color() == colours[1]
