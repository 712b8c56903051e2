"""The outlines of the digital head: skull, brain, the large fissures, and the lesions.

As everywhere in the head, distances in mm, negative inside, at RAS+ positions in mm. An ``m`` in
place of ``p`` stands for positions with the left half folded onto the right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.head_shapes import ellipsoid, overlap, step, union

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_shapes import Field, Position


def head_outline(p: Position, radii: tuple[float, float, float], down: float, bulge: float) -> Field:
    """An egg, narrower in front: half axes to the side, back and up, and its own one downwards.

    ``bulge`` above 2 keeps it wide below, where a head goes over into the neck.
    """
    a, b, c = radii
    y, z = p.y + 19, p.z - 6
    x = p.x * (1 + 1.1e-5 * np.maximum(y + 25, 0) ** 2 + 1.0e-5 * np.minimum(y + 25, 0) ** 2)
    in_plane = np.abs(x / a) ** np.float32(2.25) + np.abs(y / b) ** np.float32(2.25)
    upright = np.where(z > 0, np.abs(z / c) ** np.float32(2.25), np.abs(z / down) ** np.float32(bulge))
    inside = (in_plane + upright) ** np.float32(1 / 2.25)
    slope = np.sqrt((p.x / a**2) ** 2 + (y / b**2) ** 2 + (z / np.where(z > 0, c, down) ** 2) ** 2)
    distance: Field = (inside - 1) * np.maximum(inside, 0.3) / np.maximum(slope, np.float32(1 / 200))
    return distance


def skull_cavity(p: Position) -> Field:
    """The inside of the skull, down to the skull base."""
    return overlap(head_outline(p, (71, 91, 73), 68, 3.2), skull_base(p.mirrored) - p.z)


def skull_base(m: Position) -> Field:
    """Height of the skull base: three steps down from front to back, and the petrous ridges."""
    roof = np.exp(-(((m.x - 30) / 15) ** 2) - ((m.y - 46) / 18) ** 2)
    anterior = -21 + 7 * roof - 4 * np.exp(-((m.x / 9) ** 2))
    sella = -21 - 0.75 * np.maximum(-4 - m.y, 0)
    middle = sella + (-44 - sella) * step(m.x - 20, 16)
    ridge = -14 - 0.55 * m.x - m.y
    floor = middle + (anterior - middle) * step(m.y - 20 + 0.022 * (m.x - 36) ** 2, 8)
    floor = floor + (-64 - floor) * step(ridge, 7)
    petrous = -27 + 0.12 * m.x - np.abs(ridge) * 1.3 - 60 * step(14 - m.x, 8)
    return overlap(floor, petrous)


def tentorium(m: Position) -> Field:
    """Height of the tentorium, which parts cerebrum and cerebellum."""
    return 3 - 0.42 * m.x - 0.34 * np.maximum(-45 - m.y, 0)


def callosal_disc(p: Position, above_mm: float) -> Field:
    """The corpus callosum and all that lies within its arch, seen from the side."""
    y, z = p.y + 5, p.z - 3
    b, c = 37 + above_mm * 0.6, np.where(z > 0, 24 + above_mm * 0.6, 11)
    inside = np.sqrt((y / b) ** 2 + (z / c) ** 2)
    slope = np.sqrt((y / b**2) ** 2 + (z / c**2) ** 2)
    from_rim = (inside - 1) * inside / np.maximum(slope, np.float32(1e-4))
    return overlap(from_rim, np.abs(p.x) - 26)


def cerebrum_hull(p: Position, cavity: Field) -> Field:
    """The cerebrum as if it were smooth and in one piece."""
    m = p.mirrored
    above_base = step(p.z + 16, 30)
    rim = cavity + 0.9 + above_base * (1.3 + 0.8 * step(p.y - 30, 40) + 0.4 * step(p.z - 45, 30))
    behind_ridge = -14 - 0.55 * m.x - m.y
    above_tentorium = union(tentorium(m) + 0.7 - p.z, behind_ridge + 1)
    hull = overlap(rim, above_tentorium)
    brainstem_cisterns = ellipsoid(p, (0, -21, -24), (19, 22, 20))
    under_frontal = ellipsoid(p, (0, -13, -21), (17, 25, 15))
    suprasellar = ellipsoid(p, (0, 4, -16), (12, 9, 8))
    cisterns = union(brainstem_cisterns, suprasellar, under_frontal)
    return overlap(hull, -cisterns)


def hemispheric_fissure(p: Position) -> Field:
    """Distance to the fissure between the hemispheres."""
    return overlap(np.abs(p.x) - 1.1 - 0.5 * step(p.y - 20, 30), -callosal_disc(p, 3.0))


def sylvian_fissures(p: Position, uneven: Field) -> Field:
    """Distance to the Sylvian fissures with the clefts over the insulae, and the cistern behind."""
    m = p.mirrored
    insula_x = 42 + 0.9 * uneven - 4.5 * ((p.y - 1) / 22) ** 2 - 2.5 * ((p.z - 3) / 14) ** 2
    insula = overlap(np.abs(m.x - insula_x) - 0.9, ellipsoid(m, (41, 0, 3), (30, 23, 15)))
    sylvian_z = -4 + 2.2 * uneven - 0.38 * (p.y - 10) + 0.08 * (m.x - 45)
    half_width = 0.8 + 0.05 * np.maximum(m.x - 50, 0)
    lateral = overlap(np.abs(p.z - sylvian_z) * 0.9 - half_width, 39 - m.x, np.abs(p.y + 6) - 30)
    stem = overlap(np.abs(p.z + 10 + 0.1 * (m.x - 20)) - 1.5, 12 - m.x, m.x - 44, np.abs(p.y - 9) - 6)
    quadrigeminal = ellipsoid(p, (0, -42, 3), (9, 5, 6))
    return union(insula, lateral, stem, quadrigeminal)


def lesion_shapes(p: Position) -> tuple[Field, Field, Field]:
    """A wedge with its base on the left cortex, and two round lesions on the right."""
    x, y, z = p.x + 38, p.y + 20, p.z - 21
    outwards = -0.96 * x - 0.1 * y + 0.26 * z
    across = np.sqrt(np.maximum(x**2 + y**2 + z**2 - outwards**2, 0))
    wedge = overlap(across - 3 - 0.36 * outwards, -outwards, outwards - 30)
    return wedge, ellipsoid(p, (28, -26, 30), (4, 4.6, 4.2)), ellipsoid(p, (11, -16, 7), (4.6, 5.4, 4.8))
