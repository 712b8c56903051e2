"""Settings that suit scans of a few thousand voxels."""

from __future__ import annotations

from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import Parameters

_SLICE_NETWORKS = ("mm-bsn", "noise2self", "noise2void", "zs-n2n")

# Done within a blink, whatever the result is worth.
_FAST = {
    "anchored-path": {"steps": "2"},
    "auto": {"networks": "fast", "steps": "8"},
    "bl-inr": {"width": "16", "steps": "8", "batch_size": "256", "ensemble": "2"},
    "non-local-means": {"search_radius": "3"},
    **{name: {"steps": "4", "width": "4", "batch_size": "1"} for name in _SLICE_NETWORKS},
    "total-variation": {"iterations": "20"},
    "wavelet": {"shifts": "2"},
}
# Small scans have few training steps, which must be larger then.
_PATIENT = {
    "auto": {"networks": "fast", "steps": "100"},
    "bl-inr": {"steps": "100", "batch_size": "256", "ensemble": "2"},
    **{name: {"steps": "80", "batch_size": "2"} for name in _SLICE_NETWORKS},
    # Two other volumes, voxel by voxel, are too few to predict from.
    "patch2self": {"patch_radius": "1"},
}


def fast_settings(method: Method, **settings: str) -> Parameters:
    """The defaults made fast where they are slow, and some settings."""
    return method.settings().with_settings(_FAST.get(method.name, {}) | settings)


def patient_settings(method: Method) -> Parameters:
    """The defaults made fit to denoise a small scan well."""
    return method.settings().with_settings(_PATIENT.get(method.name, {}))
