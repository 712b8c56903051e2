from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.weight_files import pack_weights, read_weight_bytes, unpack_weights

LARGEST = 1_000_000


def test_weights_with_names_of_any_length_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weight = np.arange(3, dtype=np.float32)
    starts = set()
    # The file begins with the length of its header, which holds the name.
    for length in range(400, 1500, 8):
        name = length * "w"
        data = pack_weights({name: weight})
        starts.add(data[:2])
        path.write_bytes(data)
        found = unpack_weights(read_weight_bytes(path, LARGEST), {name: weight.shape}, path)
        np.testing.assert_array_equal(found[name], weight)
    # Some of these lengths are written as pickles begin.
    assert starts >= {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_of_any_kind_is_called_one(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "weights.safetensors"
    for what in ({}, {"weights": [1.0, 2.0]}, [{}] * 300, "{" * 40):
        path.write_bytes(pickle.dumps(what, protocol=protocol))
        with pytest.raises(BadInputError, match="but a pickle"):
            read_weight_bytes(path, LARGEST)
