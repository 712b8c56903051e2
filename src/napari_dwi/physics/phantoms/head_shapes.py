"""The shapes a digital head is made of, as distances to their surface.

Every function returns signed distances in mm: negative inside, positive outside, exact near the
surface and good enough elsewhere. Positions are RAS+ mm, as three arrays that broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Field = NDArray[np.floating[Any]]
    Point = tuple[float, float, float]

_NOISE_SIZE = 128
_NOISE_SPACING_MM = 2.0


@dataclass(frozen=True, eq=False)
class Position:
    """Points in RAS+ mm.

    Parameters
    ----------
    x, y, z : ndarray, float32
        To the right, anterior and superior of the anterior commissure; they broadcast.
    """

    x: Field
    y: Field
    z: Field

    @property
    def mirrored(self) -> Position:
        """The points with the left half folded onto the right one, to place paired structures."""
        return Position(np.abs(self.x), self.y, self.z)

    @property
    def is_lattice(self) -> bool:
        """Whether the points are a lattice along the axes, each coordinate stored only once."""
        return all(c.ndim == 3 and c.shape[i] == c.size for i, c in enumerate((self.x, self.y, self.z)))

    def moved(self, by: Sequence[Field], size_mm: float = 1.0) -> Position:
        """The points displaced along x, y, z by multiples of ``size_mm``."""
        dx, dy, dz = (np.float32(size_mm) * displacement for displacement in by)
        return Position(self.x + dx, self.y + dy, self.z + dz)


def ellipsoid(p: Position, centre: Point, radii: Point, turned_deg: float = 0.0) -> Field:
    """An ellipsoid, turned in the axial plane (positive: anterior end towards the midline on x > 0)."""
    x, y, z = p.x - np.float32(centre[0]), p.y - np.float32(centre[1]), p.z - np.float32(centre[2])
    if turned_deg:
        cos, sin = (np.float32(f(np.deg2rad(turned_deg))) for f in (np.cos, np.sin))
        x, y = x * cos + y * sin, y * cos - x * sin
    a, b, c = (np.float32(r) for r in radii)
    inside: Field = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    slope: Field = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c**2) ** 2)
    distance: Field = inside * (inside - 1) / np.maximum(slope, np.float32(1e-6))
    return distance


def tube(p: Position, points: Sequence[Point], radii: Sequence[float]) -> Field:
    """A tube along a chain of points, with a radius at each of them."""
    distances = [
        _cone(p, start, end, r_start, r_end)
        for start, end, r_start, r_end in zip(points, points[1:], radii, radii[1:], strict=False)
    ]
    return union(*distances)


def _cone(p: Position, start: Point, end: Point, r_start: float, r_end: float) -> Field:
    along = np.subtract(end, start).astype(np.float32)
    x, y, z = p.x - np.float32(start[0]), p.y - np.float32(start[1]), p.z - np.float32(start[2])
    share = np.clip((x * along[0] + y * along[1] + z * along[2]) / (along @ along), 0, 1)
    distance: Field = np.sqrt(
        (x - share * along[0]) ** 2 + (y - share * along[1]) ** 2 + (z - share * along[2]) ** 2
    )
    radius: Field = np.float32(r_start) + share * np.float32(r_end - r_start)
    return distance - radius


def union(*shapes: Field) -> Field:
    """What lies in any of the shapes."""
    return reduce(np.minimum, shapes)


def overlap(*shapes: Field) -> Field:
    """What lies in all of the shapes."""
    return reduce(np.maximum, shapes)


def filled(distance: Field, width_mm: float = 1.0) -> Field:
    """How much of a small cube of a given width lies inside: 1 deep inside, 0 outside."""
    share: Field = np.clip(0.5 - distance / np.float32(width_mm), 0, 1)
    return share


def step(value: Field, width: float) -> Field:
    """A smooth step from 0 to 1 at zero, ``width`` wide."""
    t: Field = np.clip(value / np.float32(width) + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


class Noise:
    """A random field in space that repeats only outside the head, with one dominating wavelength.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the field is drawn from.
    wavelength_mm : float
        The dominating wavelength.
    bandwidth : float
        Width of the band relative to its centre; small gives even stripes, large a rough mixture.
    """

    def __init__(self, rng: np.random.Generator, wavelength_mm: float, bandwidth: float = 0.25) -> None:
        white = rng.standard_normal((_NOISE_SIZE,) * 3, dtype=np.float32)
        across = np.fft.fftfreq(_NOISE_SIZE, _NOISE_SPACING_MM).astype(np.float32)
        half = np.fft.rfftfreq(_NOISE_SIZE, _NOISE_SPACING_MM).astype(np.float32)
        frequency = np.sqrt(across[:, None, None] ** 2 + across[None, :, None] ** 2 + half**2)
        band = np.exp(-0.5 * ((frequency * wavelength_mm - 1) / bandwidth) ** 2)
        field = np.fft.irfftn(np.fft.rfftn(white) * band, s=white.shape, axes=(0, 1, 2))
        self._field = (field / field.std()).astype(np.float32)

    def at(self, p: Position) -> Field:
        """The field at points in mm; mean 0, standard deviation 1."""
        if p.is_lattice:
            return self._on_lattice(p)
        from scipy.ndimage import map_coordinates

        where = np.stack(np.broadcast_arrays(p.x, p.y, p.z)) / np.float32(_NOISE_SPACING_MM)
        sampled = map_coordinates(self._field, where, output=np.float32, order=1, mode="grid-wrap")
        return np.asarray(sampled)

    def _on_lattice(self, p: Position) -> Field:
        """As `at`, axis by axis, which is much faster."""
        field: Field = self._field
        # The shortest axis first keeps what the others have to work on small.
        for axis, coordinate in sorted(enumerate((p.x, p.y, p.z)), key=lambda item: item[1].size):
            where = coordinate.ravel() / np.float32(_NOISE_SPACING_MM)
            before = np.floor(where).astype(int)
            share = (where - before).astype(np.float32).reshape(coordinate.shape)
            low = field.take(before % _NOISE_SIZE, axis=axis)
            high = field.take((before + 1) % _NOISE_SIZE, axis=axis)
            field = low + share * (high - low)
        return field
