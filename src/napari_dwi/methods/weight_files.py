"""Weights of networks as files: safetensors, which holds numbers and nothing else.

Reading them runs no code, whatever the file holds. Pickles, which can hold any program, are never
opened, whatever they are called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How files begin that torch.save has written: zip archives, and pickles of protocol 2 and later.
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def pack_weights(weights: Mapping[str, NDArray[np.float32]]) -> bytes:
    """The bytes of a safetensors file; the same weights give the same bytes."""
    from safetensors.numpy import save

    # NumPy gives single numbers an axis when it makes them contiguous.
    return save(
        {
            name: np.ascontiguousarray(one, dtype=np.float32).reshape(np.shape(one))
            for name, one in weights.items()
        }
    )


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read_weight_bytes(path: Path, largest_bytes: int) -> bytes:
    """The bytes of a file of weights.

    Raises
    ------
    BadInputError
        If it cannot be read, is larger than ``largest_bytes``, or is a pickle.
    """
    try:
        size = path.stat().st_size
        if size > largest_bytes:
            raise BadInputError(
                "too large for the weights of such a network",
                file=path,
                expected=f"at most {largest_bytes} bytes",
                found=f"{size} bytes",
            )
        data = path.read_bytes()
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err
    if data.startswith(_PICKLE_STARTS) and not _has_header(data):
        raise BadInputError(
            "these are not weights but a pickle, which could run any program; it was not opened",
            file=path,
            expected="safetensors",
            remedy="Ask whoever made it for a .safetensors file.",
        )
    return data


def _has_header(data: bytes) -> bool:
    """Whether data begin with the length of a JSON header and that header, as safetensors do.

    Some lengths, such as 0x0480, are written as a pickle begins.
    """
    return data[8:9] == b"{" and 8 + int.from_bytes(data[:8], "little") <= len(data)


def check_digest(data: bytes, expected: object, file: Path) -> str:
    """The SHA-256 of some weights.

    Raises
    ------
    BadInputError
        If it is not the one expected.
    """
    digest = digest_of(data)
    if digest != expected:
        raise BadInputError(
            "the weights are not those that were trained",
            file=file,
            expected=f"SHA-256 {str(expected)[:12]}...",
            found=f"{digest[:12]}...",
        )
    return digest


def unpack_weights(
    data: bytes, shapes: Mapping[str, tuple[int, ...]], file: Path
) -> dict[str, NDArray[np.float32]]:
    """Weights from the bytes of a safetensors file.

    Parameters
    ----------
    data : bytes
        The file.
    shapes : mapping of str to tuple of int
        Name and shape of every array the network needs.
    file : Path
        For the message.

    Raises
    ------
    BadInputError
        If these are no weights, or those of another network, or not all of them are finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        weights = load(data)
    except (SafetensorError, ValueError, KeyError) as err:
        raise BadInputError("these are not weights", file=file, expected="safetensors") from err
    found = {name: one.shape for name, one in weights.items()}
    if found != dict(shapes) or any(one.dtype != np.float32 for one in weights.values()):
        raise BadInputError("these are the weights of another network", file=file)
    if not all(np.isfinite(one).all() for one in weights.values()):
        raise BadInputError("some weights are not numbers", file=file)
    return weights
