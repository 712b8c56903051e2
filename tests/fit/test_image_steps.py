"""The two steps that renew signals, on slices small enough to reckon by hand, and when they end."""

from __future__ import annotations

import pytest
import torch

from napari_dwi.fit._image_steps import LIMIT, TOLERANCE, replaced, similar_mean, why_stop


def stack(*rows: list[float]) -> torch.Tensor:
    """One slice at one b-value."""
    return torch.tensor(rows)[None, None]


EVERYWHERE = torch.ones(1, 1, 4, dtype=torch.bool)


def test_only_similar_neighbours_are_averaged() -> None:
    signal = stack([1.0, 3.0, 10.0, 20.0])
    predicted = stack([0.50, 0.51, 0.90, 0.91])
    mean, count = similar_mean(signal, predicted, EVERYWHERE, 0.02)
    torch.testing.assert_close(mean, stack([2.0, 2.0, 15.0, 15.0]))
    torch.testing.assert_close(count[0, 0], torch.full((4,), 2.0))


def test_a_voxel_is_always_its_own_neighbour() -> None:
    signal, predicted = torch.rand(2, 2, 3, 5, 4)
    inside = torch.ones(2, 5, 4, dtype=torch.bool)
    mean, count = similar_mean(signal, predicted, inside, 0.0)
    torch.testing.assert_close(mean, signal)
    assert (count == 1).all()


def test_the_window_is_three_by_three() -> None:
    signal = torch.zeros(1, 1, 5, 5)
    signal[0, 0, 2, 2] = 9.0
    mean, count = similar_mean(signal, torch.zeros(1, 1, 5, 5), torch.ones(1, 5, 5, dtype=torch.bool), 1.0)
    assert mean[0, 0, 1, 1] == 1.0
    assert mean[0, 0, 0].abs().sum() == 0
    assert count[0, 2, 2] == 9
    assert count[0, 0, 0] == 4


def test_likeness_is_the_mean_over_b_values() -> None:
    predicted = torch.tensor([[0.0, 0.03], [0.0, 0.01]])[None, :, None]
    inside = torch.ones(1, 1, 2, dtype=torch.bool)
    for limit, voxels in ((0.021, 2.0), (0.019, 1.0)):
        _, count = similar_mean(predicted, predicted, inside, limit)
        assert (count == voxels).all()


def test_voxels_outside_the_mask_are_nobodys_neighbours() -> None:
    inside = torch.tensor([[[True, True, False, True]]])
    mean, count = similar_mean(stack([1.0, 3.0, 99.0, 7.0]), torch.zeros(1, 1, 1, 4), inside, 1.0)
    torch.testing.assert_close(mean, stack([2.0, 2.0, 0.0, 7.0]))
    assert count.tolist() == [[[2.0, 2.0, 0.0, 1.0]]]


def test_neighbours_of_other_slices_do_not_count() -> None:
    signal = torch.tensor([1.0, 5.0])[:, None, None, None]
    mean, _ = similar_mean(signal, torch.zeros(2, 1, 1, 1), torch.ones(2, 1, 1, dtype=torch.bool), 1.0)
    torch.testing.assert_close(mean, signal)


def test_samples_fitted_badly_become_the_prediction_and_others_what_step_a_made_of_them() -> None:
    signal, predicted = stack([1.0, 1.0, 1.0]), stack([1.02, 1.03125, 0.9])
    new, bad = replaced(stack([7.0, 8.0, 9.0]), signal, predicted, 0.03125)
    torch.testing.assert_close(new, stack([7.0, 1.03125, 0.9]))
    assert bad.tolist() == [[[[False, True, True]]]]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([], None),
        ([0.1], None),
        ([0.1, 0.002], None),
        ([0.1, 0.001], None),
        ([0.1, 0.0009], TOLERANCE),
        ([0.0], TOLERANCE),
        ([0.1, 0.05, 0.05], None),
        ([0.1, 0.05, 0.05, 0.04], LIMIT),
        ([0.1, 0.05, 0.05, 0.0001], TOLERANCE),
    ],
)
def test_it_stops_below_a_share_of_the_first_change_or_at_the_limit(
    changes: list[float], why: str | None
) -> None:
    assert why_stop(changes, 0.01, 4) == why
