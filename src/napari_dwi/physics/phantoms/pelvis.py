"""A digital male pelvis at the height of prostate and bladder.

RAS+ mm with the origin in the middle of the prostate. Nothing is copied from an atlas: organs, muscles
and bones are ellipsoids and tubes, bent by random fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.body import BodyPart, Unevenness
from napari_dwi.physics.phantoms.body_shapes import trunk
from napari_dwi.physics.phantoms.body_tissues import TISSUES, tissues_of
from napari_dwi.physics.phantoms.head_shapes import Position, ellipsoid, overlap, tube, union
from napari_dwi.physics.phantoms.head_tissues import Tissue

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_painting import Painting

_TISSUES = {
    **tissues_of("fat", "skin", "muscle", "bone", "marrow", "blood"),
    "bladder wall": TISSUES["gland wall"],
    "urine": TISSUES["fluid"],
    "rectum wall": Tissue(s0=0.42, d=1.35e-3, f=0.12, d_star=30e-3, t1=0.52, t2=0.44),
    "stool": Tissue(s0=0.20, d=1.50e-3, f=0.0, d_star=10e-3, t1=0.70, t2=0.30),
    "peripheral zone": Tissue(s0=0.95, d=1.65e-3, f=0.09, d_star=22e-3, t1=0.46, t2=1.00),
    "transition zone": Tissue(s0=0.62, d=1.25e-3, f=0.09, d_star=22e-3, t1=0.47, t2=0.50),
    "glandular nodule": Tissue(s0=0.85, d=1.60e-3, f=0.08, d_star=22e-3, t1=0.46, t2=0.82),
    "fibrous tissue": Tissue(s0=0.25, d=1.10e-3, f=0.05, d_star=20e-3, t1=0.44, t2=0.20),
    "seminal vesicle": Tissue(s0=1.05, d=1.85e-3, f=0.05, d_star=20e-3, t1=0.40, t2=1.05),
    "lymph node": TISSUES["lymph node"],
    "carcinoma, right peripheral zone": Tissue(s0=0.78, d=0.75e-3, f=0.07, d_star=22e-3, t1=0.47, t2=0.42),
    "carcinoma, left transition zone": Tissue(s0=0.66, d=0.80e-3, f=0.06, d_star=22e-3, t1=0.47, t2=0.38),
    "metastatic lymph node": Tissue(s0=0.82, d=0.85e-3, f=0.08, d_star=25e-3, t1=0.48, t2=0.58),
}


def _paint(painting: Painting, p: Position, uneven: Unevenness) -> None:
    rough = p.moved([uneven.medium, uneven.fine, uneven.coarse], 0.7)
    _paint_outside(painting, p, uneven)
    _paint_muscles(painting, rough)
    _paint_bones(painting, p)
    _paint_vessels(painting, rough)
    _paint_floor_and_rectum(painting, rough, uneven)
    _paint_bladder(painting, rough, uneven)
    _paint_prostate(painting, rough, uneven)


def _paint_outside(painting: Painting, p: Position, uneven: Unevenness) -> None:
    outside = trunk(p, (182, 112), 2.5)
    # Between the buttocks.
    cleft = overlap(np.abs(p.x) - 1.6 + 0.10 * (p.y + 86), p.y + 86)
    outside = overlap(outside, -cleft)
    painting.put("skin", outside)
    painting.put("fat", outside + 2)
    fascia = overlap(np.abs(outside + 17 + 3 * uneven.coarse) - 0.5, -p.y - 20)
    painting.put("skin", fascia, strength=0.3)


def _paint_muscles(painting: Painting, p: Position) -> None:
    m = p.mirrored
    gluteus = overlap(
        ellipsoid(m, (74, -76, 0), (64, 25, 120), -22), -ellipsoid(m, (0, -60, 0), (30, 40, 90))
    )
    # Coarse bundles with fat between them.
    bundles = np.abs(np.mod(0.75 * m.x + 0.9 * m.y + 0.3 * m.z, 13) - 6.5) - 0.7
    painting.put("muscle", gluteus)
    painting.put("fat", overlap(bundles, gluteus + 3), strength=0.55)
    for centre, radii, turned in (
        ((88, 44, -8), (22, 20, 90), 10),  # iliopsoas
        ((64, 40, -22), (15, 12, 40), 30),  # pectineus
        ((112, 60, 0), (15, 12, 90), 0),  # rectus femoris
        ((96, 78, 0), (12, 8, 90), -20),  # sartorius
        ((144, 44, 0), (14, 24, 80), 12),  # tensor of the fascia lata
        ((136, -12, 32), (18, 34, 36), -10),  # gluteus medius
        ((112, -42, -4), (14, 10, 26), 0),  # quadratus femoris
        ((56, 12, -40), (22, 17, 20), 20),  # external obturator
        ((40, 40, -44), (15, 14, 40), 0),  # adductors
        ((13, 84, 40), (14, 7, 36), 0),  # rectus abdominis
    ):
        painting.put("muscle", ellipsoid(m, centre, radii, turned))
    obturator = overlap(
        ellipsoid(m, (52, -2, -4), (12, 38, 44), -8), ellipsoid(m, (50, -2, -4), (40, 46, 46))
    )
    painting.put("muscle", obturator)
    painting.put("muscle", tube(m, ((52, -38, 4), (78, -46, 6), (112, -30, 10)), (8, 8, 5)))


def _paint_bones(painting: Painting, p: Position) -> None:
    m = p.mirrored
    # A socket around the head of the femur, open to the side and downwards.
    around = ellipsoid(m, (94, 0, 16), (34, 35, 34))
    socket = overlap(around, m.x - 96 + 0.5 * (16 - m.z))
    ischium = union(
        tube(m, ((78, -26, 16), (70, -44, -12), (56, -52, -40)), (15, 13, 13)),
        ellipsoid(m, (60, -52, -44), (15, 15, 20)),
    )
    pubis = union(
        tube(m, ((74, 20, 14), (48, 46, 4), (13, 55, -8)), (11, 8, 10)),
        tube(m, ((13, 55, -10), (28, 36, -34), (50, -30, -52)), (8, 7, 8)),
    )
    ilium = tube(m, ((84, -6, 44), (94, -8, 90)), (15, 18))
    pelvic = union(socket, ischium, pubis, ilium)
    head = ellipsoid(m, (94, 0, 16), (24.5, 24.5, 24.5))
    femur = union(
        head,
        tube(m, ((100, -3, 12), (134, -14, -12)), (16, 17)),
        tube(m, ((140, -14, -4), (136, -8, -90)), (19, 16)),
    )
    painting.put("bone", pelvic)
    painting.put("marrow", pelvic + 2.2)
    painting.put("urine", head - 2.0, strength=0.1)
    painting.put("bone", femur)
    painting.put("marrow", femur + 2.0)
    shaft = tube(m, ((140, -14, -44), (136, -8, -90)), (17, 15))
    painting.put("bone", overlap(shaft, -shaft - 6), strength=0.8)
    # Tail bone, and the cartilage of the symphysis.
    tail = tube(p, ((0, -84, 56), (0, -80, 30), (0, -66, 8)), (15, 10, 5))
    painting.put("bone", tail)
    painting.put("marrow", tail + 1.8)
    painting.put("fibrous tissue", ellipsoid(p, (0, 55, -8), (3.2, 11, 17)))


def _paint_vessels(painting: Painting, p: Position) -> None:
    m = p.mirrored
    artery = tube(m, ((50, 34, 60), (66, 62, 10), (70, 60, -60)), (5, 4.8, 4.5))
    vein = tube(m, ((46, 26, 60), (56, 58, 8), (62, 54, -60)), (6.5, 6, 5.5))
    for vessel in (artery, vein):
        painting.put("muscle", vessel, strength=0.7)
        painting.put("blood", vessel + 1.2)
    # Veins around the prostate, and the pudendal vessels.
    painting.put("blood", tube(m, ((24, 14, -20), (29, 4, 0), (27, -2, 24)), (2.6, 3.0, 2.2)), strength=0.8)
    painting.put("blood", tube(m, ((40, -40, 10), (42, -30, -40)), (2.2, 2.2)), strength=0.8)
    painting.put("lymph node", ellipsoid(p, (50, 22, 30), (4.5, 6, 7)))
    painting.put("lymph node", ellipsoid(p, (72, 74, -14), (5, 4, 7)))
    painting.put("lymph node", ellipsoid(p, (-74, 74, -10), (4.5, 4, 6)))
    painting.put("metastatic lymph node", ellipsoid(p, (-48, 22, 26), (7, 8, 10)))


def _paint_floor_and_rectum(painting: Painting, p: Position, uneven: Unevenness) -> None:
    """The sling of the levator around prostate and rectum, and the rectum with stool and gas."""
    m = p.mirrored
    funnel = ellipsoid(p, (0, -16, 26), (48, 52, 74))
    painting.put("muscle", overlap(np.abs(funnel + 2) - 1.8, p.z - 6, m.y - 24, -46 - m.y))
    rectum = tube(
        p, ((0, -32, -60), (0, -30, -26), (2, -36, 6), (-4, -46, 34), (6, -56, 60)), (13, 14, 17, 19, 20)
    )
    painting.put("rectum wall", rectum)
    lumen = rectum + 4 + 0.8 * uneven.fine
    painting.put("stool", lumen)
    painting.clear(overlap(lumen, -26 + 8 * uneven.coarse - p.y - 0.30 * p.z))


def _paint_bladder(painting: Painting, p: Position, uneven: Unevenness) -> None:
    bladder = ellipsoid(p, (2, 24, 52), (46, 34, 31))
    painting.put("bladder wall", bladder)
    painting.put("urine", bladder + 3.6 + 0.6 * uneven.medium)


def _paint_prostate(painting: Painting, p: Position, uneven: Unevenness) -> None:
    m = p.mirrored
    tubules = tube(m, ((5, -11, 27), (20, -13, 33), (38, -14, 35)), (5, 7.5, 4.5))
    painting.put("fibrous tissue", tubules)
    painting.put("seminal vesicle", overlap(tubules + 1, 5 * (np.abs(uneven.fine) - 1.15)))
    gland = ellipsoid(p, (0, 2, 0), (27, 19.5, 24))
    # Flat behind, where the rectum lies.
    gland = overlap(gland, -15.5 - 0.004 * p.x**2 - p.y)
    painting.put("fibrous tissue", gland - 1.2, strength=0.8)
    painting.put("peripheral zone", gland)
    inner = overlap(ellipsoid(p, (0, 6, 4), (20, 14.5, 20)), gland + 1)
    painting.put("fibrous tissue", inner - 1.0, strength=0.8)
    painting.put("transition zone", inner)
    nodules = overlap(inner + 2, 6 * (0.55 - uneven.medium))
    painting.put("fibrous tissue", nodules, strength=0.5)
    painting.put("glandular nodule", nodules + 1.0, strength=0.9)
    stroma = ellipsoid(p, (0, 19, 0), (11, 5, 18))
    painting.put("fibrous tissue", stroma)
    urethra = tube(p, ((0, 8, 24), (0, 3, 0), (0, 2, -40)), (2.6, 2.6, 4.0))
    painting.put("muscle", urethra - 1.5, strength=0.6)
    painting.put("seminal vesicle", urethra, strength=0.5)
    painting.put(
        "carcinoma, right peripheral zone",
        overlap(ellipsoid(p, (14, -9, -2), (8, 4.6, 7.5), -25), gland + 0.5),
    )
    painting.put("carcinoma, left transition zone", overlap(ellipsoid(p, (-9, 13, 2), (8, 5, 7)), gland + 1))


PELVIS = BodyPart(
    name="pelvis",
    tissues=_TISSUES,
    lesions=("carcinoma, right peripheral zone", "carcinoma, left transition zone", "metastatic lymph node"),
    regions=("peripheral zone", "transition zone", "muscle", "urine", "marrow"),
    seen=("peripheral zone", "transition zone", "glandular nodule", "muscle"),
    paint=_paint,
    lowest_mm=(-192.0, -120.0, -60.0),
    highest_mm=(192.0, 120.0, 66.0),
    shape=(156, 104, 20),
    spacing_mm=(2.5, 2.5, 4.0),
    b_values=(0, 50, 400, 800),
    centre_mm=(0.0, 0.0, 8.0),
)
