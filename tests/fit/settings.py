"""How well each method does on curves without noise, and settings that make slow ones quick."""

from __future__ import annotations

from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import Parameters

# Done within a blink, whatever the result is worth.
_NETWORK = {
    "snr": "60",
    "training_voxels": "4000",
    "restarts": "2",
    "restart_steps": "300",
    "steps": "700",
    "batch_size": "200",
    "learning_rate": "0.005",
}
_NETWORKS = (
    "network-hybrid",
    "network-self-supervised",
    "network-supervised-gt",
    "network-supervised-mle",
)
_IMAGE_NETWORKS = ("image-cnn", "di-cnn", "si-cnn")
_IMAGE_NETWORK = {"width": "12", "epochs": "12", "batch": "2", "learning_rate": "0.02"}
_RENEWING = {**_IMAGE_NETWORK, "limit": "2", "iteration_epochs": "2"}
_FAST: dict[str, dict[str, str]] = {
    "bayes": {"atoms": "2000"},
    "image-cnn": _IMAGE_NETWORK,
    "di-cnn": _RENEWING,
    "si-cnn": _RENEWING,
} | dict.fromkeys(_NETWORKS, _NETWORK)
# Largest share by which the median voxel may be wrong without noise, for methods that are not exact.
# Segmented fits leave some blood above the threshold; the posterior mean looks things up in a table;
# networks have seen little in a blink.
_INEXACT = {"bayes": 0.2, "segmented": 0.2} | (
    dict.fromkeys(_NETWORKS, 0.3) | dict.fromkeys(_IMAGE_NETWORKS, 0.4)
)
_EXACT = 1e-3
# Share of errors below two standard deviations, where bias is not small beside these.
_COVERAGE = {"segmented": 0.6} | dict.fromkeys(_NETWORKS, 0.5) | dict.fromkeys(_IMAGE_NETWORKS, 0.3)


def fast_settings(method: Method, **settings: str) -> Parameters:
    """The defaults made fast where they are slow, and some settings."""
    return method.settings().with_settings(_FAST.get(method.name, {}) | settings)


def accuracy(method: Method) -> float:
    """Largest relative error of the median voxel without noise."""
    return _INEXACT.get(method.name, _EXACT)


def is_exact(method: Method) -> bool:
    """Whether the method finds the parameters of a curve without noise."""
    return method.name not in _INEXACT


def coverage(method: Method) -> float:
    """Smallest share of the voxels whose error is below two standard deviations."""
    return _COVERAGE.get(method.name, 0.85)


def looks_at_neighbours(method: Method) -> bool:
    """Whether the estimate of a voxel depends on other voxels."""
    return method.name in _IMAGE_NETWORKS
