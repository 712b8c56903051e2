from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.protocol import protocol_limits
from napari_dwi.physics.organs import ORGANS
from napari_dwi.physics.signal_models import ADC, IVIM, MODELS, SignalModel

B = (0, 10, 20, 30, 50, 80, 100, 200, 400, 800)


def test_limits_of_the_published_protocol_are_those_measured_for_it() -> None:
    """Cramer-Rao bound at f .3, D 1.7e-3, D* 81.7e-3, SNR 15 and 30 (Rician)."""
    values = (0.3, 1.7e-3, 81.7e-3, 1.0)
    np.testing.assert_allclose(
        protocol_limits(IVIM, B, values, 15).sd[:3], (0.0693, 0.407e-3, 51.1e-3), rtol=0.03
    )
    np.testing.assert_allclose(
        protocol_limits(IVIM, B, values, 30).sd[:3], (0.0345, 0.200e-3, 25.5e-3), rtol=0.03
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_one_volume_more_never_makes_anything_worse(model: SignalModel) -> None:
    limits = protocol_limits(model, (*B, 1200), ORGANS[1].values(model), 40)
    assert np.isfinite(limits.sd).all()
    assert (limits.sd_with <= limits.sd * (1 + 1e-6)).all()


def test_for_adc_the_best_addition_lies_near_the_known_optimum() -> None:
    """With S0 well known the variance of the ADC is that of S / (b S), lowest at b = 1 / ADC."""
    adc = 1e-3
    limits = protocol_limits(ADC, [0] * 50, (adc, 1.0), 200)
    assert np.isnan(limits.sd[0])
    best = limits.best_addition("ADC")
    assert best is not None
    assert best[0] * adc == pytest.approx(1.0, abs=0.15)
    assert best[1] == 0.0


def test_what_helps_most_lowers_the_sd_by_what_is_said() -> None:
    values = ORGANS[1].values(IVIM)
    limits = protocol_limits(IVIM, B, values, 30)
    for n, name in enumerate(IVIM.names):
        best = limits.best_addition(name)
        assert best is not None
        b, ratio = best
        again = protocol_limits(IVIM, (*B, b), values, 30, candidates=[0])
        assert again.sd[n] / limits.sd[n] == pytest.approx(ratio, rel=1e-6)
        assert ratio < 1


def test_scaling_the_signal_changes_nothing() -> None:
    one = protocol_limits(IVIM, B, (0.2, 1e-3, 0.05, 1.0), 25)
    many = protocol_limits(IVIM, B, (0.2, 1e-3, 0.05, 700.0), 25)
    np.testing.assert_allclose(many.sd[:3], one.sd[:3], rtol=1e-6)


def test_an_impossible_snr_is_refused() -> None:
    with pytest.raises(BadInputError, match="SNR"):
        protocol_limits(ADC, B, (1e-3, 1.0), 0)
