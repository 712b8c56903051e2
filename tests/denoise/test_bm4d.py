from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.denoise.bm4d import LICENCE, METHOD
from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import DwiSeries

from ..synthetic import make_series

installed = importlib.util.find_spec("bm4d") is not None
with_the_extra = pytest.mark.skipif(not installed, reason="needs the extra bm4d")


def run(series: DwiSeries, progress: Progress | None = None) -> Result:
    return run_method(METHOD, METHOD.settings(), Inputs(series), progress=progress)


def denoised(result: Result) -> np.ndarray:
    image = result.output.image("denoised")
    assert isinstance(image, DwiSeries)
    return image.signal


@pytest.mark.skipif(installed, reason="the extra bm4d is installed")
def test_without_the_extra_it_is_named() -> None:
    with pytest.raises(
        BadInputError, match=r"BM4D is not installed; expected the extra napari-dwi\[bm4d\]"
    ) as (caught):
        run(make_series().series)
    assert "pip install" in str(caught.value)
    assert "non-commercial" in str(caught.value)


def test_its_licence_is_said_before_it_is_used() -> None:
    assert "non-commercial" in METHOD.title
    assert "non-commercial" in METHOD.summary


@with_the_extra
def test_noise_becomes_less_in_any_unit_and_gaps_stay_gaps() -> None:
    scan = make_series(b_values=(0, 800), sigma=100)
    signal = scan.series.signal.copy()
    signal[10, 9, 2, 1] = np.nan
    series = replace(scan.series, signal=signal)
    result = run(series)
    after = denoised(result)
    assert result.record.warnings == (LICENCE,)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(signal))
    known = scan.tissue[..., None] & np.isfinite(signal)
    truth = scan.truth.signal
    assert np.square(after - truth)[known].mean() < 0.6 * np.square(signal - truth)[known].mean()
    scaled = denoised(run(replace(series, signal=signal * np.float32(1e-4))))
    np.testing.assert_allclose(scaled, after * 1e-4, rtol=1e-3, atol=1e-3 * np.nanmax(after) * 1e-4)


@with_the_extra
@pytest.mark.parametrize("shape", [(2, 2, 1), (20, 18, 1), (1, 18, 20)], ids=str)
def test_small_volumes_work(shape: tuple[int, int, int]) -> None:
    assert np.isfinite(denoised(run(make_series(shape, (0, 800)).series))).all()


@with_the_extra
def test_a_stop_ends_it() -> None:
    looks = iter([False] * 8)
    with pytest.raises(Stopped):
        run(make_series().series, Progress(stop_asked=lambda: next(looks, True)))
