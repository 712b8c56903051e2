"""Parameters that the image networks share, and their presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_dwi.errors import BadInputError
from napari_dwi.fit._parameters import BoundedFitParameters, model_choice
from napari_dwi.methods.parameters import choice, flag, number, whole

MODELS = ("ivim", "ivim-dfast", "adc")
IN_SIGNAL, IN_NOISE = "signal", "noise"
BY_VOXEL, BY_SCAN = "voxel", "scan"


@dataclass(frozen=True, kw_only=True)
class ImageNetworkParameters(BoundedFitParameters):
    """Parameters of every image network."""

    model: str = model_choice(*MODELS)
    epochs: int = whole(
        160, low=1, high=100_000, help="Epochs at most; for DI-CNN and SI-CNN, of the warm-up."
    )
    width: int = whole(32, low=2, high=128, help="Channels of the convolutions.", advanced=True)
    dropout: float = number(
        0.01, low=0, high=0.9, help="Share of the channels' values left out in training.", advanced=True
    )
    learning_rate: float = number(1e-3, low=1e-7, high=1.0, help="Of Adam.", advanced=True)
    batch: int = whole(
        5, low=1, high=1000, help="Slices, or patches of them, in a training step.", advanced=True
    )
    patch: int = whole(
        24,
        low=2,
        high=64,
        unit="voxels",
        help="Side of the patches that larger slices are cut into.",
        advanced=True,
    )
    patience: int = whole(
        20, low=1, high=100_000, help="Epochs within which the training loss must fall.", advanced=True
    )
    delta: float = number(
        0.05, low=0, high=1, help="Stop training when it fell by a smaller share than this.", advanced=True
    )
    held_out: float = number(
        0.05,
        low=0,
        high=0.5,
        help="Share of the samples that training never sees, to tell when it begins to learn noise.",
        advanced=True,
    )
    best_weights: bool = flag(
        True, help="Keep the weights that predicted held-out samples best, not the last ones.", advanced=True
    )
    centred_input: bool = flag(
        True,
        help="Subtract the mean at each b-value from the input, so that small differences are learnt soon.",
        advanced=True,
    )
    divided_by: str = choice(
        BY_VOXEL,
        (BY_VOXEL, BY_SCAN),
        help="Divide every signal by its own b = 0 (or lowest b), or all by the mean of these.",
        advanced=True,
    )
    S0_low: float = number(
        0.7, low=0.01, high=100, help="Lowest S0, over what the signal is divided by.", advanced=True
    )
    S0_high: float = number(
        1.3, low=0.01, high=100, help="Highest S0, over what the signal is divided by.", advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.S0_low < self.S0_high:
            raise BadInputError(
                "the bounds of S0 leave nothing to fit",
                expected="S0_low below S0_high",
                found=f"{self.S0_low:g} and {self.S0_high:g}",
            )


@dataclass(frozen=True, kw_only=True)
class RenewingParameters(ImageNetworkParameters):
    """Parameters of image networks that renew the signals they learn from."""

    fitting_max: float = number(
        0.03,
        low=0,
        high=10,
        help="Samples fitted worse than this become the prediction; a share of the divided signal.",
    )
    limit: int = whole(20, low=1, high=10_000, help="Times that the signals are renewed, at most.")
    tolerance: float = number(
        0.05,
        low=0,
        high=0.99,
        help="Stop when the signals change by less than this share of their first change (lambda).",
    )
    iteration_epochs: int = whole(10, low=1, high=10_000, help="Epochs after each renewal, at most.")
    thresholds: str = choice(
        IN_SIGNAL,
        (IN_SIGNAL, IN_NOISE),
        help="Whether errors and differences are shares of the divided signal, or multiples of its noise.",
    )
    keep_input: bool = flag(
        False,
        help="Keep the measured signals as input of the network; only what it should learn is renewed.",
    )

    @property
    def around(self) -> float | None:
        """Difference up to which neighbours are averaged; ``None`` for no averaging."""
        return None


@dataclass(frozen=True, kw_only=True)
class SimilarParameters(RenewingParameters):
    """Parameters of SI-CNN."""

    around_diff: float = number(
        0.02,
        low=0,
        high=10,
        help="Neighbours are averaged whose predictions differ by no more; a share of the divided signal.",
    )

    @property
    def around(self) -> float | None:
        """As `RenewingParameters.around`, as typed by the user."""
        return self.around_diff


# Rates, batches, dropout and thresholds of the logs of SI-CNN; hundreds of epochs.
_PAPER: Mapping[str, float | str] = {
    "width": 64,
    "learning_rate": 4e-4,
    "epochs": 400,
    "Dstar_high": 200.0,
}
_FAST: Mapping[str, float | str] = {"epochs": 40, "patience": 10}
# Slow to learn what tells single voxels apart: better maps of D at low SNR, worse ones at high.
_NOISY: Mapping[str, float | str] = {"centred_input": False, "epochs": 200, "patience": 100}
CNN_PRESETS: Mapping[str, Mapping[str, float | str]] = {"paper": _PAPER, "fast": _FAST, "noisy": _NOISY}
RENEWING_PRESETS: Mapping[str, Mapping[str, float | str | bool]] = {
    "paper": {**_PAPER, "tolerance": 0.01, "limit": 80, "iteration_epochs": 20},
    "fast": {**_FAST, "limit": 4, "iteration_epochs": 6},
    "noisy": _NOISY,
    "raw-input": {"keep_input": True},
}
