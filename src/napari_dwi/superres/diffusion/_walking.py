"""A trained network on its way back along an anchored path: slice by slice, and as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.superres._inference import TiledNetwork
from napari_dwi.superres.diffusion.anchored_path import Start, even_grid, sample
from napari_dwi.superres.diffusion.path_examples import network_input, noise_of, path_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.method import Context
    from napari_dwi.superres.diffusion.path_config import PathConfig
    from napari_dwi.superres.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Walk:
    """How to come back.

    Parameters
    ----------
    steps : int
        How often the network is asked.
    eta : float
        How much of the noise is drawn anew at each step; see `step_back`.
    start : str
        Where to begin; see `sample`.
    """

    steps: int
    eta: float = 0.0
    start: Start = "anchor"


class Walker:
    """A network on its path.

    Parameters
    ----------
    checkpoint : Checkpoint
        The network, with the residuals it draws noise from.
    noise_sd : float
        SD of the noise of the slices, in units of the brightest tissue.
    context : Context
        Device, seed, progress and stop. When memory runs out its ``chunk_scale`` makes tiles smaller.

    Raises
    ------
    BadInputError
        If the network walks no path.
    """

    def __init__(self, checkpoint: Checkpoint, noise_sd: float, context: Context) -> None:
        if checkpoint.config.path is None:
            raise BadInputError("this network walks no path", expected="one that was trained on a path")
        self._config: PathConfig = checkpoint.config.path
        self._bank, spread = noise_of(self._config, checkpoint.weights)
        self._path = path_of(self._config, spread, noise_sd)
        self._network = TiledNetwork(checkpoint, context)
        self._noise_sd, self._context = noise_sd, context

    def image(self, anchor: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
        """The image at the end of the way on which nothing is drawn.

        Parameters
        ----------
        anchor : ndarray, float32, shape (x, y, z)
            Zero-filled slices in units of the brightest tissue, without NaN; z is the slice axis.
        steps : int
            How often the network is asked.
        """
        made = np.empty_like(anchor)
        n_slices = anchor.shape[2]
        for z in range(n_slices):
            made[..., z] = self._walked(anchor[..., z], Walk(steps), None, (z, n_slices))
        self._context.progress.report(1.0, "walked")
        return made

    def spread(self, anchor: NDArray[np.float32], walk: Walk, n_samples: int) -> NDArray[np.float32]:
        """The standard deviation (n - 1) of every voxel over samples.

        Parameters
        ----------
        anchor : ndarray, float32, shape (x, y, z)
            As for `image`.
        walk : Walk
            How each sample is drawn.
        n_samples : int
            How many, 2 or more.
        """
        spread = np.empty_like(anchor)
        n_slices = anchor.shape[2]
        for z in range(n_slices):
            mean, squares = (np.zeros(anchor.shape[:2]) for _ in range(2))
            for n in range(n_samples):
                rng = np.random.default_rng((self._context.seed, z, n))
                place = (z * n_samples + n, n_slices * n_samples)
                sampled = self._walked(anchor[..., z], walk, rng, place)
                # As Welford has it, so that no two large numbers are subtracted.
                apart = sampled - mean
                mean += apart / (n + 1)
                squares += apart * (sampled - mean)
            spread[..., z] = np.sqrt(squares / (n_samples - 1))
        self._context.progress.report(1.0, "sampled")
        return spread

    def _walked(
        self,
        anchor: NDArray[np.float32],
        walk: Walk,
        rng: np.random.Generator | None,
        place: tuple[int, int],
    ) -> NDArray[np.float32]:
        """One slice, walked once; ``place`` is which of how many walks it is."""
        grid = even_grid(self._config.last_step, walk.steps)
        calls = {t: n for n, t in enumerate(grid[:-1])}
        height, width = anchor.shape

        def estimate(image: NDArray[np.floating], t: int) -> NDArray[np.float32]:
            def report(share: float) -> None:
                done = (place[0] + (calls[t] + share) / len(calls)) / place[1]
                said = f"{place[0] + 1}/{place[1]}, step {calls[t] + 1}/{len(calls)}"
                self._context.progress.report(done, f"{'slice' if rng is None else 'sample'} {said}")

            seen = network_input(self._config, image, anchor, self._path.fraction(t))
            return self._network(seen, self._noise_sd, report)

        draw = None if rng is None else partial(self._bank.cover, (height, width), rng)
        made = sample(self._path, estimate, anchor, grid, eta=walk.eta, start=walk.start, draw_noise=draw)
        return made.astype(np.float32)
