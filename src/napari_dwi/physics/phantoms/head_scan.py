"""The digital head on a scanner."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.head import digital_head
from napari_dwi.physics.phantoms.head_tissues import (
    BRAIN,
    LESION,
    LESION_T2_RISE,
    LESIONS,
    PARAMETERS,
    TISSUES,
)
from napari_dwi.physics.phantoms.scanning import (
    GAIN,
    ReceiveField,
    anatomy_grid,
    anatomy_image,
    axial_grid,
    lowest_and_highest_mm,
    noisy_scan,
    signal_and_maps,
    texture,
)
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.scan_noise import ScanNoise
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.images import DwiSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CENTRE_MM = (0.0, -12.0, 13.0)
_RECEIVE_FIELD = ReceiveField((0.0, -15.0, 10.0), (80.0, 100.0, 90.0))
_LESION_RISE = {"T1": 0.0, "T2": LESION_T2_RISE}

# A voxel belongs to a tissue from this share on; what is thinner stays out of the regions. CSF
# is so bright that a little of it spoils the values of a lesion.
_PURE_ENOUGH = 0.7
_LESION_ENOUGH = 0.5
_MOST_CSF_IN_LESION = 0.1


def simulate_brain(
    snr: float = 5.0,
    seed: int = 0,
    shape: tuple[int, int, int] = (112, 128, 24),
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
    b_values: Sequence[float] = (0, 50, 400, 800),
    noise: ScanNoise | None = None,
    head_seed: int = 7,
) -> SimulatedScan:
    """Scan a digital head with three fresh infarcts.

    Parameters
    ----------
    snr : float
        Signal-to-noise ratio: mean noise-free signal at b = 0 over the brain (voxels that are mostly
        grey matter, white matter or lesion), divided by sigma. ``inf`` gives no noise.
    seed : int
        Seed of the noise.
    shape : (int, int, int)
        Voxels of the series along x (to the left), y (anterior) and z (superior).
    spacing_mm : (float, float, float)
        Voxel size in mm.
    b_values : sequence of float
        One b-value for each volume, s/mm2.
    noise : ScanNoise, optional
        What the noise is like; by default white and the same in all volumes.
    head_seed : int
        Whose head; another one folds the cortex differently.

    Returns
    -------
    SimulatedScan
        The same bytes for the same parameters.

    Raises
    ------
    BadInputError
        If the SNR is not positive, the grid or the b-values cannot be used, or the grid misses the
        brain.
    """
    if not snr > 0:
        raise BadInputError("not a signal-to-noise ratio", expected="a positive number", found=f"{snr:g}")
    diffusion = BValues(np.asarray(b_values, dtype=np.float64), origin="simulated")
    grid = axial_grid(shape, spacing_mm, _CENTRE_MM)
    fine_grids = {name: anatomy_grid(grid, name, _CENTRE_MM) for name in ("T1", "T2")}
    # From the lowest to the highest slice of all grids; the rest would take time only.
    lowest, highest = lowest_and_highest_mm(grid, *fine_grids.values())
    head = digital_head(head_seed, int(np.floor(lowest)) - 1, int(np.ceil(highest)) + 1)
    tissues, lesions = head.shares_on(grid)
    shares = _with_lesions(tissues, lesions)
    shading = texture(grid, "series") * _RECEIVE_FIELD.on(grid)

    properties = [*PARAMETERS.values(), LESION]
    signal, maps = signal_and_maps(shares, properties, shading, diffusion)
    brain = shares[[TISSUES.index(name) for name in BRAIN]].sum(axis=0) + lesions.sum(axis=0) > 0.5
    if not brain.any():
        found = f"shape {shape}, voxels of {spacing_mm} mm"
        raise BadInputError("the grid does not reach the brain", found=found)
    brightness = np.array([tissue.s0 for tissue in properties], dtype=np.float32)
    at_zero = GAIN * shading * np.tensordot(brightness, shares, axes=1)
    sigma = float(at_zero[brain].mean() / snr)

    rng = np.random.default_rng(seed)
    truth = DwiSeries(signal, grid, diffusion, "brain")
    scan = noisy_scan("brain", truth, maps, *_regions(tissues, lesions), sigma, noise, rng)
    anatomy = tuple(
        anatomy_image(head, name, fine, properties[:-1], _RECEIVE_FIELD, rng, _LESION_RISE[name])
        for name, fine in fine_grids.items()
    )
    return replace(scan, anatomy=anatomy)


def _with_lesions(tissues: NDArray[np.float32], lesions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares of all tissues and, last, of lesions, which take the place of the brain they are in."""
    shares = np.concatenate([tissues, lesions.sum(axis=0, keepdims=True)])
    brain = [TISSUES.index(name) for name in BRAIN]
    whole = shares[brain].sum(axis=0)
    shares[brain] *= 1 - np.minimum(shares[-1] / np.maximum(whole, np.float32(1e-6)), 1)
    return shares


def _regions(
    tissues: NDArray[np.float32], lesions: NDArray[np.float32]
) -> tuple[NDArray[np.float32], dict[int, str]]:
    grey = tissues[TISSUES.index("grey matter")] + tissues[TISSUES.index("deep grey matter")]
    regions = {
        "white matter": tissues[TISSUES.index("white matter")],
        "grey matter": grey,
        "CSF": tissues[TISSUES.index("CSF")],
    }
    sound = lesions.sum(axis=0) < 0.05
    labels = np.zeros(grey.shape, dtype=np.float32)
    for code, share in enumerate(regions.values(), start=1):
        labels[(share > _PURE_ENOUGH) & sound] = code
    for code, share in enumerate(lesions, start=len(regions) + 1):
        labels[(share > _LESION_ENOUGH) & (regions["CSF"] < _MOST_CSF_IN_LESION)] = code
    return labels, dict(enumerate((*regions, *LESIONS), start=1))
