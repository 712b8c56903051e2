"""What several parts of the body have in common: the outline of a trunk, and the spine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.head_shapes import Position, ellipsoid, overlap, tube, union

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_painting import Painting
    from napari_dwi.physics.phantoms.head_shapes import Field


def trunk(p: Position, radii_mm: tuple[float, float], exponent: float) -> Field:
    """A long body along z with a rounded rectangle as section: half axes to the side and to the front.

    Parameters
    ----------
    p : Position
        Where.
    radii_mm : (float, float)
        Half axes.
    exponent : float
        2 is an ellipse; more is nearer to a rectangle.
    """
    a, b = (np.float32(radius) for radius in radii_mm)
    power = np.float32(exponent)
    inside = (np.abs(p.x / a) ** power + np.abs(p.y / b) ** power) ** (1 / power)
    slope = np.sqrt((p.x / a**2) ** 2 + (p.y / b**2) ** 2)
    distance: Field = (inside - 1) * np.maximum(inside, np.float32(0.3)) / np.maximum(slope, 1 / (3 * a))
    return distance


def vertebral_column(
    painting: Painting,
    p: Position,
    y_mm: float,
    spacing_mm: float,
    radii_mm: tuple[float, float],
    canal_mm: tuple[float, float],
) -> None:
    """Vertebrae with discs between them, arches and processes, and the canal with the cord.

    Parameters
    ----------
    painting : Painting
        What to paint on; it has bone, marrow, disc, CSF and cord.
    p : Position
        Where.
    y_mm : float
        Centre of the vertebral bodies.
    spacing_mm : float
        From one to the next along z.
    radii_mm, canal_mm : (float, float)
        Half axes of the vertebral bodies and of the canal, to the side and to the front.
    """
    a, b = radii_mm
    behind = Position(p.x, p.y - np.float32(y_mm), p.z)
    m = behind.mirrored
    within = np.abs(np.mod(p.z + spacing_mm / 2, spacing_mm) - spacing_mm / 2)
    waist = 1.6 - 6.0 * (within / spacing_mm) ** 2
    section = trunk(behind, (a, b), 2.5) + waist
    canal_y = -b - canal_mm[1] - 2.5
    disc = overlap(section - 1.0, spacing_mm * 0.37 - within)
    body = overlap(section, within - spacing_mm * 0.37)
    # Arches stand behind the upper part of each vertebra.
    arch_z = np.mod(p.z + spacing_mm / 2 + 3, spacing_mm) - spacing_mm / 2
    level = Position(m.x, m.y, arch_z)
    arch = union(
        tube(
            level,
            ((a * 0.62, -b * 0.7, 0), (a * 0.72, canal_y, 0), (0, canal_y - canal_mm[1] - 4, -3)),
            (4, 4, 4),
        ),
        tube(level, ((a * 0.7, canal_y, 0), (a * 1.75, canal_y - 2, 0)), (4, 2.6)),
        tube(
            level, ((0, canal_y - canal_mm[1] - 4, -3), (0, canal_y - canal_mm[1] - b * 1.3, -8)), (3.4, 3.8)
        ),
    )
    for bone in (body, arch):
        painting.put("bone", bone)
        painting.put("marrow", bone + 1.4)
    painting.put("disc", disc)
    canal = ellipsoid(behind, (0, canal_y, 0), (*canal_mm, 4000.0))
    painting.put("fat", canal - 1.2)
    painting.put("CSF", canal)
    cord = ellipsoid(behind, (0, canal_y - 0.5, 0), (canal_mm[0] * 0.56, canal_mm[1] * 0.58, 4000.0))
    painting.put("cord", cord)
