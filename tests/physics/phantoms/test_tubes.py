from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.physics.phantoms.body import simulate_body
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.phantoms.tubes import ADC_OF_PVP, TUBES, TUBES_MM2_PER_S, tube_centre_mm


@pytest.fixture(scope="module")
def phantom() -> SimulatedScan:
    return simulate_body(TUBES, float("inf"), shape=(60, 60, 3), spacing_mm=(3.5, 3.5, 8.0))


def test_there_are_13_tubes_with_every_solution_twice_and_water_three_times() -> None:
    values = list(TUBES_MM2_PER_S.values())
    assert len(values) == 13
    assert {adc: values.count(adc) for adc in ADC_OF_PVP.values()} == {
        adc: 3 if pvp == 0 else 2 for pvp, adc in ADC_OF_PVP.items()
    }


def test_more_polymer_slows_water_down() -> None:
    assert list(ADC_OF_PVP.values()) == sorted(ADC_OF_PVP.values(), reverse=True)


def test_every_tube_holds_its_own_diffusion_coefficient(phantom: SimulatedScan) -> None:
    assert list(phantom.label_names.values()) == list(TUBES_MM2_PER_S)
    b = phantom.truth.b_values.values
    for code, (name, adc) in enumerate(TUBES_MM2_PER_S.items(), start=1):
        inside = phantom.labels.data == code
        assert inside.sum() > 20, name
        signal = phantom.truth.signal[inside].mean(axis=0)
        assert -np.polyfit(b, np.log(signal), 1)[0] == pytest.approx(adc, rel=0.02)


def test_tubes_stand_where_they_are_said_to_stand(phantom: SimulatedScan) -> None:
    grid = phantom.labels.grid
    for code in range(1, 14):
        x, y, _ = grid.to_mm(np.argwhere(phantom.labels.data == code)).mean(axis=0)
        assert np.hypot(*np.subtract((x, y), tube_centre_mm(code))) < 2.0


def test_no_two_tubes_touch() -> None:
    centres = np.array([tube_centre_mm(tube) for tube in range(1, 14)])
    distances = np.linalg.norm(centres[:, None] - centres, axis=2)[~np.eye(13, dtype=bool)]
    assert distances.min() > 30
