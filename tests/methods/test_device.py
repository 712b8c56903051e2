from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from napari_dwi.errors import BadInputError, MethodFailedError, Stopped
from napari_dwi.methods.device import (
    available_devices,
    chosen_device,
    device_name,
    has_bfloat16,
    torch_threads,
    with_enough_memory,
)

_NOBODY_HAS_BYTES = 1 << 60


def fill_numpy() -> None:
    np.empty(_NOBODY_HAS_BYTES, np.uint8)


def fill_torch() -> None:
    torch.empty(_NOBODY_HAS_BYTES, dtype=torch.uint8)


class Work:
    """Work that fills the memory until the chunks are small enough on the right device."""

    def __init__(self, fill: Callable[[], None], device: str, chunk_scale: float) -> None:
        self.calls: list[tuple[str, float]] = []
        self._fill = fill
        self._device = device
        self._chunk_scale = chunk_scale

    def __call__(self, device: str, chunk_scale: float) -> str:
        self.calls.append((device, chunk_scale))
        if device != self._device or chunk_scale > self._chunk_scale:
            self._fill()
        return "done"


@pytest.mark.parametrize("fill", [fill_numpy, fill_torch])
def test_chunks_are_halved_until_they_fit(fill: Callable[[], None]) -> None:
    work = Work(fill, "cpu", 0.25)
    assert with_enough_memory(work, "cpu") == ("done", "cpu", 0.25)
    assert work.calls == [("cpu", 1.0), ("cpu", 0.5), ("cpu", 0.25)]


@pytest.mark.parametrize("fill", [fill_numpy, fill_torch])
def test_after_the_smallest_chunks_the_cpu_begins_with_whole_ones(fill: Callable[[], None]) -> None:
    work = Work(fill, "cpu", 0.5)
    assert with_enough_memory(work, "cuda") == ("done", "cpu", 0.5)
    on_gpu = [chunk_scale for device, chunk_scale in work.calls if device == "cuda"]
    assert on_gpu == [0.5**n for n in range(len(on_gpu))]
    assert on_gpu[-1] < 0.01
    assert work.calls[len(on_gpu) :] == [("cpu", 1.0), ("cpu", 0.5)]


def test_nothing_is_retried_where_memory_suffices() -> None:
    work = Work(fill_numpy, "cuda", 1.0)
    assert with_enough_memory(work, "cuda") == ("done", "cuda", 1.0)
    assert work.calls == [("cuda", 1.0)]


def test_the_words_of_a_graphics_card_that_ran_out_are_understood() -> None:
    def fill() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    assert with_enough_memory(Work(fill, "cuda", 0.5), "cuda") == ("done", "cuda", 0.5)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_fits_nowhere_fails_with_a_remedy(device: str) -> None:
    with pytest.raises(MethodFailedError, match="not enough memory") as caught:
        with_enough_memory(Work(fill_torch, "none", 0.0), device)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "error",
    [RuntimeError("shapes cannot be multiplied"), BadInputError("no"), MethodFailedError("no"), Stopped()],
    ids=lambda error: type(error).__name__,
)
def test_other_errors_pass_at_once(error: Exception) -> None:
    def fail() -> None:
        raise error

    work = Work(fail, "none", 0.0)
    with pytest.raises(type(error)) as caught:
        with_enough_memory(work, "cpu")
    assert caught.value is error
    assert len(work.calls) == 1


def test_auto_takes_the_first_device_and_the_cpu_is_always_there() -> None:
    assert chosen_device("auto") == available_devices()[0]
    assert available_devices()[-1] == "cpu"
    assert chosen_device("cpu") == "cpu"


@pytest.mark.parametrize("device", ["cuda", "mps", "tpu"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    if device in available_devices():
        assert chosen_device(device) == device
        return
    with pytest.raises(BadInputError, match=f"no device {device}; expected one of auto, .*cpu"):
        chosen_device(device)


def test_every_device_has_a_name() -> None:
    assert device_name("cpu") == "CPU"
    assert all(device_name(device) for device in available_devices())


def test_a_processor_without_units_for_16_bits_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for units, has in (({"avx2": True, "avx512_bf16": False}, False), ({"amx_bf16": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda units=units: units)
        assert has_bfloat16("cpu") == has
    assert not has_bfloat16("mps")


def test_the_number_of_threads_holds_within_the_block_only() -> None:
    before = torch.get_num_threads()
    with torch_threads(1) as threads:
        assert threads == torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    with torch_threads(None) as threads:
        assert threads == max(1, before - 1)
    with pytest.raises(Stopped), torch_threads(1):
        raise Stopped
    assert torch.get_num_threads() == before
