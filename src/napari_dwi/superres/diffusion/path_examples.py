"""Examples on an anchored path: slices on their way from sharp to zero-filled, with structured noise."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.superres.diffusion.anchored_path import AnchoredPath
from napari_dwi.superres.diffusion.residual_bank import ResidualBank
from napari_dwi.superres.diffusion.residual_spread import ResidualSpread
from napari_dwi.superres.training.examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.diffusion.path_config import PathConfig
    from napari_dwi.superres.training.examples import Examples

# Training examples whose residuals are measured; as an epoch of their own, before the first.
_MEASURED = 64
_BEFORE_THE_FIRST = 0
# Multiples of it, without their whole part, are spread evenly however many there are.
_GOLDEN = 0.6180339887498949


class PathExamples:
    """Examples at random steps of a path; the noise is drawn from residuals of training examples alone.

    Parameters
    ----------
    examples : Examples
        Pairs: the zero-filled slice y and the sharp one x0.
    config : PathConfig
        The path.
    seed : int
        Of steps, noise, and what is kept to draw noise from.
    check : callable, optional
        Raises `Stopped` when the user asked for it; asked before every example that is measured.

    Raises
    ------
    BadInputError
        If there are no training examples, or zero-filled and sharp slices are the same.
    """

    def __init__(
        self,
        examples: Examples,
        config: PathConfig,
        seed: int = 0,
        check: Callable[[], None] | None = None,
    ) -> None:
        self._examples, self._config, self._seed = examples, config, seed
        rng = np.random.default_rng((seed, 3))
        noise: list[float] = []
        squares: list[float] = []
        tiles: list[NDArray[np.float32]] = []
        for example in itertools.islice(examples.training(_BEFORE_THE_FIRST), _MEASURED):
            if check is not None:
                check()
            residual = example.image - example.target
            noise.append(float(example.noise))
            squares.append(float(np.square(residual, dtype=np.float64).mean()))
            if len(tiles) < config.bank_tiles:
                tiles.append(_square(residual, config.bank_width, rng))
        if not tiles:
            raise BadInputError("nothing to train on", expected="slices for training", found="none")
        self.spread = ResidualSpread.measured(np.array(noise), np.array(squares))
        # Of strong and weak noise alike, as they are drawn for examples of any.
        alike = [tile / max(self.spread.rms(sd), 1e-12) for tile, sd in zip(tiles, noise, strict=False)]
        repeated = list(itertools.islice(itertools.cycle(alike), config.bank_tiles))
        self.bank = ResidualBank.from_subjects(
            {"training": repeated}, {"training"}, random_sign=config.random_sign
        )

    def __len__(self) -> int:
        return len(self._examples)

    def training(self, epoch: int) -> Iterator[Example]:
        """One example after the other, each at a random step."""
        rng = np.random.default_rng((self._seed, 4, epoch))
        for example in self._examples.training(epoch):
            t = int(rng.integers(1, self._config.last_step + 1))
            yield self._on_path(example, t, rng)

    def validation(self) -> Iterator[Example]:
        """All of them, at steps spread over the path and always with the same noise."""
        rng = np.random.default_rng((self._seed, 5))
        for n, example in enumerate(self._examples.validation()):
            yield self._on_path(example, 1 + int(self._config.last_step * (_GOLDEN * n % 1)), rng)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """What a network keeps of them with its weights, so that it samples with the noise it knows."""
        spread = np.array([self.spread.detail, self.spread.share], np.float32)
        return {"residual_bank": np.stack(self.bank.residuals), "residual_spread": spread}

    def _on_path(self, example: Example, t: int, rng: np.random.Generator) -> Example:
        shape = example.image.shape[0], example.image.shape[1]
        path = path_of(self._config, self.spread, float(example.noise))
        image = path.at(t, example.target, example.image, self.bank.cover(shape, rng))
        seen = network_input(self._config, image, example.image, path.fraction(t))
        return Example(seen, example.target, example.noise)


def noise_of(
    config: PathConfig, weights: Mapping[str, NDArray[np.float32]]
) -> tuple[ResidualBank, ResidualSpread]:
    """What a trained network keeps of the residuals it was trained with; see `PathExamples.tensors`."""
    detail, share = (float(one) for one in weights["residual_spread"])
    return ResidualBank(tuple(weights["residual_bank"]), config.random_sign), ResidualSpread(detail, share)


def path_of(config: PathConfig, spread: ResidualSpread, noise: float) -> AnchoredPath:
    """The path of a scan of known noise, with its beta in units of the brightest tissue."""
    return AnchoredPath(config.n_steps, config.beta * spread.rms(noise))


def network_input(
    config: PathConfig, image: NDArray[np.floating], anchor: NDArray[np.floating], fraction: float
) -> NDArray[np.float32]:
    """What a network sees of a slice on the path.

    Parameters
    ----------
    config : PathConfig
        Whether it sees the anchor.
    image, anchor : ndarray, shape (h, w)
        x_t and y.
    fraction : float
        a_t.

    Returns
    -------
    ndarray, float32, shape (channels, h, w)
        x_t, y if the network sees it, and a_t at every voxel.
    """
    shown = (image, anchor) if config.sees_anchor else (image,)
    return np.stack([*shown, np.full(image.shape, fraction)]).astype(np.float32)


def _square(residual: NDArray[np.float32], width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A part of a residual so many voxels wide at a random place; what is smaller is mirrored."""
    missing = [max(0, width - n) for n in residual.shape]
    whole = np.pad(residual, [(0, n) for n in missing], mode="symmetric")
    row, column = (int(rng.integers(n - width + 1)) for n in whole.shape)
    return whole[row : row + width, column : column + width]
