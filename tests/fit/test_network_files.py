from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from napari_dwi.errors import BadInputError, CannotWriteError
from napari_dwi.fit._network import VoxelNetwork
from napari_dwi.fit._network_files import TrainedNetwork, digest_of, packed, read_network, write_network

from .recipes import small_recipe

RECIPE = small_recipe()


@pytest.fixture
def trained() -> TrainedNetwork:
    rng = np.random.default_rng(1)
    sizes = [len(RECIPE.b_values), RECIPE.width, RECIPE.width, 4]
    weights = tuple(rng.normal(size=pair).astype(np.float32) for pair in pairwise(sizes))
    biases = tuple(rng.normal(size=n).astype(np.float32) for n in sizes[1:])
    network = VoxelNetwork(weights, biases, np.ones(4, np.float32))
    return TrainedNetwork(network, digest_of(network), 0.25)


@pytest.fixture
def written(trained: TrainedNetwork, tmp_path: Path) -> Path:
    path = tmp_path / "networks" / "one.safetensors"
    write_network(trained, RECIPE, path)
    return path


def replace_weights(path: Path, data: bytes) -> None:
    """Put other weights in place, with a JSON that vouches for them."""
    path.write_bytes(data)
    beside = path.with_suffix(".json")
    said = json.loads(beside.read_text())
    said["SHA256"] = hashlib.sha256(data).hexdigest()
    beside.write_text(json.dumps(said))


def tensors_of(network: VoxelNetwork) -> dict[str, np.ndarray]:
    weights = {f"weight{n}": array for n, array in enumerate(network.weights)}
    biases = {f"bias{n}": array for n, array in enumerate(network.biases)}
    return {"scale": network.scale, **weights, **biases}


def test_what_is_written_is_read(trained: TrainedNetwork, written: Path) -> None:
    found = read_network(written, RECIPE)
    assert packed(found.network) == packed(trained.network)
    assert found.held_out_loss == 0.25
    assert found.sha256 == trained.sha256 == hashlib.sha256(written.read_bytes()).hexdigest()


def test_the_json_says_how_the_network_was_trained(written: Path) -> None:
    said = json.loads(written.with_suffix(".json").read_text())
    assert said["Recipe"]["b_values"] == list(RECIPE.b_values)
    assert said["Recipe"] == RECIPE.as_json()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"b_values": (*RECIPE.b_values[:-1], 1000.0)}, "b values"),
        ({"averaged": (2,) * 10}, "averaged"),
        ({"snr": 15.0}, "snr"),
        ({"model": "ivim"}, "model"),
        ({"version": RECIPE.version + 1}, "version"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_network_trained_for_something_else_is_refused(
    written: Path, changes: dict[str, object], what: str
) -> None:
    with pytest.raises(BadInputError, match=f"trained for other {what}") as caught:
        read_network(written, replace(RECIPE, **changes))
    assert caught.value.remedy


def test_weights_that_were_changed_are_refused(written: Path) -> None:
    data = bytearray(written.read_bytes())
    data[-1] ^= 1
    written.write_bytes(data)
    with pytest.raises(BadInputError, match="not those that were trained"):
        read_network(written, RECIPE)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(
    trained: TrainedNetwork, written: Path, value: float
) -> None:
    tensors = tensors_of(trained.network)
    tensors["weight1"] = tensors["weight1"].copy()
    tensors["weight1"][0, 0] = value
    replace_weights(written, save(tensors))
    with pytest.raises(BadInputError, match="not numbers"):
        read_network(written, RECIPE)


class _Trap:
    """Leaves a file behind if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_by_the_name_of_weights_is_refused_and_not_run(written: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    trap = pickle.dumps(_Trap(sprung))
    replace_weights(written, trap)
    with pytest.raises(BadInputError, match="these are not weights"):
        read_network(written, RECIPE)
    assert not sprung.exists()
    pickle.loads(trap)
    assert sprung.exists()


@pytest.mark.parametrize("data", [b"", b"\xff" * 64, b"\x08" + b"\0" * 7 + b"{}      "], ids=len)
def test_what_is_no_safetensors_file_is_refused(written: Path, data: bytes) -> None:
    replace_weights(written, data)
    with pytest.raises(BadInputError, match="weights"):
        read_network(written, RECIPE)


@pytest.mark.parametrize("fault", ["missing", "more", "shape", "kind"])
def test_the_weights_of_another_network_are_refused(
    trained: TrainedNetwork, written: Path, fault: str
) -> None:
    tensors = tensors_of(trained.network)
    if fault == "missing":
        del tensors["bias1"]
    elif fault == "more":
        tensors["weight9"] = np.zeros(3, np.float32)
    elif fault == "shape":
        tensors["bias0"] = np.zeros(3, np.float32)
    else:
        tensors["bias0"] = tensors["bias0"].astype(np.float64)
    replace_weights(written, save(tensors))
    with pytest.raises(BadInputError, match="of another network"):
        read_network(written, RECIPE)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Description": "something else"}', "[" * 100_000])
def test_a_description_of_something_else_is_refused(written: Path, text: str) -> None:
    written.with_suffix(".json").write_text(text)
    with pytest.raises(BadInputError):
        read_network(written, RECIPE)


def test_half_of_the_files_is_nothing(written: Path) -> None:
    written.unlink()
    with pytest.raises(BadInputError, match="cannot be read"):
        read_network(written, RECIPE)


def test_nothing_is_left_where_files_cannot_be_written(trained: TrainedNetwork, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    path.with_suffix(".json").mkdir()
    with pytest.raises(CannotWriteError):
        write_network(trained, RECIPE, path)
    assert [file.name for file in tmp_path.iterdir()] == ["one.json"]
