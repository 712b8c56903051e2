"""What the pictures show, read from the figures without drawing them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.measure.estimator_quality import EstimatorQuality, ParameterGrid
from napari_dwi.measure.estimator_tables import marginal_limit, tissue_grid
from napari_dwi.physics.signal_models import ADC, IVIM_DFAST

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg

from napari_dwi.cli.comparing._figures_of_truth import (
    LIMIT,
    arrow_figure,
    crossing_figure,
    difference_figure,
    marginal_figure,
)

B = np.array([0.0, 50, 200, 400, 800])
GRID = tissue_grid(IVIM_DFAST, 3)


def quality(grid: ParameterGrid, shrinkage: float, sd: float) -> EstimatorQuality:
    """An estimator that moves every parameter this share of the way to the mean of its range."""
    centre = np.array([axis.mean() for axis in grid.axes])
    mean = grid.truth + shrinkage * (centre - grid.truth)
    return EstimatorQuality(grid, mean, np.full_like(mean, sd) * centre, np.full(grid.shape, 50))


SEES, BLIND = quality(GRID, 0.0, 0.2), quality(GRID, 0.9, 0.05)


def test_curves_are_the_marginals_in_screen_units() -> None:
    figure = marginal_figure({"sees": SEES, "blind": BLIND}, "SNR 15", (B, 1 / 15))
    bias_of_d = figure.axes[1]
    assert bias_of_d.get_title() == "bias of D (10⁻³ mm²/s)"
    lines = {line.get_label(): line for line in bias_of_d.get_lines()}
    marginal = BLIND.marginal("D")
    np.testing.assert_allclose(lines["blind"].get_xdata(), marginal.true * 1e3)
    np.testing.assert_allclose(lines["blind"].get_ydata(), marginal.bias * 1e3)
    np.testing.assert_allclose(lines["sees"].get_ydata(), 0, atol=1e-12)
    assert LIMIT not in lines
    of_sd = {line.get_label(): line for line in figure.axes[4].get_lines()}
    np.testing.assert_allclose(of_sd[LIMIT].get_ydata(), 1e3 * marginal_limit(GRID, B, 1 / 15, "D"))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["sees", "blind", LIMIT]


def test_a_legend_of_long_names_keeps_to_the_width_of_the_figure() -> None:
    titles = [f"a network with a rather long name, its number {n} overweighted" for n in range(4)]
    figure = marginal_figure(dict.fromkeys(titles, SEES), "SNR 15", (B, 1 / 15))
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_a_method_can_be_shown_for_one_parameter_alone() -> None:
    figure = marginal_figure({"sees": SEES, "blind": BLIND}, "-", only={"blind": ("D",)})
    shown = [any(line.get_label() == "blind" for line in place.get_lines()) for place in figure.axes[:3]]
    assert shown == [False, True, False]


def test_arrows_run_from_the_truth_to_the_mean_estimate() -> None:
    figure = arrow_figure({"blind": BLIND}, "-")
    assert figure is not None
    assert len(figure.axes) == 3
    (arrows,) = figure.axes[0].collections
    tail = arrows.get_offsets()
    head = tail + np.stack([arrows.U, arrows.V], axis=-1)
    assert len(tail) == 9
    assert np.ptp(head, axis=0) == pytest.approx(0.1 * np.ptp(tail, axis=0))


def test_a_model_with_one_parameter_has_no_pairs_to_draw() -> None:
    assert arrow_figure({"one": quality(tissue_grid(ADC, 3), 0.0, 0.1)}, "-") is None


def test_every_crossing_is_counted_once() -> None:
    figure = crossing_figure(("sees", SEES), ("blind", BLIND), "-")
    assert len(figure.axes) == 9
    for place in figure.axes:
        (image,) = place.get_images()
        counts = np.asarray(image.get_array()) ** 2
        # A few of the farthest are beyond the ends.
        assert 0.7 * 27 <= counts.sum() <= 27 + 1e-6


def test_differences_are_negative_where_the_first_is_better() -> None:
    figure = difference_figure(("sees", SEES), ("blind", BLIND), "D", (0, 1), "-")
    bias_at_the_end, bias_in_the_middle, sd, *_ = [
        np.asarray(place.get_images()[0].get_array()) for place in figure.axes if place.get_images()
    ]
    d = GRID.axes[1] * 1e3
    np.testing.assert_allclose(bias_at_the_end, -0.9 * (d.mean() - d[0]))
    np.testing.assert_allclose(bias_in_the_middle, 0, atol=1e-9)
    np.testing.assert_allclose(sd, 0.15 * d.mean())
