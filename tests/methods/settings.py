"""Settings with which every method is done within a second."""

from __future__ import annotations

from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import Parameters

_FAST = {
    "bl-inr": {"width": "16", "epochs": "2", "batch_size": "256", "n_frequencies": "4"},
}


def fast_settings(method: Method, **settings: str) -> Parameters:
    """The defaults made fast where they are slow, and some settings."""
    return method.settings().with_settings(_FAST.get(method.name, {}) | settings)
