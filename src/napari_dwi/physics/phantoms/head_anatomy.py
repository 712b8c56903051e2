"""Where everything lies in the digital head.

The layout follows an average adult head with the origin near the anterior commissure. Nothing is
copied from an atlas: each structure is a few ellipsoids and tubes, bent by random fields. The cortex
is folded along the zero level of a random field that is constant along the way inwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.head_outlines import (
    callosal_disc,
    cerebrum_hull,
    head_outline,
    hemispheric_fissure,
    lesion_shapes,
    skull_base,
    skull_cavity,
    sylvian_fissures,
    tentorium,
)
from napari_dwi.physics.phantoms.head_painting import Painting
from napari_dwi.physics.phantoms.head_shapes import (
    Noise,
    Position,
    ellipsoid,
    filled,
    overlap,
    step,
    tube,
    union,
)
from napari_dwi.physics.phantoms.head_tissues import BRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_dwi.physics.phantoms.head_shapes import Field


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The random fields that make one head differ from another.

    Parameters
    ----------
    bend, ripple : tuple of Noise
        Displacement of all structures: slow, and fast. One field for each of x, y, z.
    folds : tuple of Noise
        Primary folds, common to both sides and private to each; then the same for secondary folds.
    uneven : Noise
        How deep a fold goes and how thick the cortex is.
    """

    bend: tuple[Noise, Noise, Noise]
    ripple: tuple[Noise, Noise, Noise]
    folds: tuple[Noise, Noise, Noise, Noise]
    uneven: Noise

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
            folds=(Noise(rng, 24.0), Noise(rng, 24.0), Noise(rng, 14.0), Noise(rng, 14.0)),
            uneven=Noise(rng, 25.0, 0.4),
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
        uneven = self.uneven.at(p)
        ripple = [field.at(p) for field in self.ripple]
        bent = p.moved([field.at(p) for field in self.bend], 1.3)
        wavy = bent.moved(ripple, 0.8)
        painting = Painting(uneven.shape)
        cavity = skull_cavity(bent)
        _paint_shell(painting, bent, cavity, uneven)
        _paint_face(painting, bent)
        painting.put("CSF", cavity)
        self._paint_cerebrum(painting, wavy, cavity, uneven)
        _paint_hindbrain(painting, wavy, cavity, uneven)
        _paint_deep_structures(painting, wavy)
        # Fibrous, and as dark as bone.
        falx = overlap(np.abs(wavy.x) - 0.35, -callosal_disc(wavy, 9.0), cavity, 4 - wavy.z)
        painting.put("bone", falx, strength=0.6)
        brain = np.add.reduce([painting.share(name) for name in BRAIN])
        ragged = bent.moved(ripple, 1.3)
        lesions = np.stack([filled(shape) * brain for shape in lesion_shapes(ragged)])
        return painting.shares, lesions

    def _paint_cerebrum(self, painting: Painting, p: Position, cavity: Field, uneven: Field) -> None:
        """Folded cortex around white matter."""
        outside = (-cerebrum_hull(p, cavity), hemispheric_fissure(p))
        depth = union(*outside)
        onto = _onto_surface(p, outside)
        primary = self._distance_to_fold(onto, self.folds[0], self.folds[1])
        secondary = self._distance_to_fold(onto, self.folds[2], self.folds[3])
        # Around ventricles and deep grey matter, where no sulcus may reach.
        core = ellipsoid(p, (0, -10, 7), (29, 44, 20))
        opening = 0.3 + 1.3 * np.exp(-np.maximum(depth, 0) / 2.5)
        pia = union(depth, sylvian_fissures(p, uneven))
        for distance, reach in ((primary, 20 + 4 * uneven), (secondary, 9 + 3 * uneven)):
            sulcus = overlap(distance - opening, depth - reach, 3 - core)
            pia = union(pia, sulcus)
        thickness = 2.6 + 0.35 * uneven
        cortex = overlap(pia - thickness, 1 - ellipsoid(p, (0, -5, 6), (17, 37, 22)))
        painting.put("white matter", -pia)
        painting.put("grey matter", overlap(-pia, cortex), width_mm=1.4)

    @staticmethod
    def _distance_to_fold(onto: Position, common: Noise, private: Noise) -> Field:
        """Distance to the zero level of a random field that is constant along the way inwards."""
        field = 0.75 * common.at(onto.mirrored) + 0.66 * private.at(onto)
        # Steeper than 0.6 / mm is not the field, but the way inwards that jumps to another bank there.
        slope = np.clip(_length(np.gradient(field)), np.float32(0.03), np.float32(0.6))
        return np.abs(field) / slope


def _onto_surface(p: Position, depths: tuple[Field, Field]) -> Position:
    """Points moved to the nearest surface of the brain, so that folds run straight inwards."""
    softness = np.float32(3.0)
    near = np.add.reduce([np.exp(-np.clip(depth, -9, 60) / softness) for depth in depths])
    depth = -softness * np.log(near)
    slopes = np.gradient(depth)
    # Not quite all the way, so that folds wind a little on their way inwards.
    way = 0.85 * np.clip(depth, 0, 24) / np.maximum(_length(slopes), np.float32(0.3))
    return p.moved([-way * slope for slope in slopes])


def _length(vector: Iterable[Field]) -> Field:
    squares: Field = np.add.reduce([component * component for component in vector])
    return np.sqrt(squares)


def _paint_shell(painting: Painting, p: Position, cavity: Field, uneven: Field) -> None:
    """Scalp and skull."""
    face = ellipsoid(p, (0, 58, -58), (60, 36, 66))
    head = union(head_outline(p, (82.5, 103.5, 85), 170, 3.0), face)
    m = p.mirrored
    temple = step(m.x - 50, 20) * step(30 - p.z, 30)
    skull = cavity - (6.3 + 0.45 * uneven + 1.5 * step(p.y - 40, 30) - 2.6 * temple)
    base = overlap(head + 14, p.z + 16, skull_base(m) - p.z - 9)
    bone: Field = union(overlap(skull, head + 3), base)
    painting.put("fat", head)
    painting.put("muscle", overlap(head, -head - 1.4), strength=0.9)
    temporalis = overlap(ellipsoid(m, (66, 12, -14), (16, 34, 42)), head + 4)
    neck = overlap(head + 6, p.y + 70, p.z + 34)
    below = overlap(head + 12, p.z + 30, 1.5 * uneven - 1)
    painting.put("muscle", union(temporalis, neck, below), strength=0.85)
    painting.put("muscle", overlap(bone - 1.3, head + 2), strength=0.5)
    painting.put("bone", overlap(bone, head + 2))
    table = 1.5 + 0.2 * uneven
    diploe = overlap(bone + table, table - cavity, -15 - p.z)
    painting.put("marrow", diploe, strength=0.8)
    clivus = ellipsoid(p, (0, -6, -36), (11, 7, 12))
    painting.put("marrow", overlap(clivus, base), strength=0.7)


def _paint_face(painting: Painting, p: Position) -> None:
    """Orbits with the eyes, paranasal sinuses, mastoid cells."""
    m = p.mirrored
    orbit = ellipsoid(m, (31, 50, -34), (17, 25, 16), 14)
    orbit = union(orbit, tube(m, ((26, 40, -33), (13, 16, -26)), (12, 3)))
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


def _paint_hindbrain(painting: Painting, p: Position, cavity: Field, uneven: Field) -> None:
    """Cerebellum with its leaves, and the brainstem."""
    m = p.mirrored
    cerebellum = union(ellipsoid(m, (26, -67, -34), (34, 35, 30)), ellipsoid(p, (0, -64, -24), (14, 30, 28)))
    cerebellum = overlap(cerebellum, cavity + 2.5, p.z - tentorium(m) + 0.6)
    shells = np.sqrt((p.y + 42) ** 2 + (1.3 * (p.z + 22)) ** 2 + 0.35 * p.x**2)
    leaves = np.cos(shells * np.float32(2 * np.pi / 3.6) + 2.0 * uneven)
    fissures = overlap(cerebellum, -cerebellum - 9)
    painting.put("white matter", cerebellum)
    painting.put("grey matter", overlap(cerebellum, -cerebellum - 11), strength=0.9)
    painting.put("CSF", overlap(fissures, 2.2 * (0.8 - leaves)), strength=0.4)
    painting.put("white matter", overlap(fissures, 2.2 * (0.75 + leaves)), strength=0.45)
    peduncles = tube(m, ((5, -26, -30), (16, -38, -31), (24, -54, -34)), (9, 6.5, 6))
    stem = tube(p, ((0, -22, -8), (0, -27, -16), (0, -31, -44), (0, -40, -80)), (10, 10, 9, 7))
    stem = union(stem, ellipsoid(p, (0, -22, -29), (17, 11, 13)))
    crura = tube(m, ((9, -14, -4), (10, -17, -14), (7, -20, -24)), (6, 5, 5))
    for shape in (peduncles, stem, crura):
        painting.put("white matter", overlap(shape, cavity + 1))
        painting.put("grey matter", overlap(shape, cavity + 1), strength=0.3)
    painting.put("CSF", ellipsoid(p, (0, -43, -30), (6, 4.5, 9)))
    painting.put("CSF", tube(p, ((0, -27, 2), (0, -31, -14), (0, -40, -24)), (1.2, 1.0, 1.5)))


def _paint_deep_structures(painting: Painting, p: Position) -> None:
    """Corpus callosum, basal ganglia, thalami and ventricles."""
    m = p.mirrored
    disc = overlap(callosal_disc(p, 0.0), m.x - 14)
    arch = overlap(disc, -callosal_disc(p, -9.0) - 0.5)
    painting.put("white matter", overlap(disc, m.x - 12, -6 - p.z))
    painting.put("white matter", overlap(arch, -4 - p.z))
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
    painting.put("white matter", tube(m, ((8, 10, -17), (1, 3, -12), (10, -10, -9)), (2.0, 2.2, 2.0)))
    painting.put("grey matter", ellipsoid(p, (0, -4, -4), (7, 10, 6)), strength=0.8)
    body = tube(
        m,
        ((13, 34, 3), (5, 14, 8), (7, -4, 19), (12, -24, 20), (23, -41, 10)),
        (3.0, 4.2, 4.2, 4.6, 6.2),
    )
    frontal = tube(m, ((13, 31, 9), (6, 14, 15), (6.5, 1, 19)), (2.8, 4.0, 4.4))
    occipital = tube(m, ((23, -41, 10), (25, -56, 5), (21, -72, 3)), (6.0, 4.0, 1.2))
    temporal = tube(m, ((25, -42, 6), (33, -26, -9), (32, -8, -17)), (3.5, 1.8, 1.6))
    ventricles = union(body, frontal, occipital, temporal)
    beside_caudate = tube(m, ((13.5, 16, 4), (14.5, 12, 11), (16.5, -4, 19)), (5.8, 5.4, 3.2))
    painting.put("CSF", overlap(ventricles, -beside_caudate, 0.8 - m.x))
    painting.put("CSF", ellipsoid(p, (0, -11, 2), (2.0, 13, 9)))
    painting.put("CSF", ellipsoid(p, (0, -42, 4), (9, 5, 5)), strength=0.9)
