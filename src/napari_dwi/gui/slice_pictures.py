"""Slices as small grey pictures, made on any thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage

_BLACK_GAP = 2


def grey_picture(image: NDArray[np.floating], brightest: float, size: QSize) -> QImage:
    """A slice in grey levels, as large as fits.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        The slice; NaN is black.
    brightest : float
        What is white; 0 is black.
    size : QSize
        Room there is, in pixels.
    """
    scaled = np.nan_to_num(np.asarray(image, dtype=np.float32) / np.float32(brightest or 1.0))
    levels = np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
    rows, columns = levels.shape
    whole = QImage(levels.tobytes(), columns, rows, columns, QImage.Format.Format_Grayscale8)
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    # A copy, as a picture of the same size would otherwise go on looking at bytes that are gone.
    return whole.scaled(size, keep, smooth).copy()


def side_by_side(
    low: NDArray[np.floating], high: NDArray[np.floating], brightest: float, size: QSize
) -> QImage:
    """Two slices of the same shape beside each other in grey levels, as large as fits; as `grey_picture`."""
    gap = np.zeros((low.shape[0], max(_BLACK_GAP, low.shape[1] // 40)), np.float32)
    return grey_picture(np.concatenate([low, gap, high], axis=1), brightest, size)
