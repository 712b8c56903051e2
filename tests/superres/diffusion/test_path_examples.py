from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.superres.diffusion.anchored_path import AnchoredPath
from napari_dwi.superres.diffusion.path_config import PathConfig
from napari_dwi.superres.diffusion.path_examples import PathExamples, noise_of
from napari_dwi.superres.diffusion.residual_spread import ResidualSpread
from napari_dwi.superres.training.examples import Example, SliceExamples, batches

TRAINING_MARK, VALIDATION_MARK = 5.0, 9.0


def config(**choices: Any) -> PathConfig:
    return PathConfig(**({"n_steps": 10, "bank_tiles": 3, "bank_width": 12} | choices))


def slices(rng: np.random.Generator, mark: float, n: int, noise: float = 0.1) -> list[Example]:
    """Sharp slices of a single value, scanned with noise."""
    made = []
    for _ in range(n):
        target = np.full((16, 20), mark, np.float32)
        image = target + rng.normal(0, noise, target.shape).astype(np.float32)
        made.append(Example(image, target, np.asarray(noise, np.float32)))
    return made


@pytest.fixture
def examples(rng: np.random.Generator) -> SliceExamples:
    return SliceExamples(slices(rng, TRAINING_MARK, 6), slices(rng, VALIDATION_MARK, 4))


@pytest.mark.parametrize(("sees_anchor", "channels"), [(False, 2), (True, 3)])
def test_examples_show_where_they_stand_and_the_anchor_on_request(
    examples: SliceExamples, sees_anchor: bool, channels: int
) -> None:
    on_path = PathExamples(examples, config(sees_anchor=sees_anchor))
    assert len(on_path) == 6
    anchors = {float(example.image[0, 0]) for example in examples.training(1)}
    for example in on_path.training(1):
        assert example.image.shape == (channels, 16, 20)
        assert example.image.dtype == np.float32
        fractions = np.unique(example.image[-1])
        assert len(fractions) == 1
        assert round(float(fractions[0]) * 10) in range(1, 11)
        if sees_anchor:
            assert float(example.image[1, 0, 0]) in anchors


def test_slices_on_the_path_have_its_mean_and_spread(rng: np.random.Generator) -> None:
    chosen = config(bank_tiles=50, beta=2.0)
    on_path = PathExamples(SliceExamples(slices(rng, 1.0, 200, noise=0.3), slices(rng, 1.0, 1)), chosen)
    rms = on_path.spread.rms(0.3)
    assert rms == pytest.approx(0.3, rel=0.02)
    standing = [example.image for epoch in range(1, 9) for example in on_path.training(epoch)]
    half_way = np.stack([image[0] for image in standing if image[-1, 0, 0] == 0.5])
    assert half_way.mean() == pytest.approx(1, abs=0.05)
    path = AnchoredPath(10, 2.0 * rms)
    expected = path.sigma**2 * path.accumulated(5) + (0.5 * rms) ** 2
    assert half_way.var() == pytest.approx(expected, rel=0.05)


def test_noise_is_drawn_from_training_slices_alone(rng: np.random.Generator) -> None:
    """Validation slices, whose residuals are a hundred times as strong, leave no trace."""
    strong = slices(rng, VALIDATION_MARK, 4, noise=10.0)
    training = slices(rng, TRAINING_MARK, 6)
    on_path, other = (
        PathExamples(SliceExamples(training, validation), config())
        for validation in (strong, slices(rng, VALIDATION_MARK, 4))
    )
    for name, tensor in on_path.tensors().items():
        np.testing.assert_array_equal(tensor, other.tensors()[name])
    assert on_path.spread.rms(0.1) == pytest.approx(0.1, rel=0.1)


def test_validation_is_always_the_same_and_all_along_the_path(rng: np.random.Generator) -> None:
    many = SliceExamples(slices(rng, TRAINING_MARK, 3), slices(rng, VALIDATION_MARK, 30))
    on_path = PathExamples(many, config())
    first, second = ([example.image for example in on_path.validation()] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert {round(10 * float(image[-1, 0, 0])) for image in first} == set(range(1, 11))


def test_an_epoch_is_the_same_each_time_and_unlike_the_next(examples: SliceExamples) -> None:
    on_path = PathExamples(examples, config())
    first, again, next_one = ([one.image for one in on_path.training(epoch)] for epoch in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_one)


def test_the_papers_parameterisation_never_stands_at_the_end(examples: SliceExamples) -> None:
    on_path = PathExamples(examples, config(n_steps=2, parameterisation="paper"))
    for example in (*on_path.training(1), *on_path.validation()):
        assert float(example.image[-1].max()) == 0.5


def test_a_network_keeps_the_noise_of_its_training(examples: SliceExamples) -> None:
    on_path = PathExamples(examples, config())
    bank, spread = noise_of(config(), on_path.tensors())
    assert spread.rms(0.1) == pytest.approx(on_path.spread.rms(0.1), rel=1e-6)
    seeds = np.random.default_rng(3), np.random.default_rng(3)
    np.testing.assert_array_equal(bank.draw((8, 8), seeds[0]), on_path.bank.draw((8, 8), seeds[1]))
    assert np.stack(bank.residuals).std() == pytest.approx(1, abs=1e-5)
    assert np.stack(bank.residuals).shape == (3, 12, 12)


def test_slices_smaller_than_what_is_kept_are_mirrored(rng: np.random.Generator) -> None:
    small = [
        Example(one.image[:5, :7], one.target[:5, :7], one.noise) for one in slices(rng, TRAINING_MARK, 2)
    ]
    on_path = PathExamples(SliceExamples(small, small), config())
    assert on_path.tensors()["residual_bank"].shape == (3, 12, 12)
    assert next(iter(on_path.training(1))).image.shape == (2, 5, 7)


def test_slices_on_a_path_are_stacked_by_their_channels(examples: SliceExamples) -> None:
    batch = next(batches(PathExamples(examples, config()).training(1), 4))
    assert (batch.image.shape, batch.target.shape) == ((4, 2, 16, 20), (4, 1, 16, 20))


def test_pairs_that_do_not_differ_are_refused(rng: np.random.Generator) -> None:
    same = slices(rng, TRAINING_MARK, 2, noise=0.0)
    with pytest.raises(BadInputError, match="no residuals to take noise from"):
        PathExamples(SliceExamples(same, same), config())


def test_a_stop_is_heard_while_residuals_are_measured(examples: SliceExamples) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        PathExamples(examples, config(), check=stop)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"n_steps": 1}, "no such path"),
        ({"beta": -1.0}, "no such path"),
        ({"bank_tiles": 0}, "bank_tiles cannot be used; expected a whole number from 1"),
        ({"bank_width": 5000}, "bank_width cannot be used"),
    ],
)
def test_paths_that_cannot_be_are_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        config(**choices)


def test_the_critical_beta_of_a_path_is_told() -> None:
    assert config(n_steps=20).critical_beta == pytest.approx(0.163299, abs=1e-6)


@pytest.mark.parametrize(("detail", "share"), [(0.02, 0.8), (0.0, 1.0), (0.1, 0.0)])
def test_the_spread_of_residuals_is_found_at_any_noise(
    detail: float, share: float, rng: np.random.Generator
) -> None:
    noise = rng.uniform(0.01, 0.15, 200)
    squares = (detail**2 + (share * noise) ** 2) * rng.gamma(10, 0.1, 200)
    found = ResidualSpread.measured(noise, squares)
    for sigma in (0.02, 0.05, 0.1):
        assert found.rms(sigma) == pytest.approx(np.hypot(detail, share * sigma), rel=0.1)


def test_the_spread_of_residuals_is_found_at_a_single_noise() -> None:
    found = ResidualSpread.measured(np.full(5, 0.05), np.full(5, 0.01))
    assert found.rms(0.05) == pytest.approx(0.1)
