"""What a super-resolution network is and how it is trained, as plain values that travel with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_dwi.errors import BadInputError
from napari_dwi.superres.diffusion.path_config import PathConfig

Down = Literal["max", "mean", "strided"]
Up = Literal["transposed", "nearest", "bilinear", "bicubic"]
Activation = Literal["relu", "leaky-relu", "elu", "prelu"]
Guide = Literal["none", "nlm"]
Loss = Literal["mse", "mae", "hybrid"]
Optimiser = Literal["adam", "adamw", "sgd", "rmsprop"]
Schedule = Literal["constant", "exponential", "step", "plateau", "one-cycle"]

_MOST_LEVELS = 6
_WIDEST = 1024
_FACTORS = (1, 2, 3, 4)


@dataclass(frozen=True)
class NetworkConfig:
    """A U-Net on the fine grid.

    Parameters
    ----------
    widths : tuple of int
        Channels at each resolution, the finest first. The paper has three.
    down, up : str
        How resolution is lost and gained between two of them.
    activation : str
        After every convolution but the last.
    residual : bool
        Whether the network says what to add to its input, instead of the image itself.
    noise_input : bool
        Whether it is told the noise level, as a second channel.
    factor : int
        Fine voxels for one that was acquired, along both axes of the slice; 1 only removes noise.
    guide : str
        What it is told besides: ``"nlm"``, what non-local means make of its input, as a further channel.
        A residual network then says what to add to that.
    path : PathConfig, optional
        The anchored path it walks; without it, the network makes its image at once.

    Raises
    ------
    BadInputError
        If there cannot be such a network.
    """

    widths: tuple[int, ...] = (16, 32)
    down: Down = "strided"
    up: Up = "bilinear"
    activation: Activation = "relu"
    residual: bool = True
    noise_input: bool = True
    factor: int = 2
    guide: Guide = "none"
    path: PathConfig | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.widths) <= _MOST_LEVELS or not all(1 <= n <= _WIDEST for n in self.widths):
            raise BadInputError(
                "there is no network of these widths",
                expected=f"1 to {_MOST_LEVELS} numbers from 1 to {_WIDEST}",
                found=list(self.widths),
            )
        if self.factor not in _FACTORS:
            raise BadInputError("not a factor of resolution", expected="1, 2, 3 or 4", found=self.factor)
        if self.path is not None and self.guide != "none":
            raise BadInputError(
                "a network on an anchored path has no guide", expected='guide "none"', found=self.guide
            )

    @property
    def channels(self) -> int:
        """What it sees besides the noise level: the slice, or x_t, with y or without, and a_t."""
        return 1 if self.path is None else 2 + self.path.sees_anchor

    @property
    def multiple(self) -> int:
        """Slices must be a multiple of so many voxels wide; others are extended for the network."""
        return 1 << (len(self.widths) - 1)

    @property
    def reach(self) -> int:
        """How many voxels away the input may lie that a voxel depends on, at most; a `multiple`."""
        # Two convolutions on the way down and two on the way up, one to lose and one to gain resolution,
        # and an interpolation from at most two coarser voxels away.
        levels = len(self.widths)
        voxels = sum(2**level * (2 + 2 + 1 + 1 + 4) for level in range(levels - 1)) + 2 * self.multiple
        return int(-(-voxels // self.multiple) * self.multiple)


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Parameters
    ----------
    loss : str
        Mean squared or absolute error, or ``"hybrid"``: alpha MSE + (1 - alpha) (1 - SSIM).
    alpha : float
        Share of the mean squared error in the hybrid loss, 0 to 1.
    balanced : bool
        Whether examples count in inverse proportion to their noise in the squared or absolute error;
        otherwise those with the strongest noise decide.
    optimiser : str
        Which.
    learning_rate : float
        At the start; with ``"one-cycle"``, the highest.
    schedule : str
        How the learning rate falls: by `decay` every epoch, every `decay_epochs` epochs, or when the
        validation loss has not fallen for `decay_epochs` epochs; ``"one-cycle"`` rises and falls once,
        from step to step.
    decay, decay_epochs
        See `schedule`.
    batch_size : int
        Slices or crops in a training step.
    crop : int
        Width of the square crops in fine voxels; 0 takes whole slices.
    epochs : int
        How often, at most.
    fewest_epochs, patience : int
        Training ends after so many epochs without a better validation loss, but not before
        ``fewest_epochs``.
    flips : bool
        Whether training images (never validation images) are flipped at random within the slice.
    seed : int
        Seed of weights, order, crops and flips.

    Raises
    ------
    BadInputError
        If a value is out of bounds.
    """

    loss: Loss = "mse"
    alpha: float = 0.5
    balanced: bool = False
    optimiser: Optimiser = "adam"
    learning_rate: float = 1e-3
    schedule: Schedule = "constant"
    decay: float = 0.3
    decay_epochs: int = 10
    batch_size: int = 8
    crop: int = 64
    epochs: int = 200
    fewest_epochs: int = 10
    patience: int = 6
    flips: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        bounds = {
            "alpha": (0, 1),
            "learning_rate": (1e-8, 10),
            "decay": (1e-3, 1),
            "decay_epochs": (1, 100_000),
            "batch_size": (1, 4096),
            "crop": (0, 4096),
            "epochs": (1, 1_000_000),
            "fewest_epochs": (1, 1_000_000),
            "patience": (1, 1_000_000),
            "seed": (0, 2**32 - 1),
        }
        for name, (low, high) in bounds.items():
            # Written so that NaN fails too.
            if not low <= getattr(self, name) <= high:
                raise BadInputError(
                    f"{name} cannot be used",
                    expected=f"a number from {low:g} to {high:g}",
                    found=f"{getattr(self, name):g}",
                )
