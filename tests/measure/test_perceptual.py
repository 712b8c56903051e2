from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.perceptual import WEIGHTS_NAME, lpips, why_not

RNG = np.random.default_rng(0)
TRUTH = RNG.uniform(0, 1000, (40, 36, 2)).astype(np.float32)
NOISY = (TRUTH + RNG.normal(0, 200, TRUTH.shape)).astype(np.float32)

without_libraries = pytest.mark.skipif(why_not() is None, reason="LPIPS can be computed here")
with_libraries = pytest.mark.skipif(why_not() is not None, reason="torchmetrics and torchvision are missing")


@without_libraries
def test_without_its_libraries_it_is_not_computed_and_says_so() -> None:
    assert "not computed" in (why_not() or "")
    with pytest.raises(BadInputError, match="not computed") as caught:
        lpips(NOISY, TRUTH, 1000.0)
    assert "pip install" in (caught.value.remedy or "")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learnt nothing sees differences too."""
    import torch
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / WEIGHTS_NAME
    torch.save(squeezenet1_1(weights=None).state_dict(), path)
    return path


@with_libraries
def test_images_that_look_the_same_differ_by_0_and_others_more(weights: Path) -> None:
    assert lpips(TRUTH, TRUTH, 1000.0, weights=weights) == pytest.approx(0, abs=1e-6)
    assert lpips(NOISY, TRUTH, 1000.0, weights=weights) > 0


@with_libraries
def test_small_slices_and_missing_weights_are_refused(weights: Path) -> None:
    with pytest.raises(BadInputError, match="too small"):
        lpips(NOISY[:20], TRUTH[:20], 1000.0, weights=weights)
    with pytest.raises(BadInputError, match="no such file"):
        lpips(NOISY, TRUTH, 1000.0, weights=weights.with_name("none.pth"))
