"""The networks that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from napari_dwi.superres.training.checkpoint import Checkpoint

_FOLDER = Path(__file__).parents[1] / "weights"


def shipped_checkpoint(factor: int) -> Checkpoint:
    """The network for a factor of resolution, checked against its SHA-256.

    Raises
    ------
    BadInputError
        If there is none for that factor, or its files are damaged.
    """
    from napari_dwi.superres.training.checkpoint import read_checkpoint

    path = _FOLDER / f"shapes-x{factor}.safetensors"
    if not path.exists():
        there = sorted(int(file.stem.rpartition("x")[2]) for file in _FOLDER.glob("shapes-x*.safetensors"))
        raise BadInputError(
            "no network for this factor of resolution comes with napari-dwi",
            expected="factor " + " or ".join(map(str, there)),
            found=f"factor {factor}",
            remedy="Choose the method zero-fill-nlm, or name a checkpoint of your own.",
        )
    return read_checkpoint(path, factor=factor)
