"""Loading large libraries so that a stop is heard meanwhile."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_LOOK_EVERY_S = 0.05
# The largest part of what the first optimiser of a process loads.
_LAST_PART_OF_TORCH = "torch._dynamo"


def load_torch(check: Callable[[], None]) -> None:
    """Load PyTorch and its optimisers, which takes seconds the first time.

    Parameters
    ----------
    check : callable
        As for `load_library`.

    Raises
    ------
    Stopped
        From ``check``.
    ImportError
        If PyTorch cannot be loaded.
    """
    if _LAST_PART_OF_TORCH not in sys.modules:
        _load_aside(_make_optimiser, check)


def load_library(module: str, name: str, check: Callable[[], None]) -> None:
    """Load a part of a library that takes long the first time.

    Parameters
    ----------
    module, name : str
        Where it is and what it is called; many libraries load no part before it is asked for.
    check : callable
        Asked again and again meanwhile; it raises `Stopped` if the user asked to stop. Loading then
        goes on in the background, and the next job finds it done.

    Raises
    ------
    Stopped
        From ``check``.
    ImportError
        If it cannot be loaded.
    """
    _load_aside(lambda: getattr(importlib.import_module(module), name), check)


def _load_aside(load: Callable[[], object], check: Callable[[], None]) -> None:
    loader = ThreadPoolExecutor(1, "loading-library")
    loading = loader.submit(load)
    loader.shutdown(wait=False)
    while not loading.done():
        check()
        try:
            loading.result(_LOOK_EVERY_S)
        except TimeoutError:
            continue
    loading.result()


def _make_optimiser() -> None:
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
