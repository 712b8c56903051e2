from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.scan_noise import CLEAN_PRIORS, SCANNER_CORRELATION, ScanNoise, noisy_volumes
from napari_dwi.scan.b_values import BValues

B_VALUES = BValues(np.array([0.0, 50.0, 800.0]))
EVEN = np.full((60, 60, 6, 3), 1000, np.float32)


def noise_of(kind: ScanNoise, sigma: float = 40.0) -> np.ndarray:
    noisy = noisy_volumes(EVEN, B_VALUES, sigma, 5.0, kind, np.random.default_rng(0))
    return noisy.astype(np.float64) - EVEN


def alike(noise: np.ndarray, axis: int) -> float:
    one, other = np.moveaxis(noise, axis, 0)[:-1], np.moveaxis(noise, axis, 0)[1:]
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def test_by_default_all_volumes_are_equally_noisy_and_white() -> None:
    noise = noise_of(ScanNoise())
    assert noise.std(axis=(0, 1, 2)) == pytest.approx([40] * 3, rel=0.03)
    assert [alike(noise[..., 0], axis) for axis in range(3)] == pytest.approx([0] * 3, abs=0.02)


def test_clean_priors_leave_the_noise_to_one_b_value() -> None:
    noise = noise_of(ScanNoise(mode=CLEAN_PRIORS, noisy_b_value=50))
    assert noise.std(axis=(0, 1, 2)) == pytest.approx([5, 40, 5], rel=0.03)


def test_priors_are_never_noisier_than_the_rest() -> None:
    assert noise_of(ScanNoise(mode=CLEAN_PRIORS), 0.0).std() == 0


def test_scanner_noise_is_alike_in_the_plane_only_and_as_strong() -> None:
    noise = noise_of(ScanNoise(in_plane_correlation=SCANNER_CORRELATION))
    assert noise.std() == pytest.approx(40, rel=0.03)
    found = [alike(noise[..., 0], axis) for axis in range(3)]
    assert found == pytest.approx([SCANNER_CORRELATION, SCANNER_CORRELATION, 0], abs=0.04)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [({"mode": "some"}, "no such kind"), ({"in_plane_correlation": 0.9}, "correlated")],
    ids=["mode", "correlation"],
)
def test_other_noise_is_refused(wrong: dict[str, object], what: str) -> None:
    with pytest.raises(BadInputError, match=what):
        ScanNoise(**wrong)  # type: ignore[arg-type]


def test_a_b_value_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadInputError):
        noise_of(ScanNoise(mode=CLEAN_PRIORS, noisy_b_value=400))
