"""Examples a network learns from, on the fine grid and in units of the brightest tissue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import zero_filled
from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.physics.rician import rician_mean
from napari_dwi.superres.training.shape_images import shape_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_dwi.superres.training.config import TrainingConfig


@dataclass(frozen=True, eq=False)
class Example:
    """One slice, or several alike.

    Parameters
    ----------
    image, target : ndarray, float32, shape (..., h, w)
        What the network gets, zero-filled, and what it should make of it. On a path the image of a
        single slice has an axis of channels, too.
    noise : ndarray, float32, shape (...)
        SD of the noise of ``image``.
    """

    image: NDArray[np.float32]
    target: NDArray[np.float32]
    noise: NDArray[np.float32]


class Examples(Protocol):
    """Where examples come from."""

    def __len__(self) -> int:
        """How many examples an epoch has."""

    def training(self, epoch: int) -> Iterator[Example]:
        """One slice after the other; the same for the same epoch."""

    def validation(self) -> Iterator[Example]:
        """Slices that training never sees, always the same."""


class ShapeExamples:
    """Simulated scans of shapes, without any patient's image.

    The target has the noise floor of the input, so that a network leaves mean intensities alone.

    Parameters
    ----------
    size : int
        Voxels of a slice along each side.
    n_images : int
        Different images; noise, contrast and orientation change each time one is used.
    n_validation : int
        Images kept apart for validation.
    noise : (float, float)
        Lowest and highest noise level, in units of the brightest tissue; its logarithm is uniform.
    per_epoch : int
        Examples in an epoch.
    factor : int
        Ratio of the resolutions; with 1 only noise is to be removed.
    seed : int
        Of everything.
    check : callable, optional
        Raises `Stopped` if the user asked to stop; asked before every image is drawn.
    """

    def __init__(
        self,
        *,
        size: int = 128,
        n_images: int = 600,
        n_validation: int = 24,
        noise: tuple[float, float] = (0.01, 0.2),
        per_epoch: int = 400,
        factor: int = 2,
        seed: int = 0,
        check: Callable[[], None] | None = None,
    ) -> None:
        self._noise = noise
        self._per_epoch = per_epoch
        self._factor = factor
        self._seed = seed
        rng = np.random.default_rng(seed)
        self._images = []
        for _ in range(n_images + n_validation):
            if check is not None:
                check()
            self._images.append(shape_image(size, rng))
        self._n_validation = n_validation

    def __len__(self) -> int:
        return self._per_epoch

    def training(self, epoch: int) -> Iterator[Example]:
        """One scan of a shape after the other."""
        rng = np.random.default_rng((self._seed, 1, epoch))
        n_training = len(self._images) - self._n_validation
        for _ in range(self._per_epoch):
            image = np.rot90(self._images[rng.integers(n_training)], int(rng.integers(4)))
            # Another contrast of the same shapes; air stays air.
            yield self._scanned(rng.uniform(0.6, 1.2) * image ** rng.uniform(0.5, 2.0), rng)

    def validation(self) -> Iterator[Example]:
        """Scans of the shapes kept apart."""
        rng = np.random.default_rng((self._seed, 2))
        for image in self._images[len(self._images) - self._n_validation :]:
            yield self._scanned(image, rng)

    def _scanned(self, truth: NDArray[np.float32], rng: np.random.Generator) -> Example:
        sigma = float(np.exp(rng.uniform(*np.log(self._noise))))
        pair = simulate_pair(truth, sigma, rng, factor=self._factor)
        return Example(
            pair.low if self._factor == 1 else zero_filled(pair.low, self._factor),
            np.asarray(rician_mean(pair.truth, sigma), dtype=np.float32),
            np.asarray(sigma, np.float32),
        )


class SliceExamples:
    """Slices of registered pairs that are held in memory.

    Parameters
    ----------
    training, validation : sequence of Example
        Single slices; they may be of different sizes.
    seed : int
        Of the order.
    """

    def __init__(self, training: Sequence[Example], validation: Sequence[Example], seed: int = 0) -> None:
        if not training or not validation:
            raise BadInputError(
                "nothing to train on",
                expected="slices for training and others for validation",
                found=f"{len(training)} and {len(validation)}",
            )
        self._training, self._validation = tuple(training), tuple(validation)
        self._seed = seed

    def __len__(self) -> int:
        return len(self._training)

    def training(self, epoch: int) -> Iterator[Example]:
        """Every slice once, in another order each epoch."""
        for index in np.random.default_rng((self._seed, epoch)).permutation(len(self._training)):
            yield self._training[index]

    def validation(self) -> Iterator[Example]:
        """Every slice, in their order."""
        yield from self._validation


def augmented(example: Example, config: TrainingConfig, rng: np.random.Generator) -> Example:
    """A random crop of a slice, flipped at random within the slice; image and target alike.

    Parameters
    ----------
    example : Example
        Arrays of any number of axes, of which the last two are the slice's.
    config : TrainingConfig
        Width of the crop, and whether to flip.
    rng : numpy.random.Generator
        What decides.
    """
    window: list[slice] = []
    for size in example.image.shape[-2:]:
        width = config.crop if 0 < config.crop < size else size
        start = int(rng.integers(size - width + 1))
        window.append(slice(start, start + width))
    rows, columns = (slice(None, None, -1 if config.flips and rng.random() < 0.5 else 1) for _ in range(2))

    def changed(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return image[..., window[0], window[1]][..., rows, columns]

    return replace(example, image=changed(example.image), target=changed(example.target))


def batches(examples: Iterator[Example], size: int) -> Iterator[Example]:
    """Stacks of so many slices with an axis of channels; those of another size begin a new stack."""
    stack: list[Example] = []
    for example in examples:
        if stack and (len(stack) == size or example.image.shape != stack[0].image.shape):
            yield _stacked(stack)
            stack = []
        stack.append(example)
    if stack:
        yield _stacked(stack)


def _stacked(examples: list[Example]) -> Example:
    images = np.stack([example.image for example in examples])
    return Example(
        images if images.ndim == 4 else images[:, None],
        np.stack([example.target for example in examples])[:, None],
        np.array([example.noise for example in examples], np.float32),
    )
