"""Pairs as zarr v3 arrays on disk. Only `napari_dwi.superres.pairs.store` knows this module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

if TYPE_CHECKING:
    from numpy.typing import NDArray

Side = Literal["low", "high"]

_MARK = "napari-dwi"
# Noise hardly compresses, but damage is noticed.
_CODEC = ZstdCodec(level=1, checksum=True)
_LARGEST_FILE_BYTES = 64_000_000


def make_group(folder: Path, said: Mapping[str, Any]) -> None:
    """A new group that says so of itself."""
    zarr.create_group(folder, zarr_format=3, attributes={_MARK: dict(said)})


def said_of(folder: Path) -> Any:
    """What a group says of itself; ``None`` if it is not ours."""
    return zarr.open_group(folder, mode="r", zarr_format=3).attrs.get(_MARK)


def say_of(folder: Path, said: Mapping[str, Any]) -> None:
    """Have a group say something else; one file takes the place of another."""
    zarr.open_group(folder, mode="r+", zarr_format=3).attrs[_MARK] = dict(said)


def write_images(
    folder: Path, images: Mapping[Side, NDArray[np.float32]], report: Callable[[float], None]
) -> None:
    """Both images of a pair, shape (n_slices, h, w) each: a slice is a chunk, a file holds many of them."""
    done, total = 0, sum(image.shape[0] for image in images.values())
    for side, image in images.items():
        n_slices, *plane = image.shape
        per_file = min(n_slices, max(1, _LARGEST_FILE_BYTES // (4 * plane[0] * plane[1])))
        array = zarr.create_array(
            folder,
            name=side,
            shape=image.shape,
            dtype="float32",
            chunks=(1, *plane),
            shards=(per_file, *plane),
            compressors=_CODEC,
            fill_value=float("nan"),
            dimension_names=("slice", "row", "column"),
            # Else slices without values would not be told from lost ones.
            config={"write_empty_chunks": True},
        )
        for first in range(0, n_slices, per_file):
            report(done / total)
            part = image[first : first + per_file]
            array[first : first + per_file] = part
            done += len(part)


class StoredImage:
    """One image of a pair, opened once, of which slices are read when they are needed.

    Parameters
    ----------
    folder : Path
        The pair.
    side : str
        ``"low"`` or ``"high"``.
    """

    def __init__(self, folder: Path, side: Side) -> None:
        self._array = zarr.open_array(folder / side, mode="r", zarr_format=3)
        self._files = folder / side / "c"

    def slice(self, z: int) -> NDArray[np.float32]:
        """Slice ``z``.

        Raises
        ------
        FileNotFoundError
            If its file is gone, for which zarr would give slices without values.
        """
        n_slices, per_file = self._array.shape[0], (self._array.shards or self._array.chunks)[0]
        if not 0 <= z < n_slices:
            raise IndexError(f"there are slices 0 to {n_slices - 1}")
        file = self._files / str(z // per_file) / "0" / "0"
        if not file.is_file():
            raise FileNotFoundError(f"{file.relative_to(self._files.parent)} is missing")
        return np.asarray(self._array[z], dtype=np.float32)
