from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.scan import Grid, Volume
from napari_dwi.superres.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_dwi.superres.training.config import NetworkConfig
from napari_dwi.superres.training.shape_images import shape_image
from napari_dwi.superres.training.shipped import shipped_checkpoint

# Those that a network comes along for.
FACTORS = (2, 3, 4)


def new_checkpoint(**choices: Any) -> Checkpoint:
    """A network as it is before training."""
    import torch

    from napari_dwi.superres.training._training import weights_of
    from napari_dwi.superres.training._unet import UNet

    torch.manual_seed(0)
    config = NetworkConfig(**({"widths": (4, 8)} | choices))
    return Checkpoint(config, weights_of(UNet(config)), (0.01, 0.15))


def run(image: np.ndarray, **settings: Any) -> Result:
    method = find_method("network", "superres")
    volume = Volume(image, Grid.from_spacing(image.shape, (1, 1, 4)))
    parameters = method.parameters.from_values(settings)
    return run_method(method, parameters, Inputs.of_volume(volume), device="cpu", threads=1)


def values(result: Result, role: str = "super-resolved") -> np.ndarray:
    image = result.output.image(role)
    assert isinstance(image, Volume)
    return image.data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_checkpoint(new_checkpoint(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def said_of(path: Path, **changes: Any) -> None:
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(json.loads(beside.read_text()) | changes))


@pytest.mark.parametrize(
    ("factor", "sigma"), [(2, 0.02), (2, 0.05), (2, 0.10), *((n, 0.05) for n in FACTORS[1:])]
)
def test_the_network_that_comes_along_is_better_than_zero_filling(
    factor: int, sigma: float, rng: np.random.Generator
) -> None:
    """On shapes that its training has not seen."""
    truth = np.stack([shape_image(96, rng) for _ in range(3)], axis=2)
    pair = simulate_pair(truth, sigma, rng, factor=factor)
    result = run(pair.low, noise_sigma=sigma, factor=factor)
    start = values(result) + values(result, "residual")
    tissue = truth > 0.1

    def error(image: np.ndarray) -> float:
        return float(np.square(image - truth)[tissue].mean())

    assert error(values(result)) < 0.8 * error(start)
    assert abs(values(result)[tissue].mean() / start[tissue].mean() - 1) < 0.01


@pytest.mark.parametrize("scale", [1e-3, 7.0, 3e4])
def test_scaled_slices_give_scaled_results(scale: float, rng: np.random.Generator) -> None:
    image = shape_image(48, rng)[..., None]
    made = values(run(image, noise_sigma=0.04))
    scaled = values(run(image * np.float32(scale), noise_sigma=0.04 * scale))
    np.testing.assert_allclose(scaled / scale, made, atol=1e-4)


def test_results_are_labelled_as_made_by_a_network(rng: np.random.Generator) -> None:
    result = run(shape_image(32, rng)[..., None], noise_sigma=0.05)
    image = result.output.images[0]
    assert "network-enhanced" in image.description
    assert image.facts["Network"]["SHA256"] == shipped_checkpoint(2).sha256
    assert "no image of a patient" in image.facts["Network"]["TrainedOn"]
    assert any("network-enhanced" in warning for warning in result.record.warnings)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_networks_that_come_along_are_small_and_never_worse_than_zero_filling(factor: int) -> None:
    checkpoint = shipped_checkpoint(factor)
    compared = [said for said in checkpoint.about["Scores"].values() if isinstance(said, dict)]
    assert len(compared) == 6
    for said in compared:
        assert said["network"]["PSNR"] > said["zero-fill"]["PSNR"]
        assert said["network"]["PSNR"] > said["zero-fill + NLM"]["PSNR"] - 0.1
    assert sum(one.size for one in checkpoint.weights.values()) * 4 < 600_000


def test_a_factor_without_a_network_is_refused_with_those_there_are(rng: np.random.Generator) -> None:
    with pytest.raises(
        BadInputError, match=r"no network for this factor.*expected factor 2 or 3.*found factor 1"
    ):
        run(shape_image(32, rng)[..., None], factor=1)


def test_a_checkpoint_comes_back_as_it_was(path: Path) -> None:
    before, after = new_checkpoint(), read_checkpoint(path)
    assert after.config == before.config
    assert after.noise_range == before.noise_range
    for name, weights in before.weights.items():
        np.testing.assert_array_equal(after.weights[name], weights)


def test_a_checkpoint_from_before_guides_and_paths_is_still_read(path: Path) -> None:
    said = json.loads(path.with_suffix(".json").read_text())["Network"]
    said_of(path, Network={key: value for key, value in said.items() if key not in ("guide", "path")})
    assert read_checkpoint(path).config == new_checkpoint().config


def test_a_checkpoint_of_the_users_own_is_used(path: Path, rng: np.random.Generator) -> None:
    image = shape_image(32, rng)[..., None]
    result = run(image, noise_sigma=0.05, checkpoint=str(path))
    assert result.output.images[0].facts["Network"]["SHA256"] == read_checkpoint(path).sha256
    assert not np.allclose(values(result), values(run(image, noise_sigma=0.05)))


def test_a_network_may_remove_noise_on_the_grid_as_it_is(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "net.safetensors"
    write_checkpoint(new_checkpoint(factor=1), path)
    image = shape_image(32, rng)[..., None]
    result = run(image, noise_sigma=0.05, factor=1, checkpoint=str(path))
    made = result.output.image("super-resolved")
    np.testing.assert_allclose(made.grid.affine, Grid.from_spacing(image.shape, (1, 1, 4)).affine)
    np.testing.assert_allclose(values(result) + values(result, "residual"), image, atol=1e-6)
    assert not np.allclose(values(result), image)


class Malicious:
    """Whose pickle makes a file when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self._trace,)


@pytest.mark.parametrize("name", ["net.safetensors", "net.pt"])
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path, name: str, zipped: bool) -> None:
    data = pickle.dumps(Malicious(tmp_path / "trace"))
    path = tmp_path / name
    if zipped:
        # As torch.save writes it.
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", data)
    else:
        path.write_bytes(data)
    with pytest.raises(BadInputError, match="could run any program") as caught:
        read_checkpoint(path)
    assert name in str(caught.value)
    assert not (tmp_path / "trace").exists()


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    checkpoint = new_checkpoint()
    weights = {name: one.copy() for name, one in checkpoint.weights.items()}
    weights["last.bias"][0] = np.nan
    write_checkpoint(replace(checkpoint, weights=weights), tmp_path / "net.safetensors")
    with pytest.raises(BadInputError, match="some weights are not numbers"):
        read_checkpoint(tmp_path / "net.safetensors")


def test_weights_of_other_shapes_are_refused(path: Path) -> None:
    said = json.loads(path.with_suffix(".json").read_text())
    said_of(path, Network=said["Network"] | {"widths": [4, 16]})
    with pytest.raises(BadInputError, match="the weights of another network"):
        read_checkpoint(path)


def test_a_network_for_another_factor_is_refused(path: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"another factor.*expected factor 3, found factor 2\. Set factor=2"
    ):
        read_checkpoint(path, factor=3)


def test_weights_that_were_changed_are_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BadInputError, match="not those that were trained"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Description": "something else"}, "does not describe a super-resolution network"),
        ({"Network": {"widths": [4, 8], "down": "sideways"}}, "down cannot be used; expected one of max"),
        ({"Network": {"widths": []}}, "no network of these widths"),
        ({"NoiseRange": "low"}, "the noise it was trained with is not told"),
    ],
)
def test_descriptions_that_cannot_be_used_are_refused(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    said_of(path, **changes)
    with pytest.raises(BadInputError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "choices",
    [
        {"down": "strided", "up": "bilinear"},
        {"down": "max", "up": "transposed", "activation": "prelu"},
        {"widths": (4, 4, 4), "down": "mean", "up": "bicubic", "activation": "elu"},
        {"widths": (4,), "residual": False, "noise_input": False, "activation": "leaky-relu"},
        {"up": "nearest"},
        {"guide": "nlm"},
    ],
    ids=str,
)
def test_tiles_give_what_the_whole_slice_gives(choices: dict[str, Any], rng: np.random.Generator) -> None:
    from napari_dwi.superres._inference import enhanced

    checkpoint = new_checkpoint(**choices)
    image = rng.random((133, 90, 2)).astype(np.float32)
    whole = enhanced(checkpoint, image, 0.05, Context())
    tiled = enhanced(checkpoint, image, 0.05, Context(chunk_scale=0.2))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(whole - image).max() > 1e-3


@pytest.mark.parametrize("size", range(17, 34))
def test_odd_sizes_work(size: int) -> None:
    from napari_dwi.superres._inference import enhanced

    image = np.ones((size, 50 - size, 1), np.float32)
    made = enhanced(new_checkpoint(widths=(2, 2, 2), guide="nlm"), image, 0.05, Context())
    assert made.shape == image.shape
    assert np.isfinite(made).all()


def test_running_out_of_memory_makes_tiles_smaller_and_finishes(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    from napari_dwi.superres.training import _unet

    image = np.stack([shape_image(80, rng)], axis=2)
    expected = values(run(image, noise_sigma=0.05))
    forward, widest = _unet.UNet.forward, []

    def small_memory(network: Any, seen: Any, noise: Any, guide: Any) -> Any:
        widest.append(max(seen.shape))
        if max(seen.shape) > 100:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(network, seen, noise, guide)

    monkeypatch.setattr(_unet.UNet, "forward", small_memory)
    result = run(image, noise_sigma=0.05)
    assert max(widest) > 100
    assert result.record.chunk_scale < 1
    np.testing.assert_allclose(values(result), expected, atol=1e-5)
