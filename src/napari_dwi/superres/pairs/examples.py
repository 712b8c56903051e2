"""Pairs of a store as examples to learn from, read slice by slice when they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import zero_filled_within_edges
from napari_dwi.superres.pairs.subjects import as_spoken
from napari_dwi.superres.training.examples import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.pairs.pair import PairFacts
    from napari_dwi.superres.pairs.split import Split
    from napari_dwi.superres.pairs.store import PairStore

# A network that is told the noise level learns nothing of images that seem to have none.
_LEAST_NOISE = 1e-3


class PairExamples:
    """Slices of the pairs in a store, split by subject.

    The input is the low-resolution slice, zero-filled as super-resolution does it by default (mirrored at
    the edges), the target the high-resolution one. Both are divided by the scale of the pair, which comes
    from its low-resolution volume. Excluded slices are left out, and pairs of subjects that are in no part
    of the split. Nothing stays in memory but one slice.

    Parameters
    ----------
    store : PairStore
        The pairs.
    split : Split
        Which subjects are for training and which for validation.
    seed : int
        Of the order in training.

    Raises
    ------
    BadInputError
        If a subject of the split has no pair in the store, or the pairs have different factors.
    """

    def __init__(self, store: PairStore, split: Split, *, seed: int = 0) -> None:
        self._store = store
        self._seed = seed
        pairs = store.facts()
        self._training = _slices_of(pairs, split.training, store)
        self._validation = _slices_of(pairs, split.validation, store)
        used = {facts.name: facts for facts, _ in (*self._training, *self._validation)}
        factors = sorted({facts.factor for facts in used.values()})
        if len(factors) > 1:
            raise BadInputError(
                "one network learns one factor of resolution",
                file=store.path,
                expected="pairs of one factor",
                found=", ".join(f"{facts.name}: {facts.factor}" for facts in used.values()),
                remedy="Keep pairs of different factors in different stores.",
            )
        self.factor = factors[0]
        noise = [_noise(facts) for facts in used.values()]
        self.noise_range = min(noise), max(noise)

    def __len__(self) -> int:
        return len(self._training)

    def training(self, epoch: int) -> Iterator[Example]:
        """Every slice once, in another order each epoch; the same for the same epoch."""
        for index in np.random.default_rng((self._seed, epoch)).permutation(len(self._training)):
            yield self._example(*self._training[index])

    def validation(self) -> Iterator[Example]:
        """Every slice, pair by pair, as it is."""
        for facts, z in self._validation:
            yield self._example(facts, z)

    def _example(self, facts: PairFacts, z: int) -> Example:
        scale = np.float32(facts.scale)
        low, high = self._store.low(facts.name, z), self._store.high(facts.name, z)
        return Example(
            on_fine_grid(low, facts.factor) / scale, high / scale, np.asarray(_noise(facts), np.float32)
        )


def on_fine_grid(low: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """A low-resolution slice as networks get it: zero-filled, or as it is where the factor is 1."""
    return low if factor == 1 else zero_filled_within_edges(low, factor)


def _slices_of(
    pairs: Sequence[PairFacts], subjects: Iterable[str], store: PairStore
) -> tuple[tuple[PairFacts, int], ...]:
    """Every slice of these subjects that is not excluded, the last one of each pair too."""
    of_subject: dict[str, list[PairFacts]] = {}
    for facts in pairs:
        of_subject.setdefault(as_spoken(facts.subject), []).append(facts)
    missing = [subject for subject in subjects if as_spoken(subject) not in of_subject]
    if missing:
        raise BadInputError(
            "subjects of the split have no pair in the store",
            file=store.path,
            expected=f"some of: {', '.join(sorted({facts.subject for facts in pairs})) or 'none'}",
            found=", ".join(missing),
        )
    chosen = (facts for subject in subjects for facts in of_subject[as_spoken(subject)])
    return tuple((facts, z) for facts in chosen for z in facts.used)


def _noise(facts: PairFacts) -> float:
    return max(facts.noise, _LEAST_NOISE)
