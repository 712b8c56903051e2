"""What only a graphics card can show; skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.methods.device import available_devices
from napari_dwi.methods.method import Method, Output
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import Volume

from .curves import Curves, make_curves
from .settings import fast_settings

pytestmark = pytest.mark.skipif("cuda" not in available_devices(), reason="needs an NVIDIA GPU")

on_card = pytest.mark.parametrize(
    "method", [method for method in methods_of("fit") if method.uses_torch], ids=lambda method: method.name
)


@pytest.fixture(scope="module")
def curves() -> Curves:
    return make_curves("ivim", snr=40, shape=(24, 24, 2))


def run(method: Method, curves: Curves, device: str) -> Result:
    settings = fast_settings(method, model="ivim", sd_maps="no")
    return run_method(method, settings, curves.inputs, device=device)


def data_of(output: Output, name: str) -> np.ndarray:
    image = output.image(name)
    assert isinstance(image, Volume)
    return image.data


@on_card
def test_the_gpu_agrees_with_the_cpu(method: Method, curves: Curves) -> None:
    gpu, cpu = (run(method, curves, device).output for device in ("cuda", "cpu"))
    for name in ("f", "D"):
        found, expected = data_of(gpu, name), data_of(cpu, name)
        # Rounding differs, and training lets it grow; the maps must still be the same to the eye.
        assert np.nanmedian(np.abs(found - expected)) < 0.05 * np.nanmedian(expected)


@on_card
def test_the_record_names_the_device_that_was_used(method: Method, curves: Curves) -> None:
    assert run(method, curves, "auto").record.device == "cuda"


def test_fits_without_a_network_stay_on_the_cpu_and_say_so(curves: Curves) -> None:
    assert run(find_method("least-squares"), curves, "auto").record.device == "cpu"
