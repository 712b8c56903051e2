from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.scan import DwiSeries, Grid, Volume
from napari_dwi.superres.training.checkpoint import write_checkpoint
from napari_dwi.superres.training.shape_images import shape_image
from napari_dwi.superres.training.shipped import shipped_checkpoint, shipped_path_checkpoint

from ..synthetic import make_series
from ..watching import Watch


def run(
    image: np.ndarray | Inputs,
    seed: int = 0,
    watch: Watch | None = None,
    method_name: str = "anchored-path",
    **settings: Any,
) -> Result:
    method = find_method(method_name, "superres")
    if isinstance(image, np.ndarray):
        image = Inputs.of_volume(Volume(image, Grid.from_spacing(image.shape, (1, 1, 4))))
    progress = None if watch is None else watch.progress
    return run_method(
        method,
        method.parameters.from_values({"noise_sigma": 0.05} | settings),
        image,
        seed=seed,
        device="cpu",
        threads=1,
        progress=progress,
    )


def values(result: Result, role: str = "super-resolved") -> np.ndarray:
    image = result.output.image(role)
    return image.signal if isinstance(image, DwiSeries) else image.data


@pytest.fixture
def slices(rng: np.random.Generator) -> np.ndarray:
    return np.stack([shape_image(24, rng) for _ in range(2)], axis=2)


@pytest.mark.parametrize("sigma", [0.02, 0.05, 0.10])
def test_the_network_that_comes_along_is_better_than_zero_filling(
    sigma: float, rng: np.random.Generator
) -> None:
    """On shapes that its training has not seen."""
    truth = np.stack([shape_image(96, rng) for _ in range(3)], axis=2)
    result = run(simulate_pair(truth, sigma, rng).low, noise_sigma=sigma)
    start = values(result) + values(result, "residual")
    tissue = truth > 0.1

    def error(image: np.ndarray) -> float:
        return float(np.square(image - truth)[tissue].mean())

    assert error(values(result)) < 0.8 * error(start)
    assert abs(values(result)[tissue].mean() / start[tissue].mean() - 1) < 0.01


def test_the_network_that_comes_along_is_small_and_says_what_it_is() -> None:
    checkpoint = shipped_path_checkpoint(2)
    assert sum(one.size for one in checkpoint.weights.values()) * 4 < 600_000
    assert "no image of a patient" in checkpoint.about["TrainedOn"]
    with pytest.raises(BadInputError, match=r"expected factor 2, found factor 3"):
        shipped_path_checkpoint(3)


def test_results_are_labelled_as_made_by_a_network(slices: np.ndarray) -> None:
    result = run(slices, steps=2)
    image = result.output.images[0]
    assert "network-enhanced" in image.description
    assert image.facts["Network"]["SHA256"] == shipped_path_checkpoint(2).sha256
    assert image.facts["Path"]["CriticalBetaOverResiduals"] == pytest.approx(0.163299)
    assert any("more steps make images sharper but not truer" in said for said in result.record.warnings)


def test_samples_give_a_map_beside_the_image_that_stays_as_it_was(slices: np.ndarray) -> None:
    plain = run(slices, steps=3)
    sampled, other = (run(slices, seed=seed, steps=3, samples=3) for seed in (0, 1))
    np.testing.assert_array_equal(values(sampled), values(plain))
    np.testing.assert_array_equal(values(other), values(plain))
    spread = sampled.output.images[2]
    assert (spread.role, spread.ending) == ("SD", "desc-superressd_anat")
    assert isinstance(spread.image, Volume)
    assert spread.image.kind == "map"
    assert values(sampled, "SD").min() > 0
    assert not np.allclose(values(sampled, "SD"), values(other, "SD"))
    assert any("the SD map tells" in said for said in sampled.record.warnings)
    assert [image.role for image in run(slices, samples=1).output.images] == ["super-resolved", "residual"]


def test_the_map_is_in_scanner_units(slices: np.ndarray) -> None:
    once = run(slices, steps=2, samples=2)
    brighter = run(1000 * slices, steps=2, samples=2, noise_sigma=50)
    np.testing.assert_allclose(values(brighter, "SD"), 1000 * values(once, "SD"), rtol=1e-3, atol=1e-2)


def test_the_map_has_no_value_where_nothing_was_made() -> None:
    series = make_series((12, 10, 2)).series
    signal = series.signal.copy()
    signal[3, 3, 0, 0] = np.nan
    inside = np.zeros(series.grid.shape, np.float32)
    inside[:6] = 1
    inputs = Inputs(
        DwiSeries(signal, series.grid, series.b_values, "scan"), mask=Volume(inside, series.grid, "mask")
    )
    result = run(inputs, noise_sigma=20, steps=2, samples=2)
    spread = values(result, "SD")
    assert spread.shape == values(result).shape
    assert np.isnan(spread[12:]).all()
    np.testing.assert_array_equal(np.isnan(spread[:12]), np.isnan(values(result)[:12]))
    assert np.isnan(spread[6, 6, 0, 0])


def test_more_steps_than_the_path_has_are_refused(slices: np.ndarray) -> None:
    with pytest.raises(BadInputError, match=r"expected up to 20 steps, found 21"):
        run(slices, steps=21)


@pytest.mark.parametrize("settings", [{"eta": 0.0}, {"steps": 1}], ids=str)
def test_samples_that_would_all_be_the_same_are_refused(slices: np.ndarray, settings: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="nothing is random"):
        run(slices, samples=2, start="anchor", **settings)


def test_networks_are_for_their_own_method(slices: np.ndarray, tmp_path: Path) -> None:
    for name, checkpoint in (("plain", shipped_checkpoint(2)), ("path", shipped_path_checkpoint(2))):
        write_checkpoint(checkpoint, tmp_path / f"{name}.safetensors")
    with pytest.raises(BadInputError, match=r"not trained on an anchored path\. Choose the method network"):
        run(slices, checkpoint=str(tmp_path / "plain.safetensors"))
    with pytest.raises(BadInputError, match=r"walks an anchored path\. Choose the method anchored-path"):
        run(slices, checkpoint=str(tmp_path / "path.safetensors"), method_name="network")
    own = run(slices, checkpoint=str(tmp_path / "path.safetensors"))
    np.testing.assert_array_equal(values(own), values(run(slices)))


@pytest.mark.parametrize("share", [0.1, 0.6, 1.0])
def test_a_stop_is_heard_while_sampling(slices: np.ndarray, share: float) -> None:
    undisturbed = Watch()
    run(slices, steps=2, samples=3, watch=undisturbed)
    assert (np.diff(undisturbed.fractions) >= -1e-12).all()
    stopped = Watch(stop_at=max(1, round(share * undisturbed.looks)))
    with pytest.raises(Stopped):
        run(slices, steps=2, samples=3, watch=stopped)
