from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.abdomen import ABDOMEN
from napari_dwi.physics.phantoms.body import BodyPart, simulate_body
from napari_dwi.physics.phantoms.head_neck import HEAD_NECK
from napari_dwi.physics.phantoms.pelvis import PELVIS
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.signal import ivim

# Worked out more coarsely than users get them, which is quicker.
PARTS = tuple(replace(part, lattice_mm=2.0) for part in (ABDOMEN, PELVIS, HEAD_NECK))


def scan_of(part: BodyPart, snr: float = 20.0, seed: int = 0) -> SimulatedScan:
    nx, ny, _ = part.shape
    x, y, _ = part.spacing_mm
    return simulate_body(part, snr, seed, shape=(nx // 2, ny // 2, 3), spacing_mm=(2 * x, 2 * y, 6.0))


@pytest.fixture(scope="module", params=PARTS, ids=lambda part: part.name)
def simulated(request: pytest.FixtureRequest) -> tuple[BodyPart, SimulatedScan]:
    return request.param, scan_of(request.param)


def test_the_snr_is_the_mean_signal_of_what_is_seen_over_sigma(
    simulated: tuple[BodyPart, SimulatedScan],
) -> None:
    part, scan = simulated
    pure = [code for code, name in scan.label_names.items() if name in part.seen]
    inside = np.isin(scan.labels.data, pure)
    assert inside.sum() > 100
    assert scan.truth.signal[inside, 0].mean() / scan.sigma == pytest.approx(20, rel=0.35)


def test_pure_voxels_follow_the_ivim_equation_of_their_tissue(
    simulated: tuple[BodyPart, SimulatedScan],
) -> None:
    part, scan = simulated
    maps = {name: volume.data for name, volume in scan.parameters.items()}
    checked = 0
    for name in part.seen:
        tissue = part.tissues[name]
        pure = np.isclose(maps["D"], tissue.d, rtol=1e-5) & np.isclose(maps["f"], tissue.f, rtol=1e-5)
        expected = ivim(part.b_values, maps["S0"][pure], tissue.f, tissue.d, tissue.d_star)
        np.testing.assert_allclose(scan.truth.signal[pure], expected, rtol=1e-3)
        checked += int(pure.sum())
    assert checked > 50


def test_paired_tissue_lies_on_both_sides(simulated: tuple[BodyPart, SimulatedScan]) -> None:
    _, scan = simulated
    muscle = next(code for code, name in scan.label_names.items() if name == "muscle")
    inside = scan.labels.data == muscle
    middle = inside.shape[0] // 2
    left, right = inside[:middle].sum(), inside[middle:].sum()
    assert left == pytest.approx(right, rel=0.25)


def test_around_the_body_there_is_air(simulated: tuple[BodyPart, SimulatedScan]) -> None:
    _, scan = simulated
    assert not scan.truth.signal[0].any()
    assert not scan.truth.signal[-1].any()
    assert scan.truth.signal[scan.truth.signal.shape[0] // 2].any()


def test_lesions_shine_at_the_highest_b_value(simulated: tuple[BodyPart, SimulatedScan]) -> None:
    part, scan = simulated
    tissue = np.isin(scan.labels.data, [c for c, name in scan.label_names.items() if name in part.seen])
    around = np.median(scan.truth.signal[tissue, -1])
    restricted = [name for name in part.lesions if "cyst" not in name]
    shining = [
        scan.truth.signal[scan.labels.data == code, -1].mean() / around
        for code, name in scan.label_names.items()
        if name in restricted and (scan.labels.data == code).any()
    ]
    assert len(shining) >= 1
    assert min(shining) > 1.2


def test_anatomy_is_finer_and_shows_fat_bright(simulated: tuple[BodyPart, SimulatedScan]) -> None:
    part, scan = simulated
    t1, t2 = scan.anatomy
    assert (t1.name, t2.name) == ("T1", "T2")
    assert t1.grid.spacing_mm[0] < scan.series.grid.spacing_mm[0]
    assert np.percentile(t1.data, 99) > 900 * part.tissues["fat"].t1


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_noise() -> None:
    first, again, other = (scan_of(PARTS[2], seed=seed) for seed in (1, 1, 2))
    assert first.series.signal.tobytes() == again.series.signal.tobytes()
    assert first.truth.signal.tobytes() == other.truth.signal.tobytes()
    assert first.series.signal.tobytes() != other.series.signal.tobytes()


@pytest.mark.parametrize("snr", [0.0, -1.0, float("nan")])
def test_an_snr_must_be_positive(snr: float) -> None:
    with pytest.raises(BadInputError, match="not a signal-to-noise ratio"):
        simulate_body(ABDOMEN, snr)


def test_a_grid_beside_the_body_is_refused() -> None:
    with pytest.raises(BadInputError, match="does not reach the abdomen"):
        simulate_body(PARTS[0], shape=(2, 2, 1), spacing_mm=(1.0, 1.0, 1.0), noise=None, b_values=(0, 800))
