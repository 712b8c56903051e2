"""The two steps by which SI-CNN renews the signals it learns from, and when it stops.

Stacks are tensors (n_slices, n_b, height, width); masks (n_slices, height, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch.nn.functional import pad

TOLERANCE, LIMIT = "tolerance", "limit"

_WINDOW = tuple(product(range(3), repeat=2))
_MIDDLE = (1, 1)


def similar_mean(
    signal: torch.Tensor, predicted: torch.Tensor, inside: torch.Tensor, around_diff: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step A: every voxel's signal becomes the mean over itself and its similar neighbours.

    Parameters
    ----------
    signal : Tensor
        The signals learnt from.
    predicted : Tensor
        What the network predicts of them.
    inside : Tensor of bool
        The mask; voxels outside are nobody's neighbour.
    around_diff : float
        A voxel of the 3 x 3 window is similar if its prediction differs by no more, as a mean over the
        b-values.

    Returns
    -------
    Tensor, Tensor
        The new signals, 0 outside, and how many voxels each is the mean of, 0 outside.
    """
    height, width = inside.shape[1:]
    mask = inside.to(signal.dtype)
    around = [pad(stack, (1, 1, 1, 1)) for stack in (signal, predicted, mask[:, None])]
    total = torch.zeros_like(signal)
    count = torch.zeros_like(mask)
    for row, column in _WINDOW:
        x, p, m = (stack[..., row : row + height, column : column + width] for stack in around)
        weight = mask * m[:, 0]
        if (row, column) != _MIDDLE:
            weight = weight * ((p - predicted).abs().mean(dim=1) <= around_diff)
        total += weight[:, None] * x
        count += weight
    return total / count.clamp(min=1)[:, None], count


def replaced(
    renewed: torch.Tensor, signal: torch.Tensor, predicted: torch.Tensor, fitting_max: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step B: samples that were fitted badly become the prediction.

    Parameters
    ----------
    renewed : Tensor
        The signals after step A, or ``signal`` without it.
    signal : Tensor
        The signals that the network fitted.
    predicted : Tensor
        Its prediction.
    fitting_max : float
        Fitting error |predicted - signal| from which a sample is replaced.

    Returns
    -------
    Tensor, Tensor of bool
        The new signals, and which samples were replaced.
    """
    bad = (predicted - signal).abs() >= fitting_max
    return torch.where(bad, predicted, renewed), bad


def why_stop(changes: Sequence[float], tolerance: float, limit: int) -> str | None:
    """Why to renew the signals no more after these changes, or ``None``.

    Parameters
    ----------
    changes : sequence of float
        Root mean square change of the signals by every iteration up to now.
    tolerance : float
        Share of the first change (lambda) below which a change counts as none.
    limit : int
        Iterations at most.
    """
    if changes and (changes[-1] == 0 or changes[-1] < tolerance * changes[0]):
        return TOLERANCE
    return LIMIT if len(changes) >= limit else None
