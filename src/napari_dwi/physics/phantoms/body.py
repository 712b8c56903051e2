"""Parts of the body made of formulas, and how they are scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.digital_body import DigitalBody
from napari_dwi.physics.phantoms.head_painting import Painting
from napari_dwi.physics.phantoms.head_shapes import Noise, Position
from napari_dwi.physics.phantoms.scanning import (
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

    from napari_dwi.physics.phantoms.head_shapes import Field, Point
    from napari_dwi.physics.phantoms.head_tissues import Tissue

# Slices of the lattice worked out at once.
_SLAB = 16

# A voxel belongs to a tissue from this share on, and to a lesion from this one.
_PURE_ENOUGH = 0.8
_LESION_ENOUGH = 0.6


@dataclass(frozen=True, eq=False)
class Unevenness:
    """Random fields with which formulas are made to look grown.

    Parameters
    ----------
    coarse, medium, fine : ndarray, float32, shape (x, y, z)
        Wavelengths of 30, 15 and 7 mm; mean 0 and standard deviation 1.
    """

    coarse: Field
    medium: Field
    fine: Field


@dataclass(frozen=True, eq=False)
class BodyPart:
    """A part of the body that can be simulated.

    Parameters
    ----------
    name : str
        As typed on the command line.
    tissues : mapping of str to Tissue
        What it is made of.
    lesions : tuple of str
        Those of the tissues that are lesions.
    regions : tuple of str
        The tissues to make regions of, besides the lesions.
    seen : tuple of str
        The tissues whose mean signal at b = 0 is the signal of the signal-to-noise ratio.
    paint : callable
        ``paint(painting, position, unevenness)`` lays the tissues one over the other.
    lowest_mm, highest_mm : (float, float, float)
        Corners of the box that holds it, RAS+ mm.
    shape : (int, int, int)
        Voxels of the series unless told otherwise.
    spacing_mm : (float, float, float)
        Their size.
    b_values : tuple of float
        s/mm2, unless told otherwise.
    centre_mm : (float, float, float)
        Middle of the series, RAS+ mm.
    lattice_mm : float
        Steps in which the formulas are worked out.
    bend_mm : float
        How far structures are displaced at random; 0 for what is made by machines.
    """

    name: str
    tissues: Mapping[str, Tissue]
    lesions: tuple[str, ...]
    regions: tuple[str, ...]
    seen: tuple[str, ...]
    paint: Callable[[Painting, Position, Unevenness], None]
    lowest_mm: Point
    highest_mm: Point
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    b_values: tuple[float, ...]
    centre_mm: Point = (0.0, 0.0, 0.0)
    lattice_mm: float = 1.5
    bend_mm: float = 1.5


def simulate_body(
    part: BodyPart,
    snr: float = 5.0,
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    spacing_mm: tuple[float, float, float] | None = None,
    b_values: Sequence[float] | None = None,
    noise: ScanNoise | None = None,
    body_seed: int = 7,
) -> SimulatedScan:
    """Scan a part of the body.

    Parameters
    ----------
    part : BodyPart
        Which one.
    snr : float
        Mean noise-free signal at b = 0 over voxels that are mostly made of ``part.seen``, divided by
        sigma. ``inf`` gives no noise.
    seed : int
        Seed of the noise.
    shape, spacing_mm, b_values
        As for `simulate_brain`; by default those of the part.
    noise : ScanNoise, optional
        What the noise is like; by default white and the same in all volumes.
    body_seed : int
        Whose body.

    Returns
    -------
    SimulatedScan
        The same bytes for the same parameters.

    Raises
    ------
    BadInputError
        If the SNR is not positive, the grid or the b-values cannot be used, or the grid misses
        what the SNR is defined by.
    """
    if not snr > 0:
        raise BadInputError("not a signal-to-noise ratio", expected="a positive number", found=f"{snr:g}")
    diffusion = BValues(np.asarray(b_values or part.b_values, dtype=np.float64), origin="simulated")
    grid = axial_grid(shape or part.shape, spacing_mm or part.spacing_mm, part.centre_mm)
    fine_grids = {name: anatomy_grid(grid, name, part.centre_mm) for name in ("T1", "T2")}
    body = digital_body(part, body_seed, *lowest_and_highest_mm(grid, *fine_grids.values()))
    shares, _ = body.shares_on(grid)
    field = ReceiveField(part.centre_mm, _half(part))
    shading = texture(grid, "series") * field.on(grid)

    properties = tuple(part.tissues.values())
    signal, maps = signal_and_maps(shares, properties, shading, diffusion)
    seen = shares[[body.names.index(name) for name in part.seen]].sum(axis=0) > 0.5
    if not seen.any():
        raise BadInputError(f"the grid does not reach the {part.name}", found=f"shape {grid.shape}")
    sigma = float(maps["S0"][seen].mean() / snr)

    rng = np.random.default_rng(seed)
    truth = DwiSeries(signal, grid, diffusion, part.name)
    scan = noisy_scan(part.name, truth, maps, *_regions(part, shares), sigma, noise, rng)
    # Voxels of the anatomy are hardly larger than steps of the lattice.
    anatomy = tuple(
        anatomy_image(body, name, fine, properties, field, rng, supersampling=1)
        for name, fine in fine_grids.items()
    )
    return replace(scan, anatomy=anatomy)


@lru_cache(maxsize=1)
def digital_body(part: BodyPart, seed: int, lowest_mm: float, highest_mm: float) -> DigitalBody:
    """A part of the body between two heights, on its lattice."""
    step = np.float32(part.lattice_mm)
    low, high = np.array(part.lowest_mm), np.array(part.highest_mm)
    low[2] = max(low[2], np.floor(lowest_mm / step - 1) * step)
    high[2] = min(high[2], highest_mm + step)
    x, y, z = (np.arange(a, b + 1e-3, step, dtype=np.float32) for a, b in zip(low, high, strict=True))
    rng = np.random.default_rng(seed)
    bend = [Noise(rng, 70.0, 0.4) for _ in range(3)]
    waves = [Noise(rng, wavelength_mm, 0.4) for wavelength_mm in (30.0, 15.0, 7.0)]
    tissues = np.empty((len(part.tissues), x.size, y.size, z.size), dtype=np.uint8)
    for start in range(0, z.size, _SLAB):
        slab = z[start : start + _SLAB]
        lattice = Position(x.reshape(-1, 1, 1), y.reshape(1, -1, 1), slab.reshape(1, 1, -1))
        painting = Painting((x.size, y.size, slab.size), tuple(part.tissues), part.lattice_mm)
        bent = lattice.moved([field.at(lattice) for field in bend], part.bend_mm) if part.bend_mm else lattice
        part.paint(painting, bent, Unevenness(*(field.at(lattice) for field in waves)))
        tissues[..., start : start + _SLAB] = np.rint(painting.shares * 255)
    tissues.setflags(write=False)
    no_lesions = np.empty((0, *tissues.shape[1:]), dtype=np.uint8)
    corner = (float(x[0]), float(y[0]), float(z[0]))
    return DigitalBody(tuple(part.tissues), tissues, no_lesions, corner, part.lattice_mm)


def _half(part: BodyPart) -> Point:
    x, y, z = (np.array(part.highest_mm) - part.lowest_mm) / 2
    return float(x), float(y), float(z)


def _regions(part: BodyPart, shares: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[int, str]]:
    names = (*part.regions, *part.lesions)
    tissues = list(part.tissues)
    labels = np.zeros(shares.shape[1:], dtype=np.float32)
    for code, name in enumerate(names, start=1):
        enough = _LESION_ENOUGH if name in part.lesions else _PURE_ENOUGH
        labels[shares[tissues.index(name)] > enough] = code
    return labels, dict(enumerate(names, start=1))
