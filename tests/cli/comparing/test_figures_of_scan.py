from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.cli.comparing.maps import fitted_maps
from napari_dwi.cli.comparing.scan_output import Compared
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.signal_models import ADC

from ...fit.curves import make_curves

pytest.importorskip("matplotlib")
from napari_dwi.cli.comparing._figures_of_scan import agreement_figure, bar_figure, decay_figure, error_figure


@pytest.fixture(scope="module")
def compared() -> Compared:
    """A fit of the ADC, twice, in more regions than are drawn; one of them is empty."""
    curves = make_curves("adc", snr=30, shape=(16, 4, 2))
    method = find_method("log-linear")
    result = run_method(method, method.settings(), curves.inputs)
    regions = {"empty": np.zeros((16, 4, 2), bool)}
    for n in range(16):
        regions[f"row {n}"] = np.zeros((16, 4, 2), bool)
        regions[f"row {n}"][n] = True
    sets = tuple(fitted_maps(label, result.output, ADC, 0.1) for label in ("one", "other"))
    return Compared(curves.inputs, ADC, regions, {"one": result, "other": result}, sets, sets[0])


def test_a_decay_is_drawn_for_as_many_regions_as_fit_on_a_page(compared: Compared) -> None:
    figure = decay_figure(compared)
    titles = [place.get_title() for place in figure.axes]
    assert titles == [f"row {n} (n = 8)" for n in range(12)]
    assert figure.get_suptitle() == "the first 12 of 16 regions"
    assert figure.get_size_inches()[0] < 20
    labels = {line.get_label() for line in figure.axes[0].get_lines()}
    assert {"one", "other"} <= labels


def test_bars_stand_for_medians_in_screen_units(compared: Compared) -> None:
    (place,) = bar_figure(compared).axes
    bars = [container for container in place.containers if hasattr(container, "patches")]
    assert len(bars) == 3
    expected = 1e3 * np.median(compared.sets[0].maps["ADC"][0])
    assert bars[1].patches[0].get_height() == pytest.approx(expected)


def test_a_method_agrees_with_itself(compared: Compared) -> None:
    (place,) = agreement_figure(compared, ADC.shape[0]).axes
    dots, *levels = place.get_lines()
    np.testing.assert_array_equal(dots.get_ydata(), 0)
    assert [line.get_ydata()[0] for line in levels] == [0, 0, 0]
    assert place.get_title() == "one − other"


def test_errors_against_itself_are_zero_where_there_are_voxels(compared: Compared) -> None:
    assert compared.reference is not None
    bias, _sd, rmse, voxels = error_figure(compared, compared.reference).axes
    for place in (bias, rmse):
        np.testing.assert_allclose(place.get_lines()[0].get_ydata(), 0, atol=1e-12)
    counted = sum(patch.get_height() for patch in voxels.patches)
    assert 0.9 * 128 <= counted <= 128
