from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import Stopped
from napari_dwi.methods.progress import Progress
from napari_dwi.superres import _non_local_means
from napari_dwi.superres._non_local_means import means_of, non_local_means


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    """Two slices with an edge, and noise of 0.1."""
    clean = (np.arange(75) > 30)[:, None, None] * np.ones((1, 41, 2))
    return (clean + rng.normal(0, 0.1, clean.shape)).astype(np.float32)


@pytest.mark.parametrize(
    ("strip_seconds", "settings"),
    [(1e9, {}), (0.002, {}), (0.0, {}), (0.002, {"search_radius": 9})],
    ids=["slice by slice", "in strips", "in a process", "reaching further than a strip"],
)
def test_however_much_is_filtered_at_once_the_result_is_the_same(
    monkeypatch: pytest.MonkeyPatch, image: np.ndarray, strip_seconds: float, settings: dict[str, Any]
) -> None:
    monkeypatch.setattr(_non_local_means, "_SHORT_SECONDS", strip_seconds)
    made = non_local_means(image, 0.1, 2, Progress(), **settings)
    whole = means_of(image / np.float32(0.1), (2, 2 * settings.get("search_radius", 3), 0.9)) * 0.1
    np.testing.assert_allclose(made, whole, atol=1e-6)
    assert np.abs(made - image).max() > 0.1


def test_without_noise_an_image_stays_as_it_is(image: np.ndarray) -> None:
    np.testing.assert_array_equal(non_local_means(image, 0.0, 2, Progress()), image)


def test_it_stops_between_strips(monkeypatch: pytest.MonkeyPatch, image: np.ndarray) -> None:
    monkeypatch.setattr(_non_local_means, "_SHORT_SECONDS", 0.002)
    seen: list[float] = []
    progress = Progress(lambda fraction, _: seen.append(fraction), lambda: len(seen) == 2)
    with pytest.raises(Stopped):
        non_local_means(image, 0.1, 2, progress)
    assert 0 < seen[-1] < 0.5
