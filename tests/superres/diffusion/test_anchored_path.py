from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.superres.diffusion.anchored_path import (
    AnchoredPath,
    Start,
    critical_beta,
    even_grid,
    sample,
    step_back,
)
from napari_dwi.superres.diffusion.residual_bank import ResidualBank

N_PATHS = 200_000


def by_summing(path: AnchoredPath, t: int) -> float:
    return sum(path.shape(k) ** 2 for k in range(1, t + 1))


@pytest.mark.parametrize("n_steps", [2, 5, 10, 100])
def test_the_accumulated_variance_is_the_sum(n_steps: int) -> None:
    path = AnchoredPath(n_steps, 1.0)
    for t in range(n_steps + 1):
        assert path.accumulated(t) == pytest.approx(by_summing(path, t), abs=1e-10)
    whole = 8 / 15 * (n_steps**4 - 1) / n_steps**3
    assert path.accumulated(n_steps) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize(
    ("n_steps", "t", "expected"),
    [
        (2, 2, 1.0),
        (5, 5, 2.6624),
        (10, 10, 5.3328),
        (100, 100, 53.3333328),
        (100, 1, 0.0015682),
        (100, 10, 0.5232533),
        (100, 20, 3.2964266),
        (100, 50, 27.1666664),
        (100, 80, 50.4465062),
        (100, 99, 53.3333328),
    ],
)
def test_constants_of_the_accumulated_variance(n_steps: int, t: int, expected: float) -> None:
    assert AnchoredPath(n_steps, 1.0).accumulated(t) == pytest.approx(expected, abs=1e-7)


def test_the_noise_shapes_add_up() -> None:
    path = AnchoredPath(100, 1.0)
    assert sum(path.shape(t) for t in range(1, 101)) == pytest.approx(2 / 3 * (100**2 - 1) / 100)
    assert path.sigma == pytest.approx(0.13693064, abs=1e-8)


@pytest.mark.parametrize("n_steps", [2, 20, 100])
def test_the_noise_of_a_step_is_that_of_equation_31_with_beta_outside_the_root(n_steps: int) -> None:
    path = AnchoredPath(n_steps, 0.3)
    assert path.sigma == pytest.approx(0.3 * np.sqrt(15 / 8 * n_steps**3 / (n_steps**4 - 1)))
    assert path.sigma == pytest.approx(0.3 / np.sqrt(path.accumulated(n_steps)))


@pytest.mark.parametrize(("n_steps", "expected"), [(20, 4.072), (100, 9.128)])
def test_noise_with_a_mean_would_move_the_end_of_the_path(n_steps: int, expected: float) -> None:
    """By so many times beta and that mean, which is why residuals get a random sign."""
    path = AnchoredPath(n_steps, 1.0)
    moved = path.sigma * sum(path.shape(t) for t in range(1, n_steps + 1))
    assert moved == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("n_steps", "beta"), [(1, 1.0), (0, 1.0), (5, -1.0), (5, np.nan)])
def test_paths_that_cannot_be_are_refused(n_steps: int, beta: float) -> None:
    with pytest.raises(BadInputError, match="no such path"):
        AnchoredPath(n_steps, beta)


@pytest.mark.parametrize(
    ("n_steps", "expected"), [(5, 0.326337), (10, 0.230929), (20, 0.163299), (50, 0.103280), (100, 0.073030)]
)
def test_constants_of_the_critical_beta(n_steps: int, expected: float) -> None:
    beta = critical_beta(1.0, n_steps)
    assert beta == pytest.approx(expected, abs=1e-6)
    assert AnchoredPath(n_steps, beta).sigma == pytest.approx(1 / n_steps)
    assert critical_beta(3.0, n_steps) == pytest.approx(3 * beta)


@pytest.mark.parametrize("times_critical", [0.1, 1.0, 10.0])
def test_the_whole_path_adds_noise_of_beta_at_any_strength(
    times_critical: float, rng: np.random.Generator
) -> None:
    """Step by step; there is no threshold: the error against the anchor is beta^2 throughout."""
    sharp, anchor, n_steps = 2.0, 5.0, 20
    path = AnchoredPath(n_steps, times_critical * critical_beta(3.0, n_steps))
    image = np.full(N_PATHS, sharp)
    for t in range(1, n_steps + 1):
        image = image + (anchor - sharp) / n_steps + path.sigma * path.shape(t) * rng.normal(size=N_PATHS)
    assert image.var() == pytest.approx(path.beta**2, rel=0.02)
    assert np.square(image - anchor).mean() == pytest.approx(path.beta**2, rel=0.02)


@pytest.mark.parametrize("t", [1, 7, 20])
def test_one_draw_has_mean_and_variance_of_the_chain(t: int, rng: np.random.Generator) -> None:
    path = AnchoredPath(20, 1.5)
    chain = np.zeros(N_PATHS)
    for k in range(1, t + 1):
        chain += 4.0 / 20 + path.sigma * path.shape(k) * rng.normal(size=N_PATHS)
    drawn = path.at(t, np.zeros(N_PATHS), np.full(N_PATHS, 4.0), rng.normal(size=N_PATHS))
    assert drawn.mean() == pytest.approx(chain.mean(), abs=0.02)
    assert drawn.var() == pytest.approx(chain.var(), rel=0.02, abs=1e-4)


@pytest.mark.parametrize(("s", "t"), [(20, 50), (80, 100)])
def test_the_step_back_is_the_posterior_of_the_bridge(s: int, t: int, rng: np.random.Generator) -> None:
    path = AnchoredPath(100, 1.0)
    first = np.sqrt(path.accumulated(s)) * rng.normal(size=N_PATHS)
    second = first + np.sqrt(path.accumulated(t) - path.accumulated(s)) * rng.normal(size=N_PATHS)
    gain = float(np.cov(first, second)[0, 1] / second.var())
    spread = float((first - gain * second).var())
    to_s, to_t = path.accumulated(s), path.accumulated(t)
    zero, one = np.zeros(1), np.ones(1)
    # From a noise of 1 with nothing else, and from none with noise drawn.
    assert step_back(path, t, s, one, zero, zero, 1.0, zero) == pytest.approx(gain, abs=4e-3)
    drawn = float(step_back(path, t, s, zero, zero, zero, 1.0, one)[0])
    assert drawn**2 / path.sigma**2 == pytest.approx(spread, rel=0.02)
    assert drawn**2 == pytest.approx(path.sigma**2 * to_s * (to_t - to_s) / to_t)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_any_walk_keeps_the_law_of_the_path_and_ends_at_the_truth(
    eta: float, rng: np.random.Generator
) -> None:
    path = AnchoredPath(20, 0.8)
    sharp, anchor = np.full(N_PATHS, 1.0), np.full(N_PATHS, 3.0)
    seen: list[tuple[int, np.ndarray]] = []

    def oracle(image: np.ndarray, t: int) -> np.ndarray:
        seen.append((t, image))
        return sharp

    made = sample(
        path,
        oracle,
        anchor,
        (20, 14, 9, 3, 0),
        eta=eta,
        start="sampled",
        draw_noise=lambda: rng.normal(size=N_PATHS),
    )
    np.testing.assert_array_equal(made, sharp)
    for t, image in seen:
        assert image.mean() == pytest.approx(1 + 2 * path.fraction(t), abs=0.01)
        assert image.var() == pytest.approx(path.sigma**2 * path.accumulated(t), rel=0.02)


def test_constants_of_the_posterior() -> None:
    path = AnchoredPath(100, 1.0)
    to_20, to_50, to_80 = (path.accumulated(t) for t in (20, 50, 80))
    assert to_20 / to_50 == pytest.approx(0.1213, abs=1e-4)
    assert to_20 * (to_50 - to_20) / to_50 == pytest.approx(2.896, abs=1e-3)
    assert to_80 / path.accumulated(100) == pytest.approx(0.9459, abs=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("start", ["anchor", "sampled"])
@pytest.mark.parametrize("n_calls", [1, 5, 20])
def test_who_knows_the_truth_gets_there_by_any_steps(
    eta: float, start: Start, n_calls: int, rng: np.random.Generator
) -> None:
    sharp, anchor = rng.normal(size=(2, 6, 5))
    made = sample(
        AnchoredPath(20, 0.8),
        lambda *_: sharp,
        anchor,
        even_grid(20, n_calls),
        eta=eta,
        start=start,
        draw_noise=lambda: rng.normal(size=(6, 5)),
    )
    np.testing.assert_array_equal(made, sharp)


def test_from_the_anchor_with_all_noise_drawn_the_walk_is_pinned_at_both_ends(
    rng: np.random.Generator,
) -> None:
    path = AnchoredPath(20, 0.8)
    seen: list[tuple[int, np.ndarray]] = []

    def oracle(image: np.ndarray, t: int) -> np.ndarray:
        seen.append((t, image))
        return np.ones(N_PATHS)

    sample(
        path,
        oracle,
        np.full(N_PATHS, 3.0),
        (20, 14, 9, 3, 0),
        eta=1.0,
        draw_noise=lambda: rng.normal(size=N_PATHS),
    )
    whole = path.accumulated(20)
    for t, image in seen[1:]:
        expected = path.sigma**2 * path.accumulated(t) * (whole - path.accumulated(t)) / whole
        assert image.var() == pytest.approx(expected, rel=0.02)


def test_without_noise_a_walk_is_the_same_each_time(rng: np.random.Generator) -> None:
    path = AnchoredPath(10, 1.0)
    anchor = rng.normal(size=(8, 8))
    first, second = (sample(path, lambda x, t: 0.9 * x - 0.01 * t, anchor, (10, 5, 0)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_single_step_from_the_anchor_is_the_network_itself(rng: np.random.Generator) -> None:
    anchor = rng.normal(size=(8, 8))
    for n_steps in (2, 20):
        made = sample(AnchoredPath(n_steps, 1.0), lambda x, _: x**2, anchor, (n_steps, 0))
        np.testing.assert_array_equal(made, anchor**2)


def test_without_noise_on_the_path_a_step_is_that_of_cold_diffusion(rng: np.random.Generator) -> None:
    """Improved sampling with a known end: x_s = x_t - D(x0, t) + D(x0, s)."""
    path = AnchoredPath(20, 0.0)
    estimate, anchor = rng.normal(size=(2, 100))
    image = path.at(12, estimate, anchor, np.zeros(100))

    def degraded(t: int) -> np.ndarray:
        return (1 - path.fraction(t)) * estimate + path.fraction(t) * anchor

    stepped = step_back(path, 12, 5, image, estimate, anchor, 0.0, None)
    np.testing.assert_allclose(stepped, image - degraded(12) + degraded(5), atol=1e-12)


def test_with_noise_that_grows_evenly_a_step_is_that_of_resshift() -> None:
    """Gain S_s / S_t becomes s / t where S_t = c t; so does theirs, eta_{t-1} / eta_t."""

    class Even(AnchoredPath):
        def accumulated(self, t: int) -> float:
            return 0.7 * t

    stepped = step_back(Even(20, 1.0), 12, 5, np.ones(1), np.zeros(1), np.zeros(1), 1.0, np.zeros(1))
    assert stepped == pytest.approx(5 / 12)


def test_what_is_taken_from_an_image_is_the_residual(rng: np.random.Generator) -> None:
    path = AnchoredPath(20, 0.0)
    sharp, anchor = rng.normal(size=(2, 50))
    for t in (1, 10, 20):
        image = path.at(t, sharp, anchor, np.zeros(50))
        np.testing.assert_allclose(path.sharp_from(t, image, anchor - sharp), sharp, atol=1e-12)
        moved = image - sharp
        np.testing.assert_allclose(path.sharp_from(t, image, moved, "direct"), sharp, atol=1e-12)
    image = path.at(10, sharp, anchor, np.zeros(50))
    # Half way f is 1 and a one half.
    np.testing.assert_allclose(path.sharp_from(10, image, (anchor - sharp) / 2, "paper"), sharp, atol=1e-12)


def test_the_papers_parameterisation_cannot_start_at_the_end() -> None:
    path = AnchoredPath(20, 1.0)
    path.sharp_from(19, np.ones(1), np.ones(1), "paper")
    with pytest.raises(BadInputError, match=r"cannot start at the last step; expected a step up to 19"):
        path.sharp_from(20, np.ones(1), np.ones(1), "paper")


@pytest.mark.parametrize("grid", [(20,), (20, 10), (10, 20, 0), (21, 0), (20, 10, 10, 0)])
def test_steps_that_lead_nowhere_are_refused(grid: tuple[int, ...]) -> None:
    with pytest.raises(BadInputError, match="lead nowhere"):
        sample(AnchoredPath(20, 1.0), lambda x, _: x, np.ones(1), grid)


def test_noise_that_is_needed_must_be_there() -> None:
    with pytest.raises(BadInputError, match="noise is needed"):
        sample(AnchoredPath(20, 1.0), lambda x, _: x, np.ones(1), (20, 0), eta=1.0)


def test_steps_are_spread_evenly() -> None:
    assert even_grid(20, 5) == (20, 16, 12, 8, 4, 0)
    assert even_grid(20, 1) == (20, 0)
    assert even_grid(3, 10) == (3, 2, 1, 0)


def residuals(rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Of every subject six that are all a little positive, with a spread of about 4."""
    return {
        name: [rng.normal(1, 4, (24, 16)).astype(np.float32) for _ in range(6)] for name in ("a", "b", "c")
    }


def test_the_bank_holds_training_subjects_only_and_has_unit_spread(rng: np.random.Generator) -> None:
    by_subject = residuals(rng)
    bank = ResidualBank.from_subjects(by_subject, {"a", "c"})
    assert len(bank.residuals) == 12
    assert np.stack(bank.residuals).std() == pytest.approx(1, abs=1e-5)
    for subject, is_in in (("a", True), ("b", False), ("c", True)):
        found = any(
            np.corrcoef(by_subject[subject][0].ravel(), one.ravel())[0, 1] > 0.999 for one in bank.residuals
        )
        assert found == is_in


@pytest.mark.parametrize("shape", [(24, 16), (16, 16), (10, 14), (20, 10)])
def test_what_is_drawn_has_the_shape_asked_for(shape: tuple[int, int], rng: np.random.Generator) -> None:
    bank = ResidualBank.from_subjects(residuals(rng), {"a"})
    for _ in range(30):
        assert bank.draw(shape, rng).shape == shape


def test_random_signs_leave_no_mean_at_any_voxel(rng: np.random.Generator) -> None:
    def means(random_sign: bool) -> np.ndarray:
        bank = ResidualBank.from_subjects(residuals(rng), {"a"}, random_sign=random_sign)
        drawn = np.stack([bank.draw((16, 16), rng) for _ in range(4000)])
        return drawn.mean(axis=0) / (drawn.std(axis=0) / np.sqrt(len(drawn)))

    # Three standard errors at nearly every one of 256 voxels.
    assert np.mean(np.abs(means(True)) < 3) > 0.97
    assert np.mean(np.abs(means(False)) < 3) < 0.5


@pytest.mark.parametrize("shape", [(100, 70), (16, 90), (8, 8)])
def test_noise_of_any_size_has_unit_spread_everywhere(
    shape: tuple[int, int], rng: np.random.Generator
) -> None:
    white = {"a": [rng.normal(0, 3, (24, 16)).astype(np.float32) for _ in range(40)]}
    bank = ResidualBank.from_subjects(white, {"a"})
    drawn = np.stack([bank.cover(shape, rng) for _ in range(300)])
    assert drawn.shape[1:] == shape
    spread = drawn.std(axis=0)
    assert spread.mean() == pytest.approx(1, abs=0.02)
    assert np.abs(spread - 1).max() < 0.3


def test_a_bank_without_residuals_or_too_small_ones_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(BadInputError, match="no residuals"):
        ResidualBank.from_subjects(residuals(rng), {"d"})
    with pytest.raises(BadInputError, match="smaller than the image"):
        ResidualBank.from_subjects(residuals(rng), {"a"}).draw((40, 16), rng)
