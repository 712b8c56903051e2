"""Structured noise for anchored-path diffusion: differences between quick and long scans."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ResidualBank:
    """Residuals of training subjects, of unit standard deviation all together.

    Parameters
    ----------
    residuals : tuple of ndarray, each of shape (h, w)
        Differences between the two scans of a pair.
    random_sign : bool
        Whether they are drawn with either sign. Without it the mean of a small bank adds up along the
        path, which no rotation undoes.
    """

    residuals: tuple[NDArray[np.float32], ...]
    random_sign: bool = True

    @classmethod
    def from_subjects(
        cls,
        residuals: Mapping[str, Sequence[NDArray[np.floating]]],
        training: Collection[str],
        *,
        random_sign: bool = True,
    ) -> ResidualBank:
        """The bank of some subjects.

        Parameters
        ----------
        residuals : mapping of str to sequence of ndarray
            Residuals by subject.
        training : collection of str
            The subjects to take.
        random_sign : bool
            As for the bank.

        Raises
        ------
        BadInputError
            If they have no residuals, or these are all zero.
        """
        taken = [one for subject in sorted(training) for one in residuals.get(subject, ())]
        square = [np.square(one, dtype=np.float64).mean() for one in taken]
        mean = [np.mean(one, dtype=np.float64) for one in taken]
        spread = np.sqrt(np.mean(square) - np.mean(mean) ** 2) if taken else 0.0
        if not spread > 0:
            raise BadInputError(
                "no residuals to take noise from", expected="pairs of training subjects that differ"
            )
        return cls(tuple((one / spread).astype(np.float32) for one in taken), random_sign)

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """One residual, cropped at random, turned by a multiple of 90 degrees, with a random sign.

        Raises
        ------
        BadInputError
            If no residual is as large as that.
        """
        residual = self.residuals[int(rng.integers(len(self.residuals)))]
        turns = int(rng.integers(4))
        # Turned by 90 degrees, what is cropped is as wide as the result is high.
        height, width = shape if turns % 2 == 0 else shape[::-1]
        if height > residual.shape[0] or width > residual.shape[1]:
            turns, (height, width) = 2 * (turns // 2), shape
        if height > residual.shape[0] or width > residual.shape[1]:
            raise BadInputError(
                "the residuals are smaller than the image",
                expected=f"at least {height} x {width} voxels",
                found=f"{residual.shape[0]} x {residual.shape[1]}",
            )
        row, column = (
            int(rng.integers(size - wanted + 1))
            for size, wanted in zip(residual.shape, (height, width), strict=True)
        )
        drawn = np.rot90(residual[row : row + height, column : column + width], turns)
        return -drawn if self.random_sign and rng.random() < 0.5 else drawn

    def cover(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """Noise of any shape: one residual where all are large enough, else many that overlap.

        Where they overlap, weights whose squares add up to 1 leave the variance as it is; where the
        overlaps lie is random.
        """
        width = min(min(residual.shape) for residual in self.residuals)
        if max(shape) <= width:
            return self.draw(shape, rng)
        overlap = width // 4
        step = width - overlap
        rising = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1))
        window = np.concatenate([rising, np.ones(width - 2 * overlap), rising[::-1]]).astype(np.float32)
        first = [overlap + int(rng.integers(step)) for _ in shape]
        starts = [range(0, begin + n, step) for begin, n in zip(first, shape, strict=True)]
        noise = np.zeros([one[-1] + width for one in starts], np.float32)
        for row, column in itertools.product(*starts):
            drawn = self.draw((width, width), rng) * window[:, None] * window
            noise[row : row + width, column : column + width] += drawn
        return noise[first[0] : first[0] + shape[0], first[1] : first[1] + shape[1]]
