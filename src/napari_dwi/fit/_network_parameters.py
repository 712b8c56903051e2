"""Parameters that the voxel networks share, and their presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from napari_dwi.errors import BadInputError
from napari_dwi.fit._parameters import BoundedFitParameters, model_choice
from napari_dwi.methods.parameters import flag, number, whole

MODELS = ("ivim-dfast", "ivim")


def _from(default: float, high: float, what: str, unit: str = "10⁻³ mm²/s") -> Any:
    help_text = f"Lowest {what} of the training voxels; what lies below cannot be found."
    return number(default, low=0, high=high, unit=unit, help=help_text, advanced=True)


def _to(default: float, high: float, what: str, unit: str = "10⁻³ mm²/s") -> Any:
    help_text = f"Highest {what} of the training voxels; what lies above cannot be found."
    return number(default, low=0, high=high, unit=unit, help=help_text, advanced=True)


def _weight(what: str) -> Any:
    return number(
        1.0, low=0, high=1e6, help=f"What errors of {what} count in training, beside 1.", advanced=True
    )


@dataclass(frozen=True, kw_only=True)
class NetworkParameters(BoundedFitParameters):
    """Parameters of every voxel network; the defaults train within a minute."""

    model: str = model_choice(*MODELS)
    snr: float = number(
        0.0,
        low=0,
        high=1000,
        help="SNR at the lowest b-value to train for; 0 takes that of the scan.",
        zero="that of the scan",
    )
    f_trained_low: float = _from(0.1, 1, "perfusion fraction (0 to 1)", "")
    f_trained_high: float = _to(0.5, 1, "perfusion fraction (0 to 1)", "")
    D_trained_low: float = _from(0.4, 20, "D")
    D_trained_high: float = _to(3.0, 20, "D")
    Dstar_trained_low: float = _from(10.0, 1000, "D*")
    Dstar_trained_high: float = _to(150.0, 1000, "D*")
    Dfast_trained_low: float = _from(10.0, 1000, "Dfast")
    Dfast_trained_high: float = _to(150.0, 1000, "Dfast")
    S0_trained_low: float = number(
        0.8, low=0.05, high=20, help="Lowest S0 of the training voxels, over a typical one.", advanced=True
    )
    S0_trained_high: float = number(
        1.2, low=0.05, high=20, help="Highest S0 of the training voxels, over a typical one.", advanced=True
    )
    f_weight: float = _weight("the perfusion fraction")
    D_weight: float = _weight("D")
    Dstar_weight: float = _weight("D*")
    Dfast_weight: float = _weight("Dfast")
    S0_weight: float = _weight("S0")
    training_voxels: int = whole(
        100_000, low=100, high=10_000_000, help="Simulated voxels to learn from.", advanced=True
    )
    width: int = whole(
        10, low=1, high=1000, help="Units in each hidden layer; the paper has one a b-value.", advanced=True
    )
    layers: int = whole(3, low=1, high=20, help="Hidden layers.", advanced=True)
    steps: int = whole(30_000, low=1, high=10_000_000, help="Training steps at most.", advanced=True)
    batch_size: int = whole(
        100, low=1, high=1_000_000, unit="voxels", help="Voxels in one training step.", advanced=True
    )
    learning_rate: float = number(1e-3, low=1e-7, high=1.0, help="Of Adam at the start.", advanced=True)
    rate_falls: bool = flag(
        True, help="Let the learning rate fall to zero as a cosine; in the paper it stays.", advanced=True
    )
    patience: float = number(
        0.2,
        low=0.001,
        high=1,
        help="Stop training when this share of the steps brought nothing for held-out voxels.",
        advanced=True,
    )
    restarts: int = whole(
        16,
        low=1,
        high=256,
        help="Networks trained from random weights; the best of them is where training begins.",
        advanced=True,
    )
    restart_steps: int = whole(
        4000, low=1, high=10_000_000, help="Training steps of each of them.", advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter in self.signal_model.parameters:
            low, high = self.trained_range(parameter.name)
            if not low < high:
                raise BadInputError(
                    f"the range of {parameter.symbol} leaves nothing to train on",
                    expected=f"{parameter.name}_trained_low below {parameter.name}_trained_high",
                    found=f"{low:g} and {high:g}",
                )

    def trained_range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a parameter among the training voxels, as typed."""
        return getattr(self, f"{name}_trained_low"), getattr(self, f"{name}_trained_high")


# The paper's own bounds of labels, and its training: minutes to an hour.
PAPER: Mapping[str, float | bool] = {
    "f_low": 0.01,
    "f_high": 0.5,
    "D_low": 0.01,
    "D_high": 4.0,
    "steps": 150_000,
    "restart_steps": 150_000,
    "rate_falls": False,
}
QUICK: Mapping[str, float | bool] = {"training_voxels": 30_000, "steps": 8000, "restart_steps": 2000}
# What organs hold beyond the ranges of the paper.
BROAD: Mapping[str, float | bool] = {
    "f_trained_low": 0.0,
    "f_trained_high": 0.7,
    "D_trained_low": 0.1,
    "D_trained_high": 4.0,
    "Dstar_trained_low": 5.0,
    "Dstar_trained_high": 200.0,
    "Dfast_trained_low": 5.0,
    "Dfast_trained_high": 200.0,
}
PRESETS: Mapping[str, Mapping[str, float | bool]] = {"paper": PAPER, "quick": QUICK, "broad": BROAD}
