"""What only a graphics card can show; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from napari_dwi.methods.device import available_devices
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import Result, run_method
from napari_dwi.physics.phantoms.head_scan import simulate_brain

pytestmark = pytest.mark.skipif("cuda" not in available_devices(), reason="needs an NVIDIA GPU")

# Small enough for seconds on a CPU.
_SHAPE = (40, 44, 6)
_SPACING_MM = (5.0, 5.0, 12.0)
_QUICK = {"width": "64", "epochs": "4", "batch_size": "256", "targets": "800"}


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs(simulate_brain(snr=5.0, shape=_SHAPE, spacing_mm=_SPACING_MM).series)


@pytest.fixture
def little_memory() -> Iterator[None]:
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(120e6 / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def run(inputs: Inputs, device: str, settings: dict[str, str]) -> Result:
    method = find_method("bl-inr")
    return run_method(method, method.settings().with_settings(settings), inputs, device=device)


def test_the_gpu_agrees_with_the_cpu(inputs: Inputs) -> None:
    on_gpu = run(inputs, "cuda", _QUICK).output.image("denoised").signal
    on_cpu = run(inputs, "cpu", _QUICK).output.image("denoised").signal
    # Rounding differs, and training lets it grow; the images must still be the same to the eye.
    assert np.abs(on_gpu - on_cpu).mean() < 0.02 * on_cpu.mean()


def test_numbers_of_16_bits_give_nearly_the_same_image(inputs: Inputs) -> None:
    full, mixed = (
        run(inputs, "cuda", _QUICK | {"mixed_precision": how}).output.image("denoised").signal
        for how in ("no", "yes")
    )
    assert np.abs(mixed - full).mean() < 0.02 * full.mean()


def test_the_record_names_the_device_that_was_used(inputs: Inputs) -> None:
    assert run(inputs, "auto", _QUICK).record.device == "cuda"


@pytest.mark.usefixtures("little_memory")
def test_too_little_memory_ends_in_smaller_chunks_and_the_same_image(inputs: Inputs) -> None:
    greedy = _QUICK | {"width": "1024", "batch_size": "1000000", "epochs": "2"}
    scarce = run(inputs, "cuda", greedy)
    assert scarce.record.chunk_scale < 1 or scarce.record.device == "cpu"
    plenty = run(inputs, "cpu", greedy).output.image("denoised").signal
    assert np.abs(scarce.output.image("denoised").signal - plenty).mean() < 0.02 * plenty.mean()
