"""How well each method does on curves without noise, and settings that make slow ones quick."""

from __future__ import annotations

from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import Parameters

# Done within a blink, whatever the result is worth.
_FAST: dict[str, dict[str, str]] = {"bayes": {"atoms": "2000"}}
# Largest share by which the median voxel may be wrong without noise, for methods that are not exact.
# Segmented fits leave some blood above the threshold; the posterior mean looks things up in a table.
_INEXACT = {"bayes": 0.2, "segmented": 0.2}
_EXACT = 1e-3


def fast_settings(method: Method, **settings: str) -> Parameters:
    """The defaults made fast where they are slow, and some settings."""
    return method.settings().with_settings(_FAST.get(method.name, {}) | settings)


def accuracy(method: Method) -> float:
    """Largest relative error of the median voxel without noise."""
    return _INEXACT.get(method.name, _EXACT)


def is_exact(method: Method) -> bool:
    """Whether the method finds the parameters of a curve without noise."""
    return method.name not in _INEXACT
