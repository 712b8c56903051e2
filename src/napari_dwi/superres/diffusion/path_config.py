"""What an anchored path is to a network that walks it, as plain values that travel with its weights."""

from __future__ import annotations

from dataclasses import dataclass

from napari_dwi.errors import BadInputError
from napari_dwi.superres.diffusion.anchored_path import AnchoredPath, Parameterisation, critical_beta

_MOST_TILES = 1000
_WIDEST_TILE = 1024


@dataclass(frozen=True)
class PathConfig:
    """A path, and how a network sees it.

    Parameters
    ----------
    n_steps : int
        T, 2 or more.
    beta : float
        SD of the noise of the whole path, in units of the root mean square of the residuals R. From
        about 1 more steps help; near `critical_beta` they trade signal-to-noise ratio for sharpness.
    parameterisation : str
        What is taken of the network's residual to come from x_t to x_0; see `residual_share`.
    sees_anchor : bool
        Whether the network sees the zero-filled slice beside x_t.
    random_sign : bool
        Whether residuals are drawn as noise with either sign.
    bank_tiles, bank_width : int
        How many square parts of residuals are kept with the weights to draw noise from, and how many
        voxels wide they are.

    Raises
    ------
    BadInputError
        If there is no such path, or nothing to draw noise from.
    """

    n_steps: int = 20
    beta: float = 1.0
    parameterisation: Parameterisation = "fraction"
    sees_anchor: bool = False
    random_sign: bool = True
    bank_tiles: int = 12
    bank_width: int = 80

    def __post_init__(self) -> None:
        AnchoredPath(self.n_steps, self.beta)
        for name, most in (("bank_tiles", _MOST_TILES), ("bank_width", _WIDEST_TILE)):
            if not 1 <= getattr(self, name) <= most:
                raise BadInputError(
                    f"{name} cannot be used",
                    expected=f"a whole number from 1 to {most}",
                    found=getattr(self, name),
                )

    @property
    def last_step(self) -> int:
        """The step walks begin at: T, or T - 1 where T would leave nothing to a network."""
        return self.n_steps - (self.parameterisation == "paper")

    @property
    def critical_beta(self) -> float:
        """The beta, in the same unit, at which the noise of a step is as large as its share of R."""
        return critical_beta(1.0, self.n_steps)
