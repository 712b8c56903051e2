"""Pictures of what a network makes of a few slices while it learns, in the folder of its run."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.scan.file_set import file_set

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from numpy.typing import NDArray

PREVIEWS = "previews"

_NAME = re.compile(r"epoch-(\d+)\.png")
_WIDEST = 300
_GAP = 2


@dataclass(frozen=True)
class Preview:
    """A picture: a row for each slice, with the zero-filled one, the network's and the sharp one.

    Parameters
    ----------
    epoch : int
        After which it was drawn.
    path : Path
        The PNG file, 8 bits of grey; white is the brightest tissue.
    """

    epoch: int
    path: Path


def read_previews(folder: Path) -> tuple[Preview, ...]:
    """The pictures of a run so far, by their epochs."""
    found = ((_NAME.fullmatch(path.name), path) for path in (folder / PREVIEWS).glob("*.png"))
    previews = (Preview(int(name[1]), path) for name, path in found if name is not None)
    return tuple(sorted(previews, key=lambda preview: preview.epoch))


def write_preview(folder: Path, epoch: int, rows: Sequence[Sequence[NDArray[np.float32]]]) -> None:
    """Draw one picture.

    Parameters
    ----------
    folder : Path
        The run folder.
    epoch : int
        After which it is drawn.
    rows : sequence of sequence of ndarray
        Slices beside each other, in units of the brightest tissue; those of a row have one shape.

    Raises
    ------
    CannotWriteError
        If the disk refuses it.
    """
    from PIL import Image

    coded = io.BytesIO()
    Image.fromarray(_picture(rows)).save(coded, format="PNG")

    def write(file: BinaryIO) -> None:
        file.write(coded.getvalue())

    with file_set(folder / PREVIEWS) as files:
        files.add(folder / PREVIEWS / f"epoch-{epoch:04d}.png", write)


def upright(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slices as they are looked at: their second voxel axis, to anterior or superior mostly, runs upwards."""
    return image.swapaxes(-1, -2)[..., ::-1, :]


def _picture(rows: Sequence[Sequence[NDArray[np.float32]]]) -> NDArray[np.uint8]:
    shown = [[_small(image) for image in row] for row in rows]
    height = max(image.shape[0] for row in shown for image in row)
    width = max(image.shape[1] for row in shown for image in row)
    padded = [
        np.hstack(
            [
                np.pad(image, [(0, height + _GAP - image.shape[0]), (0, width + _GAP - image.shape[1])])
                for image in row
            ]
        )
        for row in shown
    ]
    return np.asarray(255 * np.clip(np.vstack(padded), 0, 1) + 0.5, np.uint8)


def _small(image: NDArray[np.float32]) -> NDArray[np.float32]:
    step = -(-max(image.shape) // _WIDEST)
    return upright(image)[::step, ::step]
