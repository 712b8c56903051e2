"""The diffusion phantom: 13 tubes of known diffusion coefficient in ice water.

A sphere as wide as a head with water at 0 degrees Celsius in which tubes stand in two rings around one
in the middle (Boss et al., ISMRM 2014; Keenan et al., ISMRM 2016). They hold water with 0 to 50 %
polyvinylpyrrolidone (PVP), whose diffusion coefficients at this temperature are known from the laboratory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.body import BodyPart, Unevenness
from napari_dwi.physics.phantoms.head_shapes import Position, ellipsoid, overlap
from napari_dwi.physics.phantoms.head_tissues import Tissue

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_painting import Painting
    from napari_dwi.physics.phantoms.head_shapes import Field

# mm2/s at 0 degrees Celsius by percentage of PVP, as in the QIBA profile for diffusion-weighted MRI.
ADC_OF_PVP = {0: 1.109e-3, 10: 0.843e-3, 20: 0.607e-3, 30: 0.403e-3, 40: 0.248e-3, 50: 0.128e-3}

# In the middle, then the inner and the outer ring: 3 tubes of water, 2 of each solution.
_PVP = (0, 0, 10, 20, 30, 40, 50, 0, 10, 20, 30, 40, 50)
_RINGS_MM = (0.0, 36.0, 66.0)
_TUBE_MM, _WALL_MM, _SPHERE_MM = 13.0, 1.2, 92.0
_LENGTH_MM = 60.0


def _solution(pvp: int) -> Tissue:
    """Less water, and a shorter T2, the more polymer there is."""
    water = 1 - pvp / 100
    return Tissue(
        s0=0.25 + 0.7 * water**1.5,
        d=ADC_OF_PVP[pvp],
        f=0.0,
        d_star=10e-3,
        t1=0.35 + 0.01 * pvp,
        t2=0.4 + 0.7 * water,
    )


def _name(tube: int) -> str:
    return f"tube {tube}, {_PVP[tube - 1]} % PVP"


TUBES_MM2_PER_S = {_name(tube): ADC_OF_PVP[pvp] for tube, pvp in enumerate(_PVP, start=1)}

_TISSUES = {
    "ice water": Tissue(s0=0.80, d=1.10e-3, f=0.0, d_star=10e-3, t1=0.30, t2=1.00),
    "plastic": Tissue(s0=0.0, d=1.0e-3, f=0.0, d_star=10e-3, t1=0.0, t2=0.0),
    **{_name(tube): _solution(pvp) for tube, pvp in enumerate(_PVP, start=1)},
}


def tube_centre_mm(tube: int) -> tuple[float, float]:
    """Where the axis of a tube (1 to 13) crosses the middle slice, x and y."""
    if tube == 1:
        return 0.0, 0.0
    ring, place = divmod(tube - 2, 6)
    # The rings are turned against each other, so that the outer tubes stand in the gaps.
    angle = np.deg2rad(90 + 60 * place + 30 * ring)
    radius = _RINGS_MM[ring + 1]
    return float(radius * np.cos(angle)), float(radius * np.sin(angle))


def _paint(painting: Painting, p: Position, _uneven: Unevenness) -> None:
    sphere = ellipsoid(p, (0, 0, 0), (_SPHERE_MM,) * 3)
    painting.put("plastic", sphere - 4)
    painting.put("ice water", sphere)
    for tube, name in enumerate(TUBES_MM2_PER_S, start=1):
        x, y = tube_centre_mm(tube)
        from_axis: Field = np.hypot(p.x - np.float32(x), p.y - np.float32(y))
        inside = overlap(from_axis - _TUBE_MM, np.abs(p.z) - _LENGTH_MM / 2)
        painting.put("plastic", inside - _WALL_MM)
        painting.put(name, inside)


TUBES = BodyPart(
    name="tubes",
    tissues=_TISSUES,
    lesions=(),
    regions=tuple(TUBES_MM2_PER_S),
    seen=tuple(TUBES_MM2_PER_S),
    paint=_paint,
    lowest_mm=(-99.0, -99.0, -54.0),
    highest_mm=(99.0, 99.0, 54.0),
    shape=(104, 104, 10),
    spacing_mm=(2.0, 2.0, 5.0),
    b_values=(0, 250, 500, 750, 1000),
    lattice_mm=1.0,
    bend_mm=0.0,
)
