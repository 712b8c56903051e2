"""The common contract of the OSIPI collection: tissues of the body are found again where nothing disturbs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._signals import fit_signal
from napari_dwi.physics.signal_models import IVIM

# Its abdominal phantom: f, D* and D of each tissue as published, and the b-values of its unit tests.
TISSUES = {
    "left ventricle": (0.15, 80e-3, 2.4e-3),
    "left atrium": (0.07, 70e-3, 2.0e-3),
    "right atrium": (0.07, 70e-3, 1.5e-3),
    "muscle": (0.10, 26.3e-3, 1.37e-3),
    "liver": (0.11, 100e-3, 1.5e-3),
    "oesophagus": (0.32, 30e-3, 1.67e-3),
    "stomach wall": (0.30, 12e-3, 1.5e-3),
    "pancreas": (0.15, 10e-3, 1.3e-3),
    "renal cortex": (0.097, 20e-3, 2.12e-3),
    "renal medulla": (0.158, 19e-3, 2.09e-3),
    "spleen": (0.20, 30e-3, 1.3e-3),
    "spinal cord": (0.178, 28.9e-3, 0.41e-3),
    "bone marrow": (0.145, 50e-3, 0.43e-3),
    "intestine": (0.69, 29e-3, 1.31e-3),
}
B_VALUES = (0, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 250, 350, 400, 550, 700, 850, 1000)
TRUTH = np.array([(f, d, d_star, 1.0) for f, d_star, d in TISSUES.values()])
# Fractions to 1 and up to S0 = 1.5, as broad as the collection allows.
BOUNDS = {"f": (0.0, 1.0), "D": (0.0, 5e-3), "Dstar": (5e-3, 0.2)}


@pytest.mark.parametrize("method", ["least-squares", "maximum-likelihood"])
def test_every_tissue_is_found_without_noise(method: str) -> None:
    fit = fit_signal(IVIM.signal(B_VALUES, TRUTH), B_VALUES, method=method, bounds=BOUNDS, sigma=1e-4)
    np.testing.assert_allclose(fit["f"], TRUTH[:, 0], atol=1e-3)
    np.testing.assert_allclose(fit["D"], TRUTH[:, 1], atol=3e-6)
    np.testing.assert_allclose(fit["Dstar"], TRUTH[:, 2], rtol=1e-2)


def test_one_voxel_and_a_volume_are_fitted_alike() -> None:
    signal = IVIM.signal(B_VALUES, TRUTH)
    volume = fit_signal(signal.reshape(7, 2, 1, -1), B_VALUES, bounds=BOUNDS)
    one = fit_signal(signal[3], B_VALUES, bounds=BOUNDS)
    assert volume["f"].shape == (7, 2, 1)
    np.testing.assert_allclose(volume["f"][1, 1, 0], one["f"], rtol=1e-5)
