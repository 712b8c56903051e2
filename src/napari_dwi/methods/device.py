"""Where a method computes, and what happens when memory runs out."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import TypeVar

from napari_dwi.errors import BadInputError, MethodFailedError

_Result = TypeVar("_Result")

DEVICES = ("auto", "cuda", "mps", "cpu")

# Eight halvings leave chunks of 1/256: if that does not fit, less will not either.
_HALVINGS = 8


def available_devices() -> tuple[str, ...]:
    """The devices of this computer, the fastest first; the CPU is always the last."""
    import torch

    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def chosen_device(wish: str) -> str:
    """The device to use for a wish: ``"auto"`` takes the fastest there is.

    Raises
    ------
    BadInputError
        If the device does not exist on this computer.
    """
    if wish == "cpu":
        return wish
    devices = available_devices()
    if wish == "auto":
        return devices[0]
    if wish not in devices:
        raise BadInputError(
            f"this computer has no device {wish}", expected="one of auto, " + ", ".join(devices)
        )
    return wish


def device_name(device: str) -> str:
    """The device as users know it, with the name of the graphics card."""
    if device != "cuda":
        return {"cpu": "CPU", "mps": "Apple GPU"}[device]
    import torch

    return torch.cuda.get_device_name()


def has_bfloat16(device: str) -> bool:
    """Whether the processor multiplies 16-bit numbers faster than 32-bit ones (bfloat16)."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Without such units a CPU was measured to be four times slower than with 32 bits.
    able = torch.cpu.get_capabilities() if device == "cpu" else {}
    return any(has for unit, has in able.items() if unit.endswith("bf16"))


def with_enough_memory(compute: Callable[[str, float], _Result], device: str) -> tuple[_Result, str, float]:
    """Compute on a device; when memory runs out, in smaller chunks and at last on the CPU.

    Parameters
    ----------
    compute : callable
        ``compute(device, chunk_scale)``; called again from the start after running out.
    device : str
        Where to begin.

    Returns
    -------
    result, str, float
        The result, and the device and chunk scale that gave it.

    Raises
    ------
    MethodFailedError
        If even the smallest chunks on the CPU do not fit.
    """
    ladder = [(device, 0.5**n) for n in range(_HALVINGS + 1)]
    if device != "cpu":
        ladder += [("cpu", 0.5**n) for n in range(_HALVINGS + 1)]
    for rung_device, chunk_scale in ladder:
        try:
            return compute(rung_device, chunk_scale), rung_device, chunk_scale
        except (RuntimeError, MemoryError) as err:
            if not _is_out_of_memory(err):
                raise
        # Only outside the except block has the traceback let go of what filled the memory.
        _free(rung_device)
    raise MethodFailedError(
        "not enough memory for this method", remedy="Crop the series or use fewer inputs."
    )


@contextlib.contextmanager
def torch_threads(threads: int | None) -> Iterator[int]:
    """Use that many CPU threads within the block; ``None`` leaves one core to everything else.

    Threads wait for each other at every step of a network. Where another program, or napari's own
    window, keeps one of their cores busy, all of them crawl: one thread fewer was measured to be ten
    times faster then, and little slower on a quiet computer.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before - 1) if threads is None else threads)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def _free(device: str) -> None:
    gc.collect()
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()
    elif device == "mps":
        import torch

        torch.mps.empty_cache()
