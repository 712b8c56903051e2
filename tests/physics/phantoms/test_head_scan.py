from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.head_tissues import LESION, PARAMETERS
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.signal import ivim
from napari_dwi.scan.images import Volume

SHAPE = (72, 96, 14)
SPACING_MM = (2.5, 2.5, 4.0)
SNR = 10.0


@pytest.fixture(scope="module")
def scan() -> SimulatedScan:
    return simulate_brain(SNR, seed=3, shape=SHAPE, spacing_mm=SPACING_MM)


def region(scan: SimulatedScan, name: str) -> np.ndarray:
    (code,) = (code for code, text in scan.label_names.items() if text == name)
    return scan.labels.data == code


def lesions(scan: SimulatedScan) -> dict[str, np.ndarray]:
    return {name: region(scan, name) for name in scan.label_names.values() if name.startswith("lesion")}


def mirrored(places_mm: np.ndarray) -> np.ndarray:
    """The same places on the other side of the head."""
    return places_mm * (-1, 1, 1)


def values_at(volume: Volume, places_mm: np.ndarray) -> np.ndarray:
    """Values of the nearest voxels, at those places that the volume covers."""
    from_mm = np.linalg.inv(volume.grid.affine)
    voxels = np.rint(places_mm @ from_mm[:3, :3].T + from_mm[:3, 3]).astype(int)
    i, j, k = voxels[((voxels >= 0) & (voxels < volume.grid.shape)).all(axis=1)].T
    return volume.data[i, j, k]


def test_the_images_are_what_was_asked_for(scan: SimulatedScan) -> None:
    assert scan.series.grid.shape == SHAPE
    assert scan.series.grid.spacing_mm == pytest.approx(SPACING_MM)
    assert scan.series.grid.orientation == "LAS"
    assert scan.series.grid.affine_source == "simulated"
    assert scan.series.b_values.values.tolist() == [0, 50, 400, 800]
    assert scan.truth.grid.same_as(scan.series.grid)
    assert [volume.name for volume in scan.anatomy] == ["T1", "T2"]


def test_the_snr_is_the_mean_signal_of_the_brain_over_sigma(scan: SimulatedScan) -> None:
    brain = np.isin(scan.labels.data, [c for c, name in scan.label_names.items() if name != "CSF"])
    brain &= scan.labels.data > 0
    assert scan.truth.signal[brain, 0].mean() / scan.sigma == pytest.approx(SNR, rel=0.25)


def test_sigma_falls_as_the_snr_rises(scan: SimulatedScan) -> None:
    better = simulate_brain(2 * SNR, seed=3, shape=SHAPE, spacing_mm=SPACING_MM)
    assert better.sigma == pytest.approx(scan.sigma / 2)
    assert better.truth.signal.tobytes() == scan.truth.signal.tobytes()


@pytest.mark.parametrize("volume", range(4))
def test_the_air_holds_rayleigh_noise_of_the_same_level_in_every_volume(
    scan: SimulatedScan, volume: int
) -> None:
    air = scan.truth.signal[..., volume] == 0
    noise = scan.series.signal[..., volume][air]
    assert noise.mean() == pytest.approx(scan.sigma * np.sqrt(np.pi / 2), rel=0.02)
    assert noise.std() == pytest.approx(scan.sigma * np.sqrt(2 - np.pi / 2), rel=0.03)


def test_an_infinite_snr_gives_the_truth() -> None:
    scan = simulate_brain(np.inf, shape=SHAPE, spacing_mm=SPACING_MM)
    assert scan.sigma == 0
    assert scan.series.signal.tobytes() == scan.truth.signal.tobytes()


def test_where_there_is_one_tissue_the_truth_is_ivim_with_the_mapped_parameters(scan: SimulatedScan) -> None:
    maps = {name: volume.data for name, volume in scan.parameters.items()}
    for tissue in (PARAMETERS["white matter"], PARAMETERS["deep grey matter"], PARAMETERS["CSF"], LESION):
        pure = np.isclose(maps["D"], tissue.d, rtol=1e-4) & np.isclose(maps["f"], tissue.f, atol=1e-5)
        assert pure.sum() > 10
        s0, f, d = (maps[name][pure] for name in ("S0", "f", "D"))
        d_star = np.nan_to_num(maps["Dstar"][pure])
        modelled = ivim(scan.truth.b_values.values, s0, f, d, d_star)
        np.testing.assert_allclose(scan.truth.signal[pure], modelled, rtol=2e-3)


def test_maps_have_units_and_end_at_the_air(scan: SimulatedScan) -> None:
    assert {name: volume.unit for name, volume in scan.parameters.items()} == {
        "D": "mm2/s",
        "f": "1",
        "Dstar": "mm2/s",
        "S0": "",
    }
    air = scan.truth.signal[..., 0] == 0
    assert np.isnan(scan.parameters["D"].data[air]).all()
    assert np.isfinite(scan.parameters["D"].data[~air]).all()


def test_the_large_lesion_is_on_the_left_of_the_patient_and_the_small_ones_on_the_right(
    scan: SimulatedScan,
) -> None:
    grid = scan.labels.grid
    side = {name: grid.to_mm(np.argwhere(mask))[:, 0].mean() for name, mask in lesions(scan).items()}
    assert len(side) == 3
    for name, x_mm in side.items():
        assert (x_mm < -20) if "left" in name else (x_mm > 5)


def test_lesions_shine_at_b_800_and_hide_on_t1(scan: SimulatedScan) -> None:
    grid = scan.truth.grid
    strongly_weighted = Volume(scan.truth.signal[..., -1], grid)
    t1, _ = scan.anatomy
    for mask in lesions(scan).values():
        here = grid.to_mm(np.argwhere(mask))
        there = mirrored(here)
        assert values_at(strongly_weighted, here).mean() > 1.3 * values_at(strongly_weighted, there).mean()
        assert values_at(t1, here).mean() == pytest.approx(values_at(t1, there).mean(), rel=0.1)


def test_lesions_hold_water_back(scan: SimulatedScan) -> None:
    d = scan.parameters["D"].data
    for mask in lesions(scan).values():
        assert np.median(d[mask]) < 0.65e-3
    assert np.median(d[region(scan, "white matter")]) == pytest.approx(0.72e-3, rel=0.03)


def test_tissues_have_the_order_of_brightness_radiologists_know(scan: SimulatedScan) -> None:
    places = {
        name: scan.labels.grid.to_mm(np.argwhere(region(scan, name)))
        for name in ("white matter", "grey matter", "CSF")
    }
    t1, t2 = ({name: np.median(values_at(v, mm)) for name, mm in places.items()} for v in scan.anatomy)
    assert t1["white matter"] > t1["grey matter"] > t1["CSF"]
    assert t2["CSF"] > t2["grey matter"] > t2["white matter"]


def test_anatomical_images_are_finer_and_not_aligned_with_the_series(scan: SimulatedScan) -> None:
    dwi = scan.series.grid
    for volume in scan.anatomy:
        assert (np.asarray(volume.grid.spacing_mm) < dwi.spacing_mm).all()
        directions = volume.grid.affine[:3, :3] / volume.grid.spacing_mm
        assert np.abs(directions).max(axis=0).min() < 0.9999


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_noise(scan: SimulatedScan) -> None:
    again = simulate_brain(SNR, seed=3, shape=SHAPE, spacing_mm=SPACING_MM)
    assert again.series.signal.tobytes() == scan.series.signal.tobytes()
    for volume, same in zip(scan.anatomy, again.anatomy, strict=True):
        assert volume.data.tobytes() == same.data.tobytes()
    other = simulate_brain(SNR, seed=4, shape=SHAPE, spacing_mm=SPACING_MM)
    assert other.truth.signal.tobytes() == scan.truth.signal.tobytes()
    assert other.series.signal.tobytes() != scan.series.signal.tobytes()


@pytest.mark.parametrize("snr", [0.0, -3.0, np.nan])
def test_an_impossible_snr_is_refused(snr: float) -> None:
    with pytest.raises(BadInputError, match="signal-to-noise"):
        simulate_brain(snr)


def test_a_grid_that_misses_the_brain_is_refused() -> None:
    with pytest.raises(BadInputError, match="does not reach the brain"):
        simulate_brain(shape=(2, 2, 1), spacing_mm=(400.0, 400.0, 4.0))
