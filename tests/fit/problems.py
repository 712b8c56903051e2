"""Fit problems for the parts of fit methods, without a series around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_dwi.fit._problem import FitProblem
from napari_dwi.physics.signal_models import find_model

from .curves import B_VALUES


def make_problem(
    model: str = "ivim",
    b_values: Sequence[float] = B_VALUES,
    *,
    weights: Sequence[float] | None = None,
    sigma: float | None = None,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> FitProblem:
    """A problem with the default bounds of its model."""
    known = find_model(model)
    default = [parameter.bounds for parameter in known.shape]
    return FitProblem(
        known,
        np.array(b_values, dtype=np.float64),
        np.ones(len(b_values)) if weights is None else np.array(weights, dtype=np.float64),
        np.array(default if bounds is None else bounds),
        sigma,
    )
