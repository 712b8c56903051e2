from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.superres.pairs.examples import PairExamples
from napari_dwi.superres.pairs.split import Split
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.training.examples import Example

from .scans import make_facts, make_images

SPLIT = Split(("a", "b"), ("c",), ("d",))


def fill(path: Path, *, factor: int = 2, shape: tuple[int, int, int] = (8, 9, 5)) -> PairStore:
    """One pair each of subjects a to d, in which slice 1 of the first is excluded."""
    store = PairStore.create(path)
    high = (factor * shape[0], factor * shape[1], shape[2])
    for n, subject in enumerate("abcd"):
        facts = make_facts(
            f"{subject}-1",
            subject,
            factor=factor,
            shape_low=shape,
            shape_high=high,
            scale=500.0 * (n + 1),
            excluded=(1,) if subject == "a" else (),
        )
        store.add(facts, *make_images(facts, seed=n))
    return store


@pytest.fixture
def store(tmp_path: Path) -> PairStore:
    return fill(tmp_path / "pairs.zarr")


def found(examples: Iterable[Example], store: PairStore) -> list[tuple[str, int]]:
    """Name and slice of examples, told from their targets."""
    known = {
        (store.high(facts.name, z) / np.float32(facts.scale)).tobytes(): (facts.name, z)
        for facts in store.facts()
        for z in range(facts.n_slices)
    }
    return [known[example.target.tobytes()] for example in examples]


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_image_and_target_lie_on_each_other_in_units_of_the_low_resolution_scan(
    tmp_path: Path, factor: int
) -> None:
    store = fill(tmp_path / "pairs.zarr", factor=factor)
    examples = PairExamples(store, SPLIT)
    assert examples.factor == factor
    for z, example in enumerate(examples.validation()):
        assert example.image.shape == example.target.shape == (8 * factor, 9 * factor)
        assert example.image.dtype == example.target.dtype == example.noise.dtype == np.float32
        np.testing.assert_allclose(example.target * 1500, store.high("c-1", z), rtol=1e-6)
        coarse = example.image[::factor, ::factor]
        np.testing.assert_allclose(coarse * 1500, store.low("c-1", z), atol=1e-2)
        np.testing.assert_allclose(coarse, example.target[::factor, ::factor], atol=1e-5)
        assert float(example.noise) == pytest.approx(25 / 1500)


def test_subjects_and_excluded_slices_are_kept_apart_and_the_last_slice_is_there(store: PairStore) -> None:
    examples = PairExamples(store, SPLIT)
    expected = [("a-1", z) for z in (0, 2, 3, 4)] + [("b-1", z) for z in range(5)]
    assert len(examples) == 9
    assert sorted(found(examples.training(1), store)) == expected
    # As they are and in their order: nothing is drawn for validation.
    assert found(examples.validation(), store) == [("c-1", z) for z in range(5)]


def test_every_epoch_has_its_own_order_and_keeps_it(store: PairStore) -> None:
    examples, again = PairExamples(store, SPLIT, seed=3), PairExamples(store, SPLIT, seed=3)
    first, second = (found(examples.training(epoch), store) for epoch in (1, 2))
    assert first != second
    assert found(again.training(1), store) == first
    assert found(PairExamples(store, SPLIT, seed=4).training(1), store) != first


def test_the_range_of_the_noise_is_that_of_the_pairs_learnt_from(store: PairStore) -> None:
    assert PairExamples(store, SPLIT).noise_range == pytest.approx((25 / 1500, 25 / 500))


def test_noise_that_is_not_seen_has_a_level_above_0(tmp_path: Path) -> None:
    store = PairStore.create(tmp_path / "pairs.zarr")
    for subject in "ab":
        facts = make_facts(f"{subject}-1", subject, sigma_low=0.0)
        store.add(facts, *make_images(facts))
    examples = PairExamples(store, Split(("a",), ("b",)))
    assert examples.noise_range[0] > 0
    assert all(example.noise > 0 for example in examples.training(1))


def test_a_split_of_other_subjects_and_a_store_of_several_factors_are_refused(store: PairStore) -> None:
    with pytest.raises(BadInputError, match="no pair in the store; expected some of: a, b, c, d, found e"):
        PairExamples(store, Split(("a", "e"), ("c",)))
    facts = make_facts("b-2", "b", factor=1, shape_high=(8, 9, 5))
    store.add(facts, *make_images(facts))
    with pytest.raises(BadInputError, match=r"one factor of resolution; .* b-1: 2, b-2: 1"):
        PairExamples(store, SPLIT)
    assert PairExamples(store, Split(("a",), ("c",))).factor == 2


def test_memory_stays_flat_over_epochs(tmp_path: Path) -> None:
    store = fill(tmp_path / "pairs.zarr", shape=(48, 48, 25))
    examples = PairExamples(store, SPLIT)
    n_bytes = 4 * len(examples) * 5 * 48 * 48

    def run() -> tuple[int, int]:
        """Memory taken at the end of an epoch, and the most that was taken in it."""
        tracemalloc.reset_peak()
        for _ in examples.training(1):
            pass
        return tracemalloc.get_traced_memory()

    # Every pair is opened once.
    list(examples.training(1))
    tracemalloc.start()
    try:
        first, *rest = (run() for _ in range(5))
    finally:
        tracemalloc.stop()
    assert first[1] < n_bytes / 2
    # What is kept stays, and adds up; what zarr's threads hold for a moment is not there in every epoch.
    for which in (0, 1):
        assert min(one[which] for one in rest[-3:]) < first[which] + n_bytes / 50


def test_a_network_learns_from_them(store: PairStore) -> None:
    from napari_dwi.superres.training._training import train
    from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig

    examples = PairExamples(store, SPLIT)
    config = TrainingConfig(epochs=2, batch_size=4, crop=8, learning_rate=1e-2)
    trained = train(NetworkConfig(widths=(2, 2)), config, examples, noise_range=examples.noise_range)
    assert len(trained.history) == 2
    assert trained.history[1].validation_loss < trained.history[0].validation_loss
