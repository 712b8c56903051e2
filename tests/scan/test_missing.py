from __future__ import annotations

import numpy as np

from napari_dwi.scan.missing import filled


def test_an_image_without_gaps_is_copied() -> None:
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    whole = filled(image, (1, 1, 1))
    np.testing.assert_array_equal(whole, image)
    assert not np.shares_memory(whole, image)


def test_a_gap_takes_the_value_that_is_nearest_in_mm() -> None:
    image = np.array([[1, np.nan, np.inf, 9]], dtype=np.float32)[None]
    np.testing.assert_array_equal(filled(image, (1, 1, 1)), [[[1, 1, 9, 9]]])
    square = np.array([[np.nan, 5], [7, 8]], dtype=np.float32)[..., None]
    assert filled(square, (1, 3, 1))[0, 0, 0] == 7
    assert filled(square, (3, 1, 1))[0, 0, 0] == 5


def test_where_nothing_is_known_there_is_nothing() -> None:
    np.testing.assert_array_equal(filled(np.full((2, 2, 2), np.nan, np.float32), (1, 1, 1)), 0)
