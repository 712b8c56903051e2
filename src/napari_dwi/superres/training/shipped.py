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

    return read_checkpoint(shipped_path(factor), factor=factor)


def shipped_path_checkpoint(factor: int) -> Checkpoint:
    """The network for a factor of resolution that walks an anchored path, as `shipped_checkpoint`."""
    from napari_dwi.superres.training.checkpoint import read_checkpoint

    return read_checkpoint(_file("shapes-path", factor), factor=factor)


def shipped_path(factor: int) -> Path:
    """The file of the network for a factor of resolution.

    Raises
    ------
    BadInputError
        If there is none.
    """
    return _file("shapes", factor)


def _file(name: str, factor: int) -> Path:
    path = _FOLDER / f"{name}-x{factor}.safetensors"
    if not path.exists():
        there = sorted(int(file.stem.rpartition("x")[2]) for file in _FOLDER.glob(f"{name}-x*.safetensors"))
        raise BadInputError(
            "no network for this factor of resolution comes with napari-dwi",
            expected="factor " + " or ".join(map(str, there)),
            found=f"factor {factor}",
            remedy="Choose the method zero-fill-nlm, or name a checkpoint of your own.",
        )
    return path
