"""Where everything lies in the digital head.

The layout follows an average adult head with the origin near the anterior commissure. Nothing is
copied from an atlas: each structure is a few ellipsoids and tubes, bent by random fields. The cortex
is folded along the zero level of a random field that is constant along the way inwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.head_shapes import Noise, Position, ellipsoid, filled, step, tube

if TYPE_CHECKING:
    from napari_dwi.physics.head_shapes import Field

TISSUES = (
    "fat",
    "muscle",
    "bone",
    "marrow",
    "CSF",
    "grey matter",
    "white matter",
    "deep grey matter",
    "vitreous",
)
LESIONS = ("lesion, left cortex", "lesion, right white matter", "lesion, right thalamus")

_BRAIN = ("grey matter", "white matter", "deep grey matter")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The random fields that make one head differ from another.

    Parameters
    ----------
    bend, ripple : tuple of Noise
        Displacement of all structures: slow, and fast. One field for each of x, y, z.
    folds : tuple of Noise
        Primary folds, common to both sides and private to each; then the same for secondary folds.
    depth : Noise
        How deep a fold goes and how thick the cortex is.
    """

    bend: tuple[Noise, Noise, Noise]
    ripple: tuple[Noise, Noise, Noise]
    folds: tuple[Noise, Noise, Noise, Noise]
    depth: Noise

    @classmethod
    def from_seed(cls, seed: int) -> Anatomy:
        """The head that belongs to a seed."""
        rng = np.random.default_rng(seed)

        def three(wavelength_mm: float) -> tuple[Noise, Noise, Noise]:
            x, y, z = (Noise(rng, wavelength_mm, 0.4) for _ in range(3))
            return x, y, z

        return cls(
            bend=three(90.0),
            ripple=three(22.0),
            folds=(Noise(rng, 27.0), Noise(rng, 27.0), Noise(rng, 15.0), Noise(rng, 15.0)),
            depth=Noise(rng, 25.0, 0.4),
        )

    def tissue_at(self, p: Position) -> tuple[Field, Field]:
        """Shares of tissues and lesions on a lattice of points 1 mm apart.

        Parameters
        ----------
        p : Position
            A lattice of shape (x, y, z) with 1 mm between neighbours.

        Returns
        -------
        tissues : ndarray, float32, shape (n_tissues, x, y, z)
            In the order of `TISSUES`; what is missing to 1 is air.
        lesions : ndarray, float32, shape (n_lesions, x, y, z)
            In the order of `LESIONS`: the share of the voxel that is brain inside the lesion.
        """
        p = _displaced(p, self.bend, 1.5)
        painting = _Painting(np.broadcast_shapes(p.x.shape, p.y.shape, p.z.shape))
        cavity = _cavity(p)
        _paint_shell(painting, p, cavity, self.depth)
        _paint_face(painting, p)
        painting.put("CSF", cavity)
        wavy = _displaced(p, self.ripple, 0.8)
        self._paint_cerebrum(painting, wavy, cavity)
        self._paint_hindbrain(painting, wavy, cavity)
        _paint_deep_structures(painting, wavy)
        falx = np.maximum(np.abs(wavy.x) - 0.35, _callosal_disc(wavy, 9.0) * -1)
        painting.put("bone", np.maximum(np.maximum(falx, cavity), 4 - wavy.z), strength=0.6)
        brain = sum(painting.share(name) for name in _BRAIN)
        lesions = np.stack(
            [filled(shape) * brain for shape in _lesion_shapes(_displaced(p, self.ripple, 1.3))]
        )
        return painting.shares, lesions

    def _paint_cerebrum(self, painting: _Painting, p: Position, cavity: Field) -> None:
        depths = (-_cerebrum(p, cavity), *_gaps(p))
        pia = np.minimum.reduce(depths)
        onto = _onto_surface(p, depths)
        primary = self._distance_to_fold(onto, self.folds[0], self.folds[1])
        secondary = self._distance_to_fold(onto, self.folds[2], self.folds[3])
        uneven = self.depth.at(p)
        core = ellipsoid(p, (0, -10, 8), (30, 46, 23))
        opening = 0.3 + 1.3 * np.exp(-np.maximum(pia, 0) / 2.5)
        surface = pia
        for distance, reach in ((primary, 17 + 4 * uneven), (secondary, 8 + 3 * uneven)):
            sulcus = np.maximum(np.maximum(distance - opening, surface - reach), 3 - core)
            pia = np.minimum(pia, sulcus)
        cortex = pia - (2.7 + 0.35 * uneven)
        cortex = np.maximum(cortex, 1 - ellipsoid(p, (0, -5, 6), (17, 37, 22)))
        painting.put("white matter", -pia)
        painting.put("grey matter", np.maximum(-pia, cortex), width_mm=1.4)

    @staticmethod
    def _distance_to_fold(onto: Position, common: Noise, private: Noise) -> Field:
        """Distance to the zero level of a random field that is constant along the way inwards."""
        field = 0.75 * common.at(onto.mirrored) + 0.66 * private.at(onto)
        slope = np.sqrt(sum(np.square(g) for g in np.gradient(field)))
        # Steeper than the field itself ever is: the way inwards jumps from one bank to another there.
        return np.abs(field) / np.clip(slope, np.float32(0.03), np.float32(0.6))

    def _paint_hindbrain(self, painting: _Painting, p: Position, cavity: Field) -> None:
        m = p.mirrored
        cerebellum = np.minimum(
            ellipsoid(m, (25, -64, -34), (32, 30, 28)), ellipsoid(p, (0, -62, -24), (14, 26, 26))
        )
        cerebellum = np.maximum(np.maximum(cerebellum, cavity + 2.5), p.z - _tentorium(m) + 2)
        shells = np.sqrt((p.y + 42) ** 2 + (1.3 * (p.z + 22)) ** 2 + 0.35 * p.x**2)
        leaves = np.cos(shells * np.float32(2 * np.pi / 3.6) + 2.0 * self.depth.at(p))
        fissures = np.maximum(cerebellum, -cerebellum - 9)
        painting.put("white matter", cerebellum)
        painting.put("grey matter", np.maximum(cerebellum, -cerebellum - 11), strength=0.9)
        painting.put("CSF", np.maximum(fissures, 2.2 * (0.8 - leaves)), strength=0.4)
        painting.put("white matter", np.maximum(fissures, 2.2 * (0.75 + leaves)), strength=0.45)
        peduncles = tube(m, ((5, -26, -30), (16, -38, -31), (24, -54, -34)), (9, 6.5, 6))
        stem = tube(p, ((0, -22, -8), (0, -27, -16), (0, -31, -44), (0, -40, -80)), (10, 10, 9, 7))
        stem = np.minimum(stem, ellipsoid(p, (0, -22, -29), (17, 11, 13)))
        crura = tube(m, ((9, -14, -4), (10, -17, -14), (7, -20, -24)), (6, 5, 5))
        for shape in (peduncles, stem, crura):
            painting.put("white matter", np.maximum(shape, cavity + 1))
            painting.put("grey matter", np.maximum(shape, cavity + 1), strength=0.3)
        painting.put("CSF", ellipsoid(p, (0, -43, -30), (6, 4.5, 9)))
        painting.put("CSF", tube(p, ((0, -27, 2), (0, -31, -14), (0, -40, -24)), (1.2, 1.0, 1.5)))


class _Painting:
    """Shares of tissues, laid one over the other."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shares = np.zeros((len(TISSUES), *shape), dtype=np.float32)

    def share(self, tissue: str) -> Field:
        return self.shares[TISSUES.index(tissue)]

    def put(self, tissue: str, distance: Field, width_mm: float = 1.0, strength: float = 1.0) -> None:
        """Cover the inside of a shape with a tissue; ``strength`` below 1 lets the old one through."""
        cover = filled(distance, width_mm) * np.float32(strength)
        self.shares *= 1 - cover
        self.share(tissue)[...] += cover

    def clear(self, distance: Field) -> None:
        """Fill a shape with air."""
        self.shares *= 1 - filled(distance)


def _displaced(p: Position, fields: tuple[Noise, Noise, Noise], size_mm: float) -> Position:
    x, y, z = (np.float32(size_mm) * field.at(p) for field in fields)
    return p.moved(x, y, z)


def _egg(p: Position, radii: tuple[float, float, float], down: float, bulge: float) -> Field:
    """A head outline: narrower in front, with its own extent downwards."""
    a, b, c = radii
    y, z = p.y + 19, p.z - 6
    x = p.x * (1 + 0.0024 * np.maximum(y + 25, 0) * 0.9 - 0.0005 * np.minimum(y + 25, 0))
    in_plane = np.abs(x / a) ** np.float32(2.25) + np.abs(y / b) ** np.float32(2.25)
    upright = np.where(z > 0, np.abs(z / c) ** np.float32(2.25), np.abs(z / down) ** np.float32(bulge))
    inside = (in_plane + upright) ** np.float32(1 / 2.25)
    slope = np.sqrt((p.x / a**2) ** 2 + (y / b**2) ** 2 + (z / np.where(z > 0, c, down) ** 2) ** 2)
    return (inside - 1) * np.maximum(inside, 0.3) / np.maximum(slope, np.float32(1 / 200))


def _cavity(p: Position) -> Field:
    """The inside of the skull, down to the skull base."""
    return np.maximum(_egg(p, (71, 91, 73), 68, 3.2), _skull_base(p.mirrored) - p.z)


def _skull_base(m: Position) -> Field:
    """Height of the skull base: three steps down from front to back, and the petrous ridges."""
    anterior = -17 - 6 * np.exp(-((m.x / 9) ** 2))
    sella = -15 - 0.75 * np.maximum(-4 - m.y, 0)
    middle = np.where(m.x > 0, sella + (-44 - sella) * step(m.x - 21, 9), 0)
    behind = -64 + 0 * m.y
    ridge = -14 - 0.55 * m.x - m.y
    floor = middle + (anterior - middle) * step(m.y - 20 + 0.022 * (m.x - 36) ** 2, 8)
    floor = floor + (behind - floor) * step(ridge, 7)
    petrous = -27 + 0.12 * m.x - np.abs(ridge) * 1.3 - 60 * step(14 - m.x, 8)
    return np.maximum(floor, petrous)


def _tentorium(m: Position) -> Field:
    """Height of the tentorium, which parts cerebrum and cerebellum."""
    return 3 - 0.42 * m.x - 0.28 * np.maximum(-45 - m.y, 0)


def _callosal_disc(p: Position, above_mm: float) -> Field:
    """The corpus callosum and all that lies within its arch, seen from the side."""
    y, z = p.y + 5, p.z - 3
    b, c = 37 + above_mm * 0.6, np.where(z > 0, 24 + above_mm * 0.6, 11)
    inside = np.sqrt((y / b) ** 2 + (z / c) ** 2)
    slope = np.sqrt((y / b**2) ** 2 + (z / c**2) ** 2)
    return np.maximum((inside - 1) * inside / np.maximum(slope, np.float32(1e-4)), np.abs(p.x) - 26)


def _cerebrum(p: Position, cavity: Field) -> Field:
    m = p.mirrored
    above_base = step(p.z + 16, 30)
    rim = cavity + 0.9 + above_base * (1.3 + 1.6 * step(p.y - 30, 40) + 0.8 * step(p.z - 45, 30))
    behind_ridge = -14 - 0.55 * m.x - m.y
    above_tentorium = np.minimum(_tentorium(m) + 2.5 - p.z, behind_ridge + 1)
    hull = np.maximum(rim, above_tentorium)
    brainstem_cisterns = ellipsoid(p, (0, -21, -24), (19, 22, 20))
    suprasellar = ellipsoid(p, (0, 3, -16), (11, 9, 8))
    under_frontal = np.maximum(p.z + 7, np.abs(p.x) - 17)
    under_frontal = np.maximum(under_frontal, np.maximum(p.y - 11, -45 - p.y))
    cisterns = np.minimum(np.minimum(brainstem_cisterns, suprasellar), under_frontal)
    return np.maximum(hull, -cisterns)


def _gaps(p: Position) -> tuple[Field, ...]:
    """Distance to the large fissures: between the hemispheres, and around the insulae."""
    m = p.mirrored
    between = np.maximum(m.x - 1.1 - 0.5 * step(p.y - 20, 30), -_callosal_disc(p, 3.0))
    insula_x = 42 - 4.5 * ((p.y - 1) / 22) ** 2 - 2.5 * ((p.z - 3) / 14) ** 2
    insula = np.maximum(np.abs(m.x - insula_x) - 0.9, ellipsoid(m, (41, 0, 3), (30, 23, 15)))
    sylvian_z = -4 - 0.38 * (p.y - 10) + 0.08 * (m.x - 45)
    lateral = np.maximum(np.abs(p.z - sylvian_z) * 0.93 - 1.0, 39 - m.x)
    lateral = np.maximum(lateral, np.abs(p.y + 6) - 30)
    stem = np.maximum(np.abs(p.z + 10 + 0.1 * (m.x - 20)) - 1.5, np.maximum(12 - m.x, m.x - 44))
    stem = np.maximum(stem, np.abs(p.y - 9) - 6)
    quadrigeminal = ellipsoid(p, (0, -42, 3), (9, 5, 6))
    return between, insula, lateral, stem, quadrigeminal


def _onto_surface(p: Position, depths: tuple[Field, ...]) -> Position:
    """Points moved to the nearest surface of the brain, so that folds run straight inwards."""
    softness = np.float32(3.0)
    depth = -softness * np.log(sum(np.exp(-np.clip(d, -9, 60) / softness) for d in depths))
    way = np.minimum(np.maximum(depth, 0), 24) * np.float32(0.85)
    slopes = np.gradient(depth)
    length = np.maximum(np.sqrt(sum(np.square(g) for g in slopes)), np.float32(0.3))
    x, y, z = (-way * g / length for g in slopes)
    return p.moved(x, y, z)


def _paint_shell(painting: _Painting, p: Position, cavity: Field, uneven: Noise) -> None:
    """Scalp and skull."""
    head = _egg(p, (71 + 11.5, 91 + 12.5, 73 + 12), 170, 3.0)
    face = ellipsoid(p, (0, 58, -58), (60, 36, 66))
    head = np.minimum(head, face)
    varied = uneven.at(p)
    m = p.mirrored
    temple = step(m.x - 50, 20) * step(30 - p.z, 30)
    skull = cavity - (6.3 + 0.7 * varied + 1.5 * step(p.y - 40, 30) - 2.6 * temple)
    base = np.maximum(np.maximum(head + 14, p.z + 16), _skull_base(m) - p.z - 9)
    skull = np.minimum(np.maximum(skull, head + 3), base)
    painting.put("fat", head)
    painting.put("muscle", np.maximum(head, -head - 1.4), strength=0.9)
    temporalis = np.maximum(ellipsoid(m, (66, 12, -14), (16, 34, 42)), head + 4)
    neck = np.maximum(np.maximum(head + 6, p.y + 70), p.z + 34)
    below = np.maximum(np.maximum(head + 12, p.z + 30), 1.5 * varied - 1)
    painting.put("muscle", np.minimum(np.minimum(temporalis, neck), below), strength=0.85)
    painting.put("bone", np.maximum(skull, head + 2))
    table = 1.5 + 0.3 * varied
    diploe = np.maximum(np.maximum(skull + table, table - cavity), -15 - p.z)
    painting.put("marrow", diploe, strength=0.8)
    clivus = ellipsoid(p, (0, -6, -36), (11, 7, 12))
    painting.put("marrow", np.maximum(clivus, base), strength=0.7)


def _paint_face(painting: _Painting, p: Position) -> None:
    """Orbits with the eyes, paranasal sinuses, mastoid cells."""
    m = p.mirrored
    orbit = ellipsoid(m, (31, 50, -34), (17, 25, 16), 14)
    orbit = np.minimum(orbit, tube(m, ((26, 40, -33), (13, 16, -26)), (12, 3)))
    painting.put("bone", orbit - 2)
    painting.put("fat", orbit)
    painting.put("muscle", tube(m, ((20, 58, -33), (18, 40, -32), (12, 18, -27)), (1.5, 2.4, 1.0)))
    painting.put("muscle", tube(m, ((44, 58, -33), (36, 38, -32), (16, 18, -27)), (1.5, 2.4, 1.0)))
    painting.put("white matter", tube(m, ((30, 46, -32), (21, 30, -31), (9, 10, -22)), (2, 2, 2)))
    eye = ellipsoid(m, (32, 58, -33), (12.2, 12.4, 12.2))
    painting.put("muscle", eye - 1)
    painting.put("vitreous", eye)
    painting.put("muscle", ellipsoid(m, (32, 67.5, -33), (4.8, 2.3, 4.8)))
    ethmoid = ellipsoid(m, (5.5, 50, -36), (5.5, 25, 15))
    sphenoid = ellipsoid(m, (6.5, 12, -33), (6, 11, 8))
    frontal = ellipsoid(m, (7, 76, -12), (8, 4, 9))
    mastoid = ellipsoid(m, (56, -40, -40), (9, 9, 13))
    for cells in (ethmoid, sphenoid, frontal, mastoid):
        painting.put("bone", cells - 1.2)
        painting.clear(cells)


def _paint_deep_structures(painting: _Painting, p: Position) -> None:
    """Corpus callosum, basal ganglia, thalami and ventricles."""
    m = p.mirrored
    disc = np.maximum(_callosal_disc(p, 0.0), m.x - 14)
    arch = np.maximum(disc, -_callosal_disc(p, -9.0) - 0.5)
    painting.put("white matter", np.maximum(np.maximum(disc, m.x - 12), -6 - p.z))
    painting.put("white matter", np.maximum(arch, -4 - p.z))
    grey = (
        tube(m, ((13.5, 16, 4), (14.5, 12, 11), (16.5, -4, 19), (19, -20, 22)), (5.6, 5.2, 3, 1.6)),
        ellipsoid(m, (26, 3, 2), (5.0, 16, 10), 16),
        ellipsoid(m, (11.5, -18, 6), (8.2, 14.5, 9), 22),
        tube(m, ((25, -8, -17), (27, -20, -14), (29, -33, -6)), (6, 4.5, 3)),
    )
    for shape in grey:
        painting.put("deep grey matter", shape, width_mm=1.8)
    pallidum = ellipsoid(m, (19.5, -1, 0), (4.2, 9.5, 6), 22)
    painting.put("deep grey matter", pallidum, width_mm=2.0, strength=0.45)
    painting.put("grey matter", ellipsoid(p, (0, -4, -4), (7, 10, 6)), strength=0.8)
    horns = tube(
        m,
        ((11, 33, 3), (5, 14, 8), (7, -4, 19), (12, -24, 20), (23, -41, 10)),
        (2.6, 4.0, 4.2, 4.6, 6.2),
    )
    horns = np.minimum(horns, tube(m, ((23, -41, 10), (25, -56, 5), (21, -72, 3)), (6.0, 4.0, 1.2)))
    horns = np.minimum(horns, tube(m, ((25, -42, 6), (33, -26, -9), (32, -8, -17)), (3.5, 1.8, 1.6)))
    beside_caudate = tube(m, ((13.5, 16, 4), (14.5, 12, 11), (16.5, -4, 19)), (5.8, 5.4, 3.2))
    painting.put("CSF", np.maximum(np.maximum(horns, -beside_caudate), 0.8 - m.x))
    painting.put("CSF", ellipsoid(p, (0, -11, 2), (2.0, 13, 9)))
    painting.put("CSF", ellipsoid(p, (0, -42, 4), (9, 5, 5)), strength=0.9)


def _lesion_shapes(p: Position) -> tuple[Field, Field, Field]:
    """A wedge with its base on the left cortex, and two round lesions on the right."""
    x, y, z = p.x + 38, p.y + 20, p.z - 21
    outwards = -0.96 * x - 0.1 * y + 0.26 * z
    across = np.sqrt(np.maximum(x**2 + y**2 + z**2 - outwards**2, 0))
    wedge = np.maximum(np.maximum(across - 3 - 0.36 * outwards, -outwards), outwards - 30)
    return wedge, ellipsoid(p, (25, 6, 33), (4, 4.6, 4)), ellipsoid(p, (11, -16, 7), (4.6, 5.4, 4.8))
