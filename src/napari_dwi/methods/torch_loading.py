"""Loading PyTorch so that a stop is heard meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_LOOK_EVERY_S = 0.05
# The largest part of what the first optimiser of a process loads.
_LAST_PART = "torch._dynamo"


def load_torch(check: Callable[[], None]) -> None:
    """Load PyTorch and its optimisers, which takes seconds the first time.

    Parameters
    ----------
    check : callable
        Asked again and again meanwhile; it raises `Stopped` if the user asked to stop. Loading then
        goes on in the background, and the next job finds it done.

    Raises
    ------
    Stopped
        From ``check``.
    ImportError
        If PyTorch cannot be loaded.
    """
    if _LAST_PART in sys.modules:
        return
    loader = ThreadPoolExecutor(1, "loading-torch")
    loading = loader.submit(_load)
    loader.shutdown(wait=False)
    while not loading.done():
        check()
        try:
            loading.result(_LOOK_EVERY_S)
        except TimeoutError:
            continue
    loading.result()


def _load() -> None:
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
