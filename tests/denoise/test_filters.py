"""What is special to single filters; what all methods must do stands in tests/methods/test_contract.py."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, median_filter

from napari_dwi.denoise._noisy_volume import NoisyVolume
from napari_dwi.denoise.total_variation import TotalVariationParameters
from napari_dwi.denoise.total_variation import _filter as total_variation
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.scan import DwiSeries

from ..synthetic import make_series


def denoised(name: str, inputs: Inputs, **settings: str) -> np.ndarray:
    method = find_method(name)
    parameters = method.settings().with_settings(settings)
    image = run_method(method, parameters, inputs, device="cpu", threads=1).output.image("denoised")
    assert isinstance(image, DwiSeries)
    return image.signal


@pytest.mark.parametrize("in_plane", ["yes", "no"])
def test_the_median_is_that_of_the_whole_window(in_plane: str) -> None:
    series = make_series().series
    window = (3, 3, 1 if in_plane == "yes" else 3)
    expected = median_filter(series.signal[..., 1], window, mode="nearest")
    np.testing.assert_array_equal(denoised("median", Inputs(series), in_plane=in_plane)[..., 1], expected)


@pytest.mark.parametrize("name", ["perona-malik", "total-variation", "non-local-means", "wavelet"])
def test_the_typed_noise_level_decides_how_much_is_smoothed(name: str) -> None:
    scan = make_series(sigma=60)
    little, much = (denoised(name, Inputs(scan.series), noise_sigma=sigma) for sigma in ("20", "120"))
    before = scan.series.signal
    assert np.square(little - before).mean() < 0.6 * np.square(much - before).mean()


@pytest.mark.parametrize("name", ["perona-malik", "total-variation"])
def test_strong_edges_stay(name: str) -> None:
    rng = np.random.default_rng(0)
    scan = make_series((24, 20, 4), (0, 800))
    step = np.where(np.arange(24) < 12, 200.0, 1000.0)[:, None, None, None]
    signal = (step + rng.normal(0, 20, scan.series.signal.shape)).astype(np.float32)
    series = DwiSeries(signal, scan.series.grid, scan.series.b_values)
    after = denoised(name, Inputs(series))
    for side, level in ((11, 200), (12, 1000)):
        assert after[side].mean() == pytest.approx(level, abs=25)
    assert after[:10].std() < 0.6 * signal[:10].std()


def test_total_variation_comes_close_to_its_minimum() -> None:
    """For a single step in one dimension the solution is known: both levels move by weight / length."""
    step = np.where(np.arange(16) < 8, 0.0, 10.0).astype(np.float32)[:, None, None]
    volume = NoisyVolume(step, (1.0, 1.0, 1.0))
    found = total_variation(volume, TotalVariationParameters(weight=2.0, iterations=2000), Context())
    np.testing.assert_allclose(found[:8], 2 / 8, atol=0.02)
    np.testing.assert_allclose(found[8:], 10 - 2 / 8, atol=0.02)


def test_slices_far_apart_hardly_mix() -> None:
    scan = make_series((24, 20, 6), (0, 800), spacing_mm=(2.0, 2.0, 2.0), sigma=100)
    thick = make_series((24, 20, 6), (0, 800), spacing_mm=(2.0, 2.0, 12.0), sigma=100)
    assert not np.array_equal(
        denoised("total-variation", Inputs(scan.series), noise_sigma="100"),
        denoised("total-variation", Inputs(thick.series), noise_sigma="100"),
    )
    changed = thick.series.signal.copy()
    changed[:, :, 0] += 500
    other = DwiSeries(changed, thick.series.grid, thick.series.b_values)
    for name in ("total-variation", "perona-malik"):
        difference = np.abs(
            denoised(name, Inputs(other), noise_sigma="100")
            - denoised(name, Inputs(thick.series), noise_sigma="100")
        )
        assert difference[:, :, 1].mean() < 0.05 * difference[:, :, 0].mean()


@pytest.mark.parametrize("name", ["patch2self", "patch-regression", "additive-regression"])
def test_anatomy_helps_where_other_volumes_are_few(name: str) -> None:
    scan = make_series((30, 28, 6), (0, 800), sigma=150)
    alone = denoised(name, Inputs(scan.series))
    helped = denoised(name, Inputs(scan.series, (scan.anatomy,)))
    truth = scan.truth.signal[scan.tissue]
    error_alone, error_helped = (np.square(image[scan.tissue] - truth).mean() for image in (alone, helped))
    assert error_helped < error_alone


def test_a_single_volume_cannot_be_predicted_from_others() -> None:
    scan = make_series((12, 10, 3), (800,))
    with pytest.raises(ValueError, match="nothing to predict this volume from") as caught:
        denoised("patch2self", Inputs(scan.series))
    assert "anatomical image" in str(caught.value)
    assert np.isfinite(denoised("patch2self", Inputs(scan.series, (scan.anatomy,)))).all()
    for name in ("patch-regression", "additive-regression"):
        assert np.isfinite(denoised(name, Inputs(scan.series), own_neighbours="all")).all()


def test_nlm_in_three_dimensions_runs_where_it_can_be_killed() -> None:
    scan = make_series((24, 22, 6), (0, 800))
    after = denoised("non-local-means", Inputs(scan.series), in_plane="no", search_radius="4")
    truth = scan.truth.signal
    assert (
        np.square(after - truth)[scan.tissue].mean()
        < np.square(scan.series.signal - truth)[scan.tissue].mean()
    )


def test_mp_pca_takes_no_voxels_together_whose_noise_is_alike() -> None:
    scan = make_series((40, 36, 6), (0, 400, 800), sigma=0)
    noise = gaussian_filter(np.random.default_rng(0).normal(size=scan.truth.signal.shape), (0.7, 0.7, 0, 0))
    signal = (scan.truth.signal + 300 + 60 * noise / noise.std()).astype(np.float32)
    inputs = Inputs(DwiSeries(signal, scan.series.grid, scan.series.b_values))
    np.testing.assert_array_equal(denoised("mp-pca", inputs), denoised("mp-pca", inputs, block="1"))
    assert not np.array_equal(denoised("mp-pca", inputs), denoised("mp-pca", inputs, block="3"))
