"""LPIPS: how different two images look to a network that was trained on photographs.

Needs torchmetrics and torchvision, which are no part of the installation (see `why_not`), and the
weights of SqueezeNet: a file the user has, or the library's own download at the first use.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIBRARIES = ("torchmetrics", "torchvision")
# As torchvision names it; there is no other that it would take.
WEIGHTS_NAME = "squeezenet1_1-b8a52dc0.pth"
# The network halves images four times.
_SMALLEST_SLICE = 32


def why_not() -> str | None:
    """Why LPIPS cannot be computed here, or ``None`` if it can."""
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return f"not computed: {' and '.join(missing)} not installed"


def lpips(
    image: NDArray[np.floating],
    truth: NDArray[np.floating],
    data_range: float,
    slice_axis: int = 2,
    weights: Path | None = None,
) -> float:
    """Learned perceptual image patch similarity (Zhang et al. 2018), the mean over slices.

    The network sees colour pictures from -1 to 1, so that every slice is scaled by the data range and
    repeated three times. What it says of MR images is a custom, not a calibration.

    Parameters
    ----------
    image, truth : ndarray, shape (x, y, z)
        In the same unit; voxels without a value are 0. Slices of at least 32 voxels along each axis.
    data_range : float
        Signal shown as white, by custom the maximum of the truth.
    slice_axis : int
        Axis along which slices are stacked.
    weights : Path, optional
        The file ``squeezenet1_1-b8a52dc0.pth`` of torchvision; by default the library's own
        download, or what it has downloaded before.

    Returns
    -------
    float
        0 for images that look the same; lower is better.

    Raises
    ------
    BadInputError
        If the libraries are missing, slices are too small, or there are no weights.
    """
    if (reason := why_not()) is not None:
        raise BadInputError(
            f"LPIPS is {reason}",
            remedy='Run pip install "napari-dwi[lpips]"; torchvision must be the one of your torch.',
        )
    pictures = [_pictures(one, data_range, slice_axis) for one in (image, truth)]
    if min(pictures[0].shape[1:]) < _SMALLEST_SLICE:
        raise BadInputError(
            "slices are too small for LPIPS",
            expected=f"{_SMALLEST_SLICE} x {_SMALLEST_SLICE} voxels",
            found=f"{pictures[0].shape[1]} x {pictures[0].shape[2]}",
        )
    import torch

    with _weights_from(weights):
        metric = _metric()
    found = []
    with torch.no_grad():
        for one, other in zip(*pictures, strict=True):
            pair = (torch.from_numpy(picture).expand(1, 3, -1, -1) for picture in (one, other))
            found.append(float(metric(*pair)))
    return float(np.mean(found))


def _pictures(image: NDArray[np.floating], data_range: float, slice_axis: int) -> NDArray[np.float32]:
    slices = np.moveaxis(np.nan_to_num(image, posinf=0, neginf=0), slice_axis, 0)
    return np.ascontiguousarray(np.clip(2 * slices / data_range - 1, -1, 1), dtype=np.float32)


def _metric() -> Any:
    # By name, since it is no part of the installation and nothing is known of its types.
    try:
        importlib.import_module("torchvision")
        library = importlib.import_module("torchmetrics.image.lpip")
    except (ImportError, RuntimeError) as err:
        raise BadInputError(
            f"LPIPS is not computed: torchvision or torchmetrics does not work with this torch ({err})",
            remedy="Install the version of torchvision that belongs to your torch.",
        ) from err
    try:
        return library.LearnedPerceptualImagePatchSimilarity(net_type="squeeze").eval()
    except OSError as err:
        raise BadInputError(
            "LPIPS has no weights: they could not be downloaded",
            remedy=f"Bring the file {WEIGHTS_NAME} of torchvision and name it.",
        ) from err


@contextmanager
def _weights_from(path: Path | None) -> Iterator[None]:
    """Let the library find a file of weights where it would look for its own download."""
    if path is None:
        yield
        return
    if not path.is_file():
        raise BadInputError("there is no such file of weights", file=path)
    import torch

    before = torch.hub.get_dir()
    with TemporaryDirectory() as folder:
        cache = Path(folder) / "checkpoints"
        cache.mkdir()
        (cache / WEIGHTS_NAME).write_bytes(path.read_bytes())
        torch.hub.set_dir(folder)
        try:
            yield
        finally:
            torch.hub.set_dir(before)
