"""A small store of pairs of three subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_dwi.superres.pairs.store import PairStore

from ..superres.pairs.scans import make_facts

SUBJECTS = ("a", "b", "c")
N_SLICES = 4
SHIFT = (0.02, -0.31)


def make_store(folder: Path) -> Path:
    """Four slices of 16 x 12 voxels and twice as many of each; blocks, the coarse ones in noise.

    The first pair was found displaced.
    """
    store = PairStore.create(folder)
    rng = np.random.default_rng(0)
    for subject in SUBJECTS:
        high = np.zeros((N_SLICES, 32, 24), np.float32)
        for image in high:
            row, column = rng.integers(2, 12, 2)
            image[row : row + 14, column : column + 10] = 500
        low = high[:, ::2, ::2] + rng.normal(0, 25, (N_SLICES, 16, 12)).astype(np.float32)
        facts = make_facts(
            f"{subject}-axial",
            subject,
            shape_low=(16, 12, N_SLICES),
            shape_high=(32, 24, N_SLICES),
            shift=SHIFT if subject == SUBJECTS[0] else (0.0, 0.01),
            corrected=SHIFT if subject == SUBJECTS[0] else (0.0, 0.0),
        )
        store.add(facts, low, high)
    return store.path
