"""Anchored-path diffusion: from a sharp image to its upsampled quick scan, and back.

The path leads from x0 (high resolution) to y (the quick scan on the fine grid) along their difference
R = y - x0, with structured noise that is strongest half way. Notation as in the paper, with its equation
31 corrected: a_t = t / T, f_t = 4 a_t (1 - a_t), S_t the sum of f_k^2 for k up to t, and
sigma = beta / sqrt(S_T). How to come back is not in the paper; it follows from the Gaussian bridge.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Parameterisation = Literal["fraction", "paper", "direct"]
Start = Literal["anchor", "sampled"]

# An estimate of x0 from x at step t, and noise of unit variance in the shape of an image.
Estimate = Callable[["NDArray[np.floating]", int], "NDArray[np.floating]"]
DrawNoise = Callable[[], "NDArray[np.floating]"]

_FEWEST_STEPS = 2


def residual_share(parameterisation: Parameterisation, fraction: Any) -> Any:
    """How much of a network's residual is taken away to come from x_t to x0.

    Parameters
    ----------
    parameterisation : str
        ``"fraction"`` takes a_t of it, which asks the same of the network at every t; ``"paper"`` f_t
        (equation 10), which asks ever more of it towards T, and everything at T; ``"direct"`` all.
    fraction : float, array or tensor
        a_t.
    """
    if parameterisation == "paper":
        return 4 * fraction * (1 - fraction)
    return fraction if parameterisation == "fraction" else 1 + 0 * fraction


@dataclass(frozen=True)
class AnchoredPath:
    """The forward process.

    Parameters
    ----------
    n_steps : int
        T, 2 or more.
    beta : float
        SD of the noise that the whole path adds, in units of the images; about the root mean square of
        R lets iteration help (far above `critical_beta`).

    Raises
    ------
    BadInputError
        If there are fewer than two steps, for which the noise would be infinite, or beta is negative.
    """

    n_steps: int
    beta: float

    def __post_init__(self) -> None:
        if self.n_steps < _FEWEST_STEPS or not (np.isfinite(self.beta) and self.beta >= 0):
            raise BadInputError(
                "there is no such path",
                expected="at least 2 steps, and a beta of 0 or more",
                found=f"{self.n_steps} steps, beta {self.beta:g}",
            )

    def fraction(self, t: int) -> float:
        """a_t, the share of the way to the quick scan."""
        return t / self.n_steps

    def shape(self, t: int) -> float:
        """f_t, the noise of step t relative to that half way (equation 9)."""
        a = self.fraction(t)
        return 4 * a * (1 - a)

    def accumulated(self, t: int) -> float:
        """S_t, the noise variance up to step t in units of sigma^2 (equations 27 and 28)."""
        n = self.n_steps
        terms = 6 * t**3 - 15 * t**2 * n + 9 * t**2 + 10 * t * n**2 - 15 * t * n + t + 5 * n**2 - 1
        return 8 / 15 * t * (t + 1) * terms / n**4

    @property
    def sigma(self) -> float:
        """SD of the noise of a step with f = 1 (equation 31, corrected: beta stands outside the root)."""
        return float(self.beta / np.sqrt(self.accumulated(self.n_steps)))

    def at(
        self,
        t: int,
        sharp: NDArray[np.floating],
        anchor: NDArray[np.floating],
        noise: NDArray[np.floating],
    ) -> NDArray[np.floating]:
        """x_t in one draw: as the t steps to it, in mean and variance.

        Parameters
        ----------
        t : int
            0 to T.
        sharp, anchor : ndarray
            x0 and y.
        noise : ndarray
            Of zero mean at every voxel and unit variance.
        """
        mean = sharp + self.fraction(t) * (anchor - sharp)
        return np.asarray(mean + self.sigma * np.sqrt(self.accumulated(t)) * noise)

    def sharp_from(
        self,
        t: int,
        image: NDArray[np.floating],
        residual: NDArray[np.floating],
        parameterisation: Parameterisation = "fraction",
    ) -> NDArray[np.floating]:
        """x0 from x_t and what a network takes for the residual; see `residual_share`.

        Raises
        ------
        BadInputError
            If ``"paper"`` is asked at T, where f_t is 0 and the answer would be the input.
        """
        if parameterisation == "paper" and t >= self.n_steps:
            raise BadInputError(
                "the paper's parameterisation cannot start at the last step",
                expected=f"a step up to {self.n_steps - 1}",
                found=t,
            )
        return np.asarray(image - residual_share(parameterisation, self.fraction(t)) * residual)


def critical_beta(residual_rms: float, n_steps: int) -> float:
    """The beta at which a step's noise is as large as its share of R (equation 36)."""
    path = AnchoredPath(n_steps, 1.0)
    return residual_rms / n_steps / path.sigma


def step_back(
    path: AnchoredPath,
    t: int,
    s: int,
    image: NDArray[np.floating],
    estimate: NDArray[np.floating],
    anchor: NDArray[np.floating],
    eta: float,
    noise: NDArray[np.floating] | None,
) -> NDArray[np.floating]:
    """x_s from x_t, for s < t.

    Parameters
    ----------
    path : AnchoredPath
        The path.
    t, s : int
        From where to where.
    image, estimate, anchor : ndarray
        x_t, x0 as estimated from it, and y.
    eta : float
        0 draws nothing and keeps the variance of the path; 1 draws from the posterior of the bridge,
        whose gain is S_s / S_t and variance sigma^2 S_s (S_t - S_s) / S_t.
    noise : ndarray or None
        Of unit variance, of the kind the network was trained with; not needed where ``eta`` is 0.
    """
    to_t, to_s = path.accumulated(t), path.accumulated(s)
    drawn = eta**2 * to_s * (to_t - to_s) / to_t
    accumulated = image - (1 - path.fraction(t)) * estimate - path.fraction(t) * anchor
    mean = (1 - path.fraction(s)) * estimate + path.fraction(s) * anchor
    stepped = mean + np.sqrt(max(to_s - drawn, 0.0) / to_t) * accumulated
    return np.asarray(stepped if noise is None else stepped + path.sigma * np.sqrt(drawn) * noise)


def sample(
    path: AnchoredPath,
    estimate: Estimate,
    anchor: NDArray[np.floating],
    grid: Sequence[int],
    *,
    eta: float = 0.0,
    start: Start = "anchor",
    draw_noise: DrawNoise | None = None,
) -> NDArray[np.floating]:
    """Walk from the quick scan back to a sharp image.

    Parameters
    ----------
    path : AnchoredPath
        The path.
    estimate : callable
        ``estimate(x_t, t)`` gives x0 as a network sees it; asked at every step.
    anchor : ndarray
        y, the quick scan on the fine grid.
    grid : sequence of int
        Falling steps from T (or T - 1) to 0; a single one, ``(T, 0)``, is the network applied to y.
    eta : float
        0 (default) is deterministic; see `step_back`.
    start : str
        ``"anchor"`` begins with y itself, ``"sampled"`` with y and noise, as in training.
    draw_noise : callable, optional
        Noise of the kind the network was trained with; needed where any is drawn.

    Raises
    ------
    BadInputError
        If the grid does not fall from at most T to 0, or noise is needed and none can be drawn.
    """
    falling = all(t > s for t, s in itertools.pairwise(grid))
    if len(grid) < _FEWEST_STEPS or grid[-1] != 0 or grid[0] > path.n_steps or not falling:
        raise BadInputError(
            "these steps lead nowhere", expected=f"falling from {path.n_steps} to 0", found=list(grid)
        )
    if draw_noise is None and (eta > 0 or start == "sampled"):
        raise BadInputError("noise is needed for this and none can be drawn")
    image = anchor
    if start == "sampled" and draw_noise is not None:
        image = anchor + path.beta * draw_noise()
    for t, s in itertools.pairwise(grid):
        sharp = estimate(image, t)
        if s == 0:
            return sharp
        noise = draw_noise() if eta > 0 and draw_noise is not None else None
        image = step_back(path, t, s, image, sharp, anchor, eta, noise)
    return image


def even_grid(n_steps: int, n_calls: int) -> tuple[int, ...]:
    """About evenly spaced steps from T to 0 that ask the network ``n_calls`` times at most."""
    return tuple(dict.fromkeys(int(t) for t in np.round(np.linspace(n_steps, 0, n_calls + 1))))
