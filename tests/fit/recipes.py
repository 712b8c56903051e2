"""Voxel networks that are trained within a blink."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_dwi.fit._network_recipe import Recipe

from .curves import B_VALUES

LABEL_BOUNDS = ((0.0, 0.7), (0.0, 5e-3), (2e-3, 0.3))


def small_recipe(**changes: Any) -> Recipe:
    """A network trained on true parameters, from random weights."""
    recipe = Recipe(
        model="ivim-dfast",
        b_values=B_VALUES,
        averaged=(1,) * len(B_VALUES),
        snr=30.0,
        ranges=((0.1, 0.5), (0.4e-3, 3e-3), (10e-3, 0.15), (0.8, 1.2)),
        loss="parameters",
        alpha=0.0,
        label_noise="none",
        label_bounds=(),
        drop_at_bounds=False,
        loss_weights=(1.0,) * 4,
        width=8,
        layers=2,
        voxels=1500,
        steps=150,
        batch_size=100,
        learning_rate=5e-3,
        rate_falls=True,
        patience=1.0,
        restarts=2,
        seed=3,
    )
    return replace(recipe, **changes)


def labelled(**changes: Any) -> Recipe:
    """A network trained on maximum likelihood estimates."""
    chosen: dict[str, Any] = {
        "alpha": 1.0,
        "label_noise": "rician",
        "label_bounds": LABEL_BOUNDS,
        "drop_at_bounds": True,
        "snr": 15.0,
    }
    return small_recipe(**chosen | changes)
