from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.weight_files import pack_weights, read_weight_bytes, unpack_weights

LARGEST = 1_000_000


def test_weights_of_any_number_and_names_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    starts = set()
    for n in range(1, 120):
        # Every name makes the header longer, whose length is what the file begins with.
        weights = {f"layer{k:03d}": np.full(1 + k % 3, k, np.float32) for k in range(n)}
        data = pack_weights(weights)
        starts.add(data[:2])
        path.write_bytes(data)
        shapes = {name: one.shape for name, one in weights.items()}
        found = unpack_weights(read_weight_bytes(path, LARGEST), shapes, path)
        assert all(np.array_equal(found[name], one) for name, one in weights.items())
    # Some of these lengths are written as pickles begin.
    assert starts & {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_of_any_kind_is_called_one(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "weights.safetensors"
    for what in ({}, {"weights": [1.0, 2.0]}, [{}] * 300, "{" * 40):
        path.write_bytes(pickle.dumps(what, protocol=protocol))
        with pytest.raises(BadInputError, match="but a pickle"):
            read_weight_bytes(path, LARGEST)
