from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._levenberg_marquardt import Slope, minimise, solved


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_systems_are_solved_all_at_once(size: int, rng: np.random.Generator) -> None:
    root = rng.normal(size=(size, size, 50))
    matrix = np.einsum("ikn,jkn->ijn", root, root) + 0.1 * np.eye(size)[:, :, None]
    right = rng.normal(size=(size, 50))
    expected = np.stack([np.linalg.solve(matrix[..., n], right[:, n]) for n in range(50)], axis=-1)
    np.testing.assert_allclose(solved(matrix, right), expected, rtol=1e-8)


def bowl(middle: np.ndarray, tilt: float = 0.5):
    """A quadratic with its minimum at ``middle`` (2, n), its axes not those of the parameters."""
    matrix = np.array([[1.0, tilt], [tilt, 1.0]])

    def evaluate(u: np.ndarray, voxels: np.ndarray) -> Slope:
        offset = u - middle[:, voxels]
        pull = matrix @ offset
        curvature = np.broadcast_to(matrix[..., None], (2, 2, u.shape[1])).copy()
        return Slope(0.5 * (offset * pull).sum(axis=0) + 1.0, -pull, curvature)

    return evaluate


def minimum_of(middle: np.ndarray, tilt: float = 0.5):
    start = np.full(middle.shape, 0.5)
    floor = np.full(middle.shape[1], -np.inf)
    return minimise(bowl(middle, tilt), start, small_gain=1e-14, small_move=1e-12, floor=floor)


def test_minima_within_the_bounds_are_found(rng: np.random.Generator) -> None:
    middle = rng.uniform(0.1, 0.9, (2, 200))
    found = minimum_of(middle)
    assert found.converged.all()
    np.testing.assert_allclose(found.u, middle, atol=1e-5)
    np.testing.assert_allclose(found.cost, 1.0)


def test_a_minimum_outside_is_looked_for_along_the_bound() -> None:
    found = minimum_of(np.array([[1.4, 0.4], [0.5, -0.3]]))
    assert found.converged.all()
    # Held at u0 = 1, the bowl is lowest where u1 = 0.5 - tilt (1 - 1.4); likewise at u1 = 0.
    np.testing.assert_allclose(found.u, [[1.0, 0.4 - 0.5 * 0.3], [0.7, 0.0]], atol=1e-5)


def test_a_minimum_beyond_a_corner_ends_in_it() -> None:
    found = minimum_of(np.array([[1.4], [1.2]]))
    np.testing.assert_array_equal(found.u, [[1.0], [1.0]])
    assert found.converged.all()


def test_no_voxel_depends_on_others(rng: np.random.Generator) -> None:
    middle = rng.uniform(-0.2, 1.2, (2, 64))
    together = minimum_of(middle).u
    for n in (0, 13, 63):
        np.testing.assert_array_equal(minimum_of(middle[:, n : n + 1]).u[:, 0], together[:, n])


def test_what_a_voxel_says_nothing_about_is_left_where_it_was() -> None:
    def evaluate(u: np.ndarray, _voxels: np.ndarray) -> Slope:
        curvature = np.zeros((2, 2, u.shape[1]))
        curvature[0, 0] = 1.0
        downhill = np.stack([0.3 - u[0], np.zeros_like(u[1])])
        return Slope(0.5 * (u[0] - 0.3) ** 2, downhill, curvature)

    start = np.array([[0.9], [0.6]])
    found = minimise(evaluate, start, small_gain=1e-12, small_move=1e-12, floor=np.array([1e-20]))
    np.testing.assert_allclose(found.u, [[0.3], [0.6]], atol=1e-6)
