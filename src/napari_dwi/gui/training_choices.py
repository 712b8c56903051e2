"""What can be chosen of a network and of its training, as one form."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self, get_args

from napari_dwi.methods.parameters import Parameters, choice, flag, number, whole, whole_list
from napari_dwi.superres.training.config import (
    Activation,
    Down,
    Guide,
    Loss,
    NetworkConfig,
    Optimiser,
    Schedule,
    TrainingConfig,
    Up,
)
from napari_dwi.superres.training.run_config import SplitConfig

NETWORK = ("widths", "down", "up", "activation", "residual", "noise_input", "guide")
TRAINING = (
    "epochs",
    "batch_size",
    "learning_rate",
    "loss",
    "alpha",
    "balanced",
    "optimiser",
    "schedule",
    "decay",
    "decay_epochs",
    "crop",
    "flips",
    "fewest_epochs",
    "patience",
    "seed",
)


@dataclass(frozen=True, kw_only=True)
class TrainingChoices(Parameters):
    """Fields of `NetworkConfig` and `TrainingConfig`; the factor and the noise come from the pairs."""

    epochs: int = whole(60, low=1, high=1_000_000, help="How often all slices are seen, at most.")
    batch_size: int = whole(8, low=1, high=4096, help="Slices or crops that a step learns from together.")
    learning_rate: float = number(
        2e-3, low=1e-7, high=10, help="How far a step goes, at the start; in one cycle, at its highest."
    )
    widths: tuple[int, ...] = whole_list(
        (16, 32, 64),
        low=1,
        high=1024,
        help="Channels of the network at each resolution, the finest first.",
        advanced=True,
    )
    down: str = choice(
        "strided", get_args(Down), help="How it goes from fine to coarse features.", advanced=True
    )
    up: str = choice(
        "bilinear", get_args(Up), help="How it goes from coarse back to fine features.", advanced=True
    )
    activation: str = choice("relu", get_args(Activation), help="After every convolution.", advanced=True)
    residual: bool = flag(
        True, help="It says what to add to the zero-filled slice, not the slice itself.", advanced=True
    )
    noise_input: bool = flag(True, help="It is told the noise level of the slice.", advanced=True)
    guide: str = choice(
        "none",
        get_args(Guide),
        help="What it is shown beside the slice: nothing, or the slice after non-local means (nlm).",
        advanced=True,
    )
    loss: str = choice(
        "mse",
        get_args(Loss),
        help="Mean squared or absolute error, or the squared error together with 1 - SSIM (hybrid).",
        advanced=True,
    )
    alpha: float = number(
        0.5, low=0, high=1, help="Share of the squared error in the hybrid loss.", advanced=True
    )
    balanced: bool = flag(
        False, help="Noisy slices count less; otherwise they decide what is learnt.", advanced=True
    )
    optimiser: str = choice(
        "adam", get_args(Optimiser), help="How steps follow from the loss.", advanced=True
    )
    schedule: str = choice(
        "one-cycle",
        get_args(Schedule),
        help="How the learning rate falls: every epoch, in steps, when the validation loss stays, or in one "
        "cycle up and down.",
        advanced=True,
    )
    decay: float = number(
        0.3, low=1e-3, high=1, help="The learning rate falls by this factor each time.", advanced=True
    )
    decay_epochs: int = whole(
        10,
        low=1,
        high=100_000,
        unit="epochs",
        help="Between two falls (step), or without a better loss before one (plateau).",
        advanced=True,
    )
    crop: int = whole(
        64,
        low=0,
        high=4096,
        unit="voxels",
        help="Width of random crops on the fine grid; 0: whole slices.",
        advanced=True,
    )
    flips: bool = flag(True, help="Slices are flipped at random, never those of validation.", advanced=True)
    fewest_epochs: int = whole(10, low=1, high=1_000_000, help="Training is not ended before.", advanced=True)
    patience: int = whole(
        60,
        low=1,
        high=1_000_000,
        unit="epochs",
        help="Training ends after so many without a better validation loss.",
        advanced=True,
    )
    seed: int = whole(
        0, low=0, high=2**31 - 1, help="The same seed gives the same network on the CPU.", advanced=True
    )

    validation: float = number(
        0.2,
        low=0,
        high=0.9,
        help="Share of the subjects that say when training is at its best.",
        advanced=True,
    )
    test: float = number(
        0.2,
        low=0,
        high=0.9,
        help="Share of the subjects that are kept for judging the network.",
        advanced=True,
    )
    split_seed: int = whole(
        0,
        low=0,
        high=2**31 - 1,
        help="Which subjects these are; the same seed, the same subjects.",
        advanced=True,
    )

    @classmethod
    def of(cls, network: NetworkConfig, training: TrainingConfig, split: SplitConfig | None = None) -> Self:
        """Such a network, trained so."""
        known = asdict(network) | asdict(training)
        values = {name: known[name] for name in (*NETWORK, *TRAINING)}
        if split is not None:
            values |= {"validation": split.validation, "test": split.test, "split_seed": split.seed}
        return cls.from_values(values)

    def as_config(self, *, with_network: bool) -> dict[str, Any]:
        """What a file for `napari-dwi train superres` says of these choices.

        Parameters
        ----------
        with_network : bool
            Whether it names the network; one that is gone on from stays what it is.
        """
        said: dict[str, Any] = {
            "training": {name: getattr(self, name) for name in TRAINING},
            "split": {"validation": self.validation, "test": self.test, "seed": self.split_seed},
        }
        if with_network:
            said["network"] = {name: getattr(self, name) for name in NETWORK}
        return said
