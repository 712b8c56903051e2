"""Which subjects a network learns from, and which it never sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.superres.pairs.subjects import as_spoken

_FEWEST, _FEWEST_WITH_TEST = 2, 3


@dataclass(frozen=True)
class Split:
    """Subjects, each in one part only.

    Parameters
    ----------
    training, validation : tuple of str
        Whose pairs a network learns from, and whose say when to stop.
    test : tuple of str
        Whose pairs training never touches.

    Raises
    ------
    BadInputError
        If a subject is in two parts, whatever its capitals and blanks, or one of the first two is empty.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.training or not self.validation:
            raise BadInputError(
                "a split needs subjects for training and others for validation",
                found=f"{len(self.training)} and {len(self.validation)}",
            )
        seen: dict[str, str] = {}
        for part in ("training", "validation", "test"):
            for subject in getattr(self, part):
                spoken = as_spoken(subject)
                if spoken in seen:
                    raise BadInputError(
                        f"subject {subject} is in the split twice",
                        expected="every subject in one part only, once",
                        found=f"{seen[spoken]} and {part}",
                    )
                seen[spoken] = part

    @property
    def subjects(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.training, *self.validation, *self.test)


def split_subjects(
    subjects: Iterable[str], *, seed: int = 0, validation: float = 0.2, test: float = 0.2
) -> Split:
    """Draw which subjects are for training, for validation and for testing.

    Parameters
    ----------
    subjects : iterable of str
        The subjects; one named several times, as those of several pairs, counts once. Their order does not
        matter.
    seed : int
        Of the draw.
    validation, test : float
        Shares, from 0 to below 1. Validation gets one subject at least, and so does the test where there
        are three and its share is not 0; training gets the rest, one at least.

    Raises
    ------
    BadInputError
        If there are fewer than two subjects, or the shares leave nothing for training.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise BadInputError(
            "such shares leave nothing for training",
            expected="shares from 0 that add up to less than 1",
            found=f"{validation:g} for validation and {test:g} for the test",
        )
    drawn = sorted(set(subjects))
    n = len(drawn)
    if n < _FEWEST:
        raise BadInputError(
            "validation needs a subject of its own",
            expected="pairs of two subjects at least",
            found=", ".join(drawn) or "none",
            remedy="Add pairs of another subject.",
        )
    np.random.default_rng(seed).shuffle(drawn)
    n_test = min(max(1, round(n * test)), n - 2) if test > 0 and n >= _FEWEST_WITH_TEST else 0
    n_validation = min(max(1, round(n * validation)), n - n_test - 1)
    held_out = n_test + n_validation
    return Split(tuple(drawn[held_out:]), tuple(drawn[n_test:held_out]), tuple(drawn[:n_test]))
