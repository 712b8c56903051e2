"""A digital head and neck, from the larynx to the jaws.

RAS+ mm with the origin in the pharynx at the height of the third cervical vertebra. Nothing is copied
from an atlas: everything is ellipsoids and tubes, bent by random fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.body import BodyPart, Unevenness
from napari_dwi.physics.phantoms.body_shapes import vertebral_column
from napari_dwi.physics.phantoms.body_tissues import TISSUES, tissues_of
from napari_dwi.physics.phantoms.head_shapes import Position, ellipsoid, overlap, step, tube, union
from napari_dwi.physics.phantoms.head_tissues import Tissue

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_painting import Painting
    from napari_dwi.physics.phantoms.head_shapes import Field

_TISSUES = {
    **tissues_of("fat", "skin", "muscle", "bone", "marrow", "disc", "CSF", "cord", "blood"),
    "cartilage": Tissue(s0=0.30, d=1.30e-3, f=0.0, d_star=10e-3, t1=0.40, t2=0.40),
    "tongue": Tissue(s0=0.36, d=1.40e-3, f=0.10, d_star=30e-3, t1=0.58, t2=0.38),
    "mucosa": Tissue(s0=0.70, d=1.45e-3, f=0.15, d_star=35e-3, t1=0.46, t2=0.80),
    "tonsil": Tissue(s0=0.80, d=0.80e-3, f=0.12, d_star=30e-3, t1=0.48, t2=0.72),
    "parotid gland": Tissue(s0=0.45, d=1.05e-3, f=0.12, d_star=25e-3, t1=0.86, t2=0.66),
    "submandibular gland": Tissue(s0=0.60, d=1.30e-3, f=0.15, d_star=30e-3, t1=0.62, t2=0.68),
    "lymph node": TISSUES["lymph node"],
    "necrosis": TISSUES["fluid"],
    "tumour of the right tonsil": Tissue(s0=0.82, d=0.98e-3, f=0.11, d_star=28e-3, t1=0.47, t2=0.64),
    "metastatic lymph node": Tissue(s0=0.84, d=0.90e-3, f=0.09, d_star=25e-3, t1=0.47, t2=0.62),
}


def _paint(painting: Painting, p: Position, uneven: Unevenness) -> None:
    rough = p.moved([uneven.medium, uneven.fine, uneven.coarse], 0.5)
    outside = _paint_outside(painting, p)
    _paint_neck_muscles(painting, rough, outside)
    vertebral_column(painting, p, y_mm=-22, spacing_mm=18, radii_mm=(13, 8.5), canal_mm=(11, 7.5))
    _paint_tongue(painting, rough, uneven)
    _paint_throat(painting, rough)
    _paint_glands(painting, rough, uneven)
    _paint_jaws(painting, p)
    _paint_vessels_and_nodes(painting, rough)
    tumour = overlap(ellipsoid(rough, (17, 12, 6), (11, 13, 14)), -_airway(p) - 0.5)
    painting.put("tumour of the right tonsil", tumour)


def _paint_outside(painting: Painting, p: Position) -> Field:
    """Skin and fat: a face above, a neck below, and the back of the head behind."""
    # The chin stands out from the neck.
    face = step(p.z + 32, 14)
    front = 66 + 40 * face
    back = 74 + 10 * step(p.z - 10, 60)
    y = p.y + 14
    depth = np.where(y > 0, front, back)
    width = 61 + 13 * step(p.z + 8, 44) - 4 * face * step(p.y - 50, 60)
    inside = (np.abs(p.x / width) ** np.float32(2.25) + np.abs(y / depth) ** np.float32(2.25)) ** np.float32(
        1 / 2.25
    )
    outside: Field = (inside - 1) * np.minimum(width, depth) * 0.92
    painting.put("skin", outside)
    painting.put("fat", outside + 2)
    return outside


def _paint_neck_muscles(painting: Painting, p: Position, outside: Field) -> None:
    m = p.mirrored
    for centre, radii, turned in (
        ((11, -55, 0), (9, 11, 200), -15),  # semispinalis
        ((24, -60, 0), (8, 14, 200), 25),  # splenius
        ((26, -40, 0), (8, 8, 200), 0),  # longissimus
        ((36, -36, 0), (7, 10, 200), 30),  # levator of the scapula
        ((7, -9, 0), (6, 3.6, 200), 0),  # long muscle of the neck
        ((24, -24, 0), (6, 7, 200), 20),  # scaleni
    ):
        painting.put("muscle", overlap(ellipsoid(m, centre, radii, turned), outside + 5))
    trapezius = overlap(np.abs(outside + 8.5) - 2.4, p.y + 46)
    painting.put("muscle", overlap(trapezius, -m.x + 1.0))
    sternomastoid = tube(m, ((58, -34, 50), (51, -22, 0), (38, 4, -60)), (9, 9.5, 9))
    painting.put("muscle", overlap(sternomastoid, outside + 4))
    painting.put("muscle", tube(m, ((44, -18, 34), (30, 6, -8), (20, 24, -36)), (4, 3, 3)))
    painting.put("muscle", overlap(ellipsoid(m, (59, 18, 22), (7.5, 19, 30), 8), outside + 4))
    painting.put("muscle", ellipsoid(m, (37, 12, 20), (7, 15, 26), -12))
    painting.put("muscle", overlap(ellipsoid(m, (9, 30, -52), (7, 4, 26)), outside + 4))


def _paint_tongue(painting: Painting, p: Position, uneven: Unevenness) -> None:
    m = p.mirrored
    tongue = overlap(ellipsoid(p, (0, 44, 14), (25, 33, 24)), -28 - p.z)
    painting.put("mucosa", tongue - 1.2)
    painting.put("tongue", tongue)
    fibres = np.abs(np.mod(p.x + 1.5 * uneven.medium, 7) - 3.5) - 0.5
    painting.put("fat", overlap(fibres, tongue + 5), strength=0.12)
    septum = overlap(np.abs(p.x) - 0.9, tongue + 4)
    painting.put("fat", septum, strength=0.7)
    genioglossus = overlap(ellipsoid(m, (6.5, 52, -2), (5, 24, 16)), tongue + 1)
    painting.put("muscle", genioglossus, strength=0.8)
    floor = ellipsoid(p, (0, 46, -16), (30, 32, 7))
    painting.put("muscle", floor)
    painting.put("muscle", ellipsoid(m, (9, 56, -24), (6, 15, 5)))
    # Air and the hard palate above the tongue.
    painting.clear(overlap(np.abs(p.z - 40) - 1.5, ellipsoid(p, (0, 46, 40), (22, 28, 30))))
    painting.put("mucosa", overlap(np.abs(p.z - 45) - 3.4, ellipsoid(p, (0, 46, 45), (27, 33, 40))))
    painting.put("mucosa", tube(p, ((0, 20, 42), (0, 8, 30), (0, 5, 24)), (6, 5, 3)))


def _airway(p: Position) -> Field:
    naso = tube(p, ((0, 10, 60), (0, 5, 30), (0, 5, 6)), (11, 8.5, 9))
    larynx = tube(p, ((0, 5, 6), (0, 12, -24), (0, 22, -60)), (9, 7, 8))
    return union(naso, larynx)


def _paint_throat(painting: Painting, p: Position) -> None:
    """Pharynx and larynx with their air, tonsils and the epiglottis."""
    m = p.mirrored
    air = _airway(p)
    painting.put("muscle", air - 5.5)
    painting.put("mucosa", air - 2.2)
    painting.put("tonsil", ellipsoid(m, (14.5, 11, 10), (6, 8.5, 12)))
    painting.put("tonsil", ellipsoid(p, (0, 17, -6), (15, 5, 8)))
    thyroid = overlap(np.abs(tube(p, ((0, 12, -34), (0, 18, -60)), (17, 18)) + 1.5) - 1.6, 4 - p.y, p.z + 34)
    painting.put("cartilage", thyroid)
    hyoid = tube(m, ((21, 14, -26), (14, 28, -28), (0, 34, -29)), (2.6, 3.2, 3.8))
    painting.put("bone", hyoid)
    painting.put("marrow", hyoid + 1.4)
    painting.clear(air)
    painting.put("mucosa", tube(p, ((0, 16, -30), (0, 13, -14), (0, 11, -2)), (2.4, 2.2, 1.8)))


def _paint_glands(painting: Painting, p: Position, uneven: Unevenness) -> None:
    m = p.mirrored
    parotid = union(ellipsoid(m, (60, -6, 20), (10, 17, 26), 20), ellipsoid(m, (49, -11, 22), (10, 10, 20)))
    painting.put("parotid gland", parotid + 0.8 * uneven.fine)
    painting.put("fat", overlap(parotid, 5 * (1.3 - uneven.fine)), strength=0.5)
    submandibular = ellipsoid(m, (35, 22, -20), (9.5, 15, 11), 15)
    painting.put("submandibular gland", submandibular + 0.6 * uneven.fine)


def _paint_jaws(painting: Painting, p: Position) -> None:
    """The mandible with its marrow and teeth, and the upper jaw."""
    m = p.mirrored
    arch = ((47, 10, 40), (48, 8, 4), (43, 28, -8), (33, 54, -13), (19, 71, -15), (0, 76, -16))
    body = tube(m, arch, (5.5, 6, 7, 7, 7, 7.5))
    upright = Position(m.x, m.y, m.z * np.float32(0.62))
    tall = tube(upright, tuple((x, y, 0.62 * z) for x, y, z in arch[2:]), (6.2, 6.2, 6.2, 6.4))
    ramus = ellipsoid(m, (49, 8, 24), (4.5, 14, 34), 6)
    mandible = union(body, tall, ramus)
    painting.put("bone", mandible)
    painting.put("marrow", mandible + 2.2)
    row = tube(m, ((40, 32, 6), (31, 53, 3), (18, 68, 2), (0, 73, 2)), (4.4, 4.2, 3.6, 3.4))
    upper = tube(m, ((39, 32, 26), (30, 53, 24), (17, 67, 23), (0, 72, 23)), (5, 4.6, 4, 3.8))
    for teeth in (row, upper):
        painting.put("bone", teeth)
    maxilla = tube(m, ((38, 34, 38), (29, 54, 36), (16, 66, 36), (0, 71, 36)), (7, 6.5, 6, 6))
    painting.put("bone", maxilla)
    painting.put("marrow", maxilla + 2.2)
    sinus = ellipsoid(m, (30, 46, 56), (12, 15, 12))
    painting.put("bone", sinus - 1.2)
    painting.clear(sinus)


def _paint_vessels_and_nodes(painting: Painting, p: Position) -> None:
    m = p.mirrored
    carotid = union(
        tube(m, ((24, -4, -60), (27, -4, -12), (26, -12, 18), (24, -14, 60)), (4.2, 4.4, 3.0, 2.8)),
        tube(m, ((27, -3, -10), (31, 4, 14), (40, -2, 40)), (2.8, 2.4, 1.8)),
    )
    jugular = tube(m, ((34, -8, -60), (36, -13, -10), (33, -18, 40)), (6.5, 6, 5))
    vertebral = tube(m, ((18, -24, -60), (18, -24, 60)), (2.2, 2.2))
    retromandibular = tube(m, ((52, -6, 50), (46, -8, 10), (40, -4, -10)), (2.2, 2.4, 2.4))
    painting.put("blood", union(carotid, jugular, vertebral, retromandibular))
    for centre, radii in (
        ((-40, -2, -8), (4, 4.5, 9)),
        ((-44, -24, -14), (3.5, 4, 7)),
        ((46, -24, 4), (3.5, 4.5, 7)),
        ((-32, 40, -24), (3.5, 5, 4)),
        ((30, 42, -25), (3.5, 5, 4)),
    ):
        painting.put("lymph node", ellipsoid(p, centre, radii))
    node = ellipsoid(p, (43, -6, -8), (9, 9.5, 13))
    painting.put("metastatic lymph node", node)
    painting.put("necrosis", ellipsoid(p, (44, -7, -9), (3.6, 4, 5.5)))


HEAD_NECK = BodyPart(
    name="head-neck",
    tissues=_TISSUES,
    lesions=("tumour of the right tonsil", "metastatic lymph node"),
    regions=("muscle", "tongue", "parotid gland", "submandibular gland", "tonsil", "cord"),
    seen=("muscle", "tongue", "parotid gland", "submandibular gland", "tonsil"),
    paint=_paint,
    lowest_mm=(-84.0, -108.0, -56.0),
    highest_mm=(84.0, 96.0, 56.0),
    shape=(88, 104, 20),
    spacing_mm=(2.0, 2.0, 4.0),
    b_values=(0, 50, 400, 800),
    centre_mm=(0.0, -6.0, 0.0),
    lattice_mm=1.0,
    bend_mm=1.0,
)
