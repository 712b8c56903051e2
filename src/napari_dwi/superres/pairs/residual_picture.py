"""A picture of what two images of a pair leave of the sharp one, on one scale."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.superres.training.previews import upright

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_dwi.superres.pairs.scoring import PairImages

_GAP = 4
# Of the larger of both residuals; beyond it colours say no more.
_SHOWN_PERCENTILE = 99.5
_POSITIVE, _NEGATIVE = np.array([255.0, 150.0, 40.0]), np.array([60.0, 140.0, 255.0])


def residual_picture(images: PairImages, slices: Sequence[int]) -> bytes:
    """Draw the residuals of some slices.

    Parameters
    ----------
    images : PairImages
        The images of a pair.
    slices : sequence of int
        Which, counted from 0; one row for each.

    Returns
    -------
    bytes
        A PNG file. Left high minus low resolution (zero-filled), right high minus what was made of it;
        black is no difference, orange brighter in the high-resolution image, blue darker. All have one
        scale.
    """
    from PIL import Image

    rows = [
        [upright(images.high[..., z] - other[..., z]) for other in (images.zero_filled, images.made)]
        for z in slices
    ]
    limit = float(np.nanpercentile(np.abs(rows), _SHOWN_PERCENTILE)) or 1.0
    drawn = [np.concatenate([_framed(_coloured(one / limit)) for one in row], axis=1) for row in rows]
    coded = io.BytesIO()
    Image.fromarray(np.concatenate(drawn)).save(coded, format="PNG")
    return coded.getvalue()


def _coloured(share: NDArray[np.floating]) -> NDArray[np.uint8]:
    strength = np.clip(np.nan_to_num(np.abs(share)), 0, 1)[..., None]
    colour = np.where(share[..., None] > 0, _POSITIVE, _NEGATIVE)
    return np.asarray(strength * colour + 0.5, np.uint8)


def _framed(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.pad(picture, [(0, _GAP), (0, _GAP), (0, 0)], constant_values=255)
