"""From the shares of tissues to images: grids, contrast, and what coils and tissue do to evenness."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.physics.phantoms.head_shapes import Noise, Position
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.scan_noise import ScanNoise, noisy_volumes
from napari_dwi.physics.signal import ivim
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Volume

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_dwi.physics.phantoms.digital_body import DigitalBody
    from napari_dwi.physics.phantoms.head_tissues import Tissue
    from napari_dwi.scan.b_values import BValues

# Scanner units of a tissue of brightness 1.
GAIN = 1000.0

# Of anatomical images, relative to tissue of brightness 1.
ANATOMY_NOISE = 0.02

UNITS = {"D": "mm2/s", "f": "1", "Dstar": "mm2/s", "S0": ""}

_TEXTURE_SEEDS = {"series": 11, "anatomy": 12}


@dataclass(frozen=True)
class ReceiveField:
    """How much better coils around the body see its rim than its middle, and one side than the other.

    Parameters
    ----------
    centre_mm, radii_mm : (float, float, float)
        Middle of the body and distances from it to its rim, RAS+ mm.
    """

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]

    def on(self, grid: Grid) -> NDArray[np.floating[Any]]:
        """The factor in every voxel of a grid."""
        p = positions(grid)
        (x, y, z), (a, b, c) = self.centre_mm, self.radii_mm
        rim = ((p.x - x) / a) ** 2 + ((p.y - y) / b) ** 2 + ((p.z - z) / c) ** 2
        return np.asarray(0.94 + 0.10 * np.minimum(rim, 1.5) + 0.03 * p.x / a - 0.03 * p.y / b)


def axial_grid(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre_mm: tuple[float, float, float],
) -> Grid:
    """Axial slices stored as scanners store them: rows from the right to the left of the patient."""
    return _centred(Grid(shape, np.diag([-spacing_mm[0], *spacing_mm[1:], 1.0]), "simulated"), centre_mm)


def anatomy_grid(dwi: Grid, name: str, centre_mm: tuple[float, float, float]) -> Grid:
    """A finer grid for an anatomical image: the patient has moved a little, the slices are tilted."""
    flip, tilt, turn, moved = {
        "T1": ((1.0, 1.0, 1.0), 3.0, -1.5, (1.3, -2.1, 1.7)),
        "T2": ((-1.0, -1.0, 1.0), -2.0, 1.0, (-0.8, 1.4, 0.9)),
    }[name]
    nx, ny, nz = dwi.shape
    steps = np.asarray(dwi.spacing_mm) * (0.5, 0.5, 0.75) * flip
    (cos_x, sin_x), (cos_z, sin_z) = ((np.cos(a), np.sin(a)) for a in np.deg2rad((tilt, turn)))
    about_x = np.array([[1, 0, 0], [0, cos_x, -sin_x], [0, sin_x, cos_x]])
    about_z = np.array([[cos_z, -sin_z, 0], [sin_z, cos_z, 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_z @ about_x @ np.diag(steps)
    grid = Grid((2 * nx, 2 * ny, -(-4 * nz // 3)), affine, "simulated")
    x, y, z = np.add(centre_mm, moved)
    return _centred(grid, (x, y, z))


def lowest_and_highest_mm(*grids: Grid) -> tuple[float, float]:
    """How far down and up the voxels of some grids reach, in mm."""
    ends = [grid.to_mm(np.indices((2, 2, 2)).reshape(3, -1).T * grid.shape - 0.5)[:, 2] for grid in grids]
    return float(np.min(ends)), float(np.max(ends))


def signal_and_maps(
    shares: NDArray[np.float32],
    tissues: Sequence[Tissue],
    shading: NDArray[np.floating[Any]],
    b_values: BValues,
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """The noise-free series, and maps of D, f, Dstar and S0 weighted by what is visible of each tissue.

    Parameters
    ----------
    shares : ndarray, float32, shape (n_tissues, x, y, z)
        How much of each voxel each tissue takes.
    tissues : sequence of Tissue
        In the order of ``shares``.
    shading : ndarray, shape (x, y, z)
        A factor for every voxel.
    b_values : BValues
        Of the volumes to make.
    """
    s0, d, f, d_star = (
        np.array([getattr(tissue, name) for tissue in tissues], dtype=np.float32)
        for name in ("s0", "d", "f", "d_star")
    )
    decay = ivim(b_values.values, s0, f, d, d_star).astype(np.float32)
    signal = np.tensordot(shares, decay, axes=(0, 0)) * (np.float32(GAIN) * shading[..., np.newaxis])
    visible = np.tensordot(s0, shares, axes=1)
    with np.errstate(invalid="ignore"):
        perfused = np.tensordot(s0 * f, shares, axes=1)
        maps = {
            "D": np.tensordot(s0 * (1 - f) * d, shares, axes=1) / (visible - perfused),
            "f": perfused / visible,
            "Dstar": np.tensordot(s0 * f * d_star, shares, axes=1) / perfused,
            "S0": np.float32(GAIN) * shading * visible,
        }
    return np.ascontiguousarray(signal), maps


def noisy_scan(
    name: str,
    truth: DwiSeries,
    maps: Mapping[str, NDArray[np.floating[Any]]],
    labels: NDArray[np.floating[Any]],
    label_names: Mapping[int, str],
    sigma: float,
    noise: ScanNoise | None,
    rng: np.random.Generator,
) -> SimulatedScan:
    """A scan with noise and all that is known about it, still without anatomy.

    Parameters
    ----------
    name : str
        Name of the series.
    truth : DwiSeries
        The series without noise.
    maps : mapping of str to ndarray, shape (x, y, z)
        True D, f, Dstar and S0.
    labels : ndarray, shape (x, y, z)
        Regions.
    label_names : mapping of int to str
        What they are.
    sigma : float
        Noise level in scanner units.
    noise : ScanNoise or None
        What the noise is like; ``None`` is white and the same in all volumes.
    rng : Generator
        Of the noise; what it gives next is free for the noise of the anatomy.
    """
    kind = noise or ScanNoise()
    noisy = noisy_volumes(truth.signal, truth.b_values, sigma, GAIN * ANATOMY_NOISE, kind, rng)
    return SimulatedScan(
        series=replace(truth, signal=noisy, name=name, notes=("simulated",)),
        truth=replace(truth, name=f"{name} truth", notes=("simulated", "without noise")),
        anatomy=(),
        labels=Volume(labels.astype(np.float32), truth.grid, "labels", name="regions"),
        label_names=label_names,
        parameters={
            map_name: Volume(values.astype(np.float32), truth.grid, "map", UNITS[map_name], map_name)
            for map_name, values in maps.items()
        },
        sigma=sigma,
        noise=kind,
    )


def anatomy_image(
    body: DigitalBody,
    name: str,
    grid: Grid,
    tissues: Sequence[Tissue],
    receive_field: ReceiveField,
    rng: np.random.Generator,
    lesion_rise: float = 0.0,
    supersampling: int = 2,
) -> Volume:
    """A T1- or T2-weighted image of a body, with a little noise."""
    levels = (getattr(tissue, name.lower()) for tissue in tissues)
    brightness = dict(zip(body.names, levels, strict=True))
    image = body.image_on(grid, brightness, lesion_rise, supersampling)
    clean = image * texture(grid, "anatomy") * receive_field.on(grid)
    noisy = add_rician_noise(GAIN * clean, GAIN * ANATOMY_NOISE, rng)
    return Volume(noisy.astype(np.float32), grid, "anatomy", name=name, notes=("simulated",))


def texture(grid: Grid, of: str) -> NDArray[np.floating[Any]]:
    """Tissue is never quite even: a smooth factor around 1, its own for the series and for anatomy."""
    rng = np.random.default_rng(_TEXTURE_SEEDS[of])
    where = positions(grid)
    return (
        1 + np.float32(0.035) * Noise(rng, 40.0, 0.5).at(where) + np.float32(0.02) * Noise(rng, 9.0).at(where)
    )


def positions(grid: Grid) -> Position:
    """The centres of all voxels of a grid."""
    x, y, z = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)).astype(np.float32), -1, 0)
    return Position(x, y, z)


def _centred(grid: Grid, centre_mm: tuple[float, float, float]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += centre_mm - grid.to_mm((np.asarray(grid.shape) - 1) / 2)
    return Grid(grid.shape, affine, grid.affine_source)
