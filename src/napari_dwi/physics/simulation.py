"""Simulated scans with a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.digital_body import DigitalBody
from napari_dwi.physics.head import digital_head
from napari_dwi.physics.head_shapes import Noise, Position
from napari_dwi.physics.head_tissues import BRAIN, LESION, LESION_T2_RISE, LESIONS, PARAMETERS, TISSUES
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal import ivim
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Scanner units of a tissue of brightness 1.
_GAIN = 1000.0

_ANATOMY_SEED = 7
_CENTRE_MM = (0.0, -12.0, 13.0)

# A voxel belongs to a tissue from this share on; what is thinner stays out of the regions. CSF
# is so bright that a little of it spoils the values of a lesion.
_PURE_ENOUGH = 0.7
_LESION_ENOUGH = 0.5
_MOST_CSF_IN_LESION = 0.1

# Of anatomical images, relative to tissue of brightness 1.
_ANATOMY_NOISE = 0.02

_UNITS = {"D": "mm2/s", "f": "1", "Dstar": "mm2/s", "S0": ""}


@dataclass(frozen=True)
class SimulatedScan:
    """A scan of a digital head, and all that is known about it.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series with Rician noise.
    truth : DwiSeries
        The same without noise.
    anatomy : tuple of Volume
        T1 and T2 images on grids of their own, finer and not aligned with the series.
    labels : Volume
        Regions on the grid of the series.
    label_names : mapping of int to str
        1 white matter, 2 grey matter, 3 CSF, then the lesions.
    parameters : mapping of str to Volume
        True D, f, Dstar and S0. In voxels of several tissues, the mean weighted by their signal; the
        signal there is the sum of the tissues and only nearly that of the mean parameters. NaN in
        air; D* also where nothing is perfused.
    sigma : float
        Noise level in scanner units, the same in every volume.
    """

    series: DwiSeries
    truth: DwiSeries
    anatomy: tuple[Volume, ...]
    labels: Volume
    label_names: Mapping[int, str]
    parameters: Mapping[str, Volume]
    sigma: float


def simulate_brain(
    snr: float = 5.0,
    seed: int = 0,
    shape: tuple[int, int, int] = (112, 128, 24),
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 4.0),
    b_values: Sequence[float] = (0, 50, 400, 800),
) -> SimulatedScan:
    """Scan a digital head with three fresh infarcts.

    Parameters
    ----------
    snr : float
        Signal-to-noise ratio: mean noise-free signal at b = 0 over the brain (voxels that are mostly
        grey matter, white matter or lesion), divided by sigma. ``inf`` gives no noise.
    seed : int
        Seed of the noise. The head is always the same.
    shape : (int, int, int)
        Voxels of the series along x (to the left), y (anterior) and z (superior).
    spacing_mm : (float, float, float)
        Voxel size in mm.
    b_values : sequence of float
        One b-value for each volume, s/mm2.

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
    grid = _axial_grid(shape, spacing_mm)
    fine_grids = {name: _anatomy_grid(grid, name) for name in ("T1", "T2")}
    head = _head_for(grid, *fine_grids.values())
    tissues, lesions = head.shares_on(grid)
    shares = _with_lesions(tissues, lesions)
    shading = _texture(grid, 11) * _receive_field(grid)

    signal, maps = _signal_and_maps(shares, shading, diffusion)
    brain = shares[[TISSUES.index(name) for name in BRAIN]].sum(axis=0) + lesions.sum(axis=0) > 0.5
    if not brain.any():
        found = f"shape {shape}, voxels of {spacing_mm} mm"
        raise BadInputError("the grid does not reach the brain", found=found)
    at_zero = _GAIN * shading * np.tensordot(_all("s0"), shares, axes=1)
    sigma = float(at_zero[brain].mean() / snr)

    rng = np.random.default_rng(seed)
    noisy = np.empty_like(signal)
    for n in range(len(diffusion)):
        noisy[..., n] = add_rician_noise(signal[..., n], sigma, rng)
    anatomy = tuple(_anatomy_image(head, name, fine, rng) for name, fine in fine_grids.items())
    labels, names = _regions(tissues, lesions)
    return SimulatedScan(
        series=DwiSeries(noisy, grid, diffusion, "brain", notes=("simulated",)),
        truth=DwiSeries(signal, grid, diffusion, "brain truth", notes=("simulated", "without noise")),
        anatomy=anatomy,
        labels=Volume(labels, grid, "labels", name="regions"),
        label_names=names,
        parameters={name: Volume(values, grid, "map", _UNITS[name], name) for name, values in maps.items()},
        sigma=sigma,
    )


def _axial_grid(shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    """Axial slices stored as scanners store them: rows from the right to the left of the patient."""
    return _centred(Grid(shape, np.diag([-spacing_mm[0], *spacing_mm[1:], 1.0]), "simulated"), _CENTRE_MM)


def _anatomy_grid(dwi: Grid, name: str) -> Grid:
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
    x, y, z = np.add(_CENTRE_MM, moved)
    return _centred(grid, (x, y, z))


def _centred(grid: Grid, centre_mm: tuple[float, float, float]) -> Grid:
    affine = grid.affine.copy()
    affine[:3, 3] += centre_mm - grid.to_mm((np.asarray(grid.shape) - 1) / 2)
    return Grid(grid.shape, affine, grid.affine_source)


def _head_for(*grids: Grid) -> DigitalBody:
    """The head from the lowest to the highest slice of all grids; the rest would take time only."""
    ends = [grid.to_mm(np.indices((2, 2, 2)).reshape(3, -1).T * grid.shape - 0.5)[:, 2] for grid in grids]
    lowest, highest = np.min(ends), np.max(ends)
    return digital_head(_ANATOMY_SEED, int(np.floor(lowest)) - 1, int(np.ceil(highest)) + 1)


def _with_lesions(tissues: NDArray[np.float32], lesions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shares of all tissues and, last, of lesions, which take the place of the brain they are in."""
    shares = np.concatenate([tissues, lesions.sum(axis=0, keepdims=True)])
    brain = [TISSUES.index(name) for name in BRAIN]
    whole = shares[brain].sum(axis=0)
    shares[brain] *= 1 - np.minimum(shares[-1] / np.maximum(whole, np.float32(1e-6)), 1)
    return shares


def _all(parameter: str) -> NDArray[np.float32]:
    """One parameter of all tissues and, last, of lesions."""
    tissues = [*(PARAMETERS[name] for name in TISSUES), LESION]
    return np.array([getattr(tissue, parameter) for tissue in tissues], dtype=np.float32)


def _signal_and_maps(
    shares: NDArray[np.float32], shading: NDArray[np.float32], b_values: BValues
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    s0, d, f, d_star = (_all(name) for name in ("s0", "d", "f", "d_star"))
    decay = ivim(b_values.values, s0, f, d, d_star).astype(np.float32)
    signal = np.tensordot(shares, decay, axes=(0, 0)) * (np.float32(_GAIN) * shading[..., np.newaxis])
    visible = np.tensordot(s0, shares, axes=1)
    with np.errstate(invalid="ignore"):
        perfused = np.tensordot(s0 * f, shares, axes=1)
        maps = {
            "D": np.tensordot(s0 * (1 - f) * d, shares, axes=1) / (visible - perfused),
            "f": perfused / visible,
            "Dstar": np.tensordot(s0 * f * d_star, shares, axes=1) / perfused,
            "S0": np.float32(_GAIN) * shading * visible,
        }
    return np.ascontiguousarray(signal), maps


def _anatomy_image(head: DigitalBody, name: str, grid: Grid, rng: np.random.Generator) -> Volume:
    parameter, rise = {"T1": ("t1", 0.0), "T2": ("t2", LESION_T2_RISE)}[name]
    brightness = {tissue: getattr(PARAMETERS[tissue], parameter) for tissue in TISSUES}
    clean = head.image_on(grid, brightness, rise) * _texture(grid, 12) * _receive_field(grid)
    noisy = add_rician_noise(_GAIN * clean, _GAIN * _ANATOMY_NOISE, rng)
    return Volume(noisy.astype(np.float32), grid, "anatomy", name=name, notes=("simulated",))


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


def _texture(grid: Grid, seed: int) -> NDArray[np.floating[Any]]:
    """Tissue is never quite even: a smooth factor around 1."""
    rng = np.random.default_rng(seed)
    where = _positions(grid)
    return (
        1 + np.float32(0.035) * Noise(rng, 40.0, 0.5).at(where) + np.float32(0.02) * Noise(rng, 9.0).at(where)
    )


def _receive_field(grid: Grid) -> NDArray[np.floating[Any]]:
    """Coils around the head see its rim better, and one side better than the other."""
    p = _positions(grid)
    rim = (p.x / 80) ** 2 + ((p.y + 15) / 100) ** 2 + ((p.z - 10) / 90) ** 2
    return 0.94 + 0.10 * np.minimum(rim, 1.5) + 0.03 * p.x / 80 - 0.03 * p.y / 100


def _positions(grid: Grid) -> Position:
    x, y, z = np.moveaxis(grid.to_mm(np.moveaxis(np.indices(grid.shape), 0, -1)).astype(np.float32), -1, 0)
    return Position(x, y, z)
