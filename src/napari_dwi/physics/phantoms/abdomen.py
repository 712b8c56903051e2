"""A digital abdomen at the height of liver, pancreas and kidneys.

RAS+ mm with the origin in front of the first lumbar vertebra, midway between belly and back. As in the
head nothing is copied from an atlas: organs are ellipsoids and tubes, bent by random fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.phantoms.body import BodyPart, Unevenness
from napari_dwi.physics.phantoms.body_shapes import trunk, vertebral_column
from napari_dwi.physics.phantoms.body_tissues import TISSUES, tissues_of
from napari_dwi.physics.phantoms.head_shapes import Position, ellipsoid, overlap, step, tube, union
from napari_dwi.physics.phantoms.head_tissues import Tissue

if TYPE_CHECKING:
    from napari_dwi.physics.phantoms.head_painting import Painting
    from napari_dwi.physics.phantoms.head_shapes import Field

_TISSUES = {
    **tissues_of("fat", "skin", "muscle", "bone", "marrow", "disc", "CSF", "cord", "blood", "fluid"),
    "bowel wall": TISSUES["gland wall"],
    "bowel content": Tissue(s0=0.35, d=1.90e-3, f=0.0, d_star=10e-3, t1=0.60, t2=0.55),
    "liver": Tissue(s0=0.42, d=1.09e-3, f=0.23, d_star=70e-3, t1=0.74, t2=0.36),
    "spleen": Tissue(s0=0.80, d=0.85e-3, f=0.11, d_star=40e-3, t1=0.50, t2=0.62),
    "kidney cortex": Tissue(s0=0.88, d=1.95e-3, f=0.20, d_star=40e-3, t1=0.64, t2=0.66),
    "kidney medulla": Tissue(s0=0.92, d=1.75e-3, f=0.15, d_star=35e-3, t1=0.46, t2=0.80),
    "pancreas": Tissue(s0=0.55, d=1.41e-3, f=0.20, d_star=25e-3, t1=0.82, t2=0.48),
    "liver metastasis": Tissue(s0=0.72, d=0.95e-3, f=0.10, d_star=40e-3, t1=0.50, t2=0.62),
    "liver cyst": Tissue(s0=1.50, d=2.60e-3, f=0.0, d_star=10e-3, t1=0.22, t2=1.35),
    "pancreatic carcinoma": Tissue(s0=0.64, d=1.15e-3, f=0.07, d_star=22e-3, t1=0.54, t2=0.56),
}


def _paint(painting: Painting, p: Position, uneven: Unevenness) -> None:
    rough = p.moved([uneven.medium, uneven.fine, uneven.coarse], 0.9)
    cavity = _paint_wall(painting, p, uneven)
    vertebral_column(painting, p, y_mm=-47, spacing_mm=36, radii_mm=(23, 17.5), canal_mm=(10, 8.5))
    m = p.mirrored
    painting.put("muscle", ellipsoid(m, (37, -46, -45), (14, 18, 85)))
    painting.put("muscle", ellipsoid(m, (63, -66, -20), (24, 10, 70), 20))
    painting.put("muscle", tube(m, ((9, -24, 70), (11, -28, 10), (14, -34, -25)), (6, 5, 2)))
    _paint_bowel(painting, rough, cavity, uneven)
    liver = _paint_liver(painting, rough, cavity)
    _paint_spleen_and_stomach(painting, rough, cavity, uneven)
    _paint_kidneys(painting, rough)
    _paint_pancreas(painting, rough, uneven)
    _paint_great_vessels(painting, rough)
    gallbladder = overlap(ellipsoid(rough, (56, 58, -14), (13, 22, 19), 25), cavity + 2)
    painting.put("bowel wall", gallbladder - 1.5)
    painting.put("fluid", gallbladder)
    for centre, radius in (((98, -6, 36), 12), ((66, 38, 42), 8), ((104, 30, 2), 6.5), ((-26, 58, 44), 6)):
        painting.put("liver metastasis", overlap(ellipsoid(rough, centre, (radius,) * 3), liver + 1))
    painting.put("liver cyst", overlap(ellipsoid(rough, (82, 4, 2), (8.5, 9, 8.5)), liver + 1))


def _paint_wall(painting: Painting, p: Position, uneven: Unevenness) -> Field:
    """Skin, fat, muscle and ribs; gives the distance to the inside of the wall."""
    outside = trunk(p, (166, 112), 2.35)
    behind = step(-p.y - 20, 60)
    fat_mm = 17 + 7 * step(p.y, 120) + 1.5 * uneven.coarse
    wall = outside + fat_mm
    cavity = wall + 11 + 4 * behind
    painting.put("skin", outside)
    painting.put("fat", outside + 2)
    painting.put("muscle", overlap(wall, -cavity))
    # The sheets of the wall, with fat between them; no muscle in the midline in front.
    sheets = overlap(np.abs(wall + 5.5) - 0.7, 1 - behind * 4)
    painting.put("fat", overlap(sheets, 35 - np.abs(p.x)), strength=0.6)
    painting.put("fat", overlap(np.abs(p.x) - 3, 40 - p.y, wall, -cavity), strength=0.7)
    painting.put("fat", cavity)
    m = p.mirrored
    erector = union(ellipsoid(m, (26, -80, 0), (24, 19, 400)), ellipsoid(m, (52, -78, 0), (22, 14, 400), 15))
    painting.put("muscle", overlap(erector, outside + 8))
    painting.put("fat", overlap(np.abs(m.x - 40 + 0.2 * (p.y + 80)) - 0.8, erector + 3), strength=0.7)
    # Ribs slope downwards from back to front.
    along = p.z + 0.45 * p.y + 0.05 * np.abs(p.x)
    between = np.abs(np.mod(along, 26) - 13)
    rib = overlap(np.abs(wall + 7.5) - 4.2, between - 5.5, -p.z - 25 + 0.4 * p.y, 62 - np.abs(p.x))
    painting.put("bone", rib)
    painting.put("marrow", rib + 2.2)
    return cavity


def _paint_liver(painting: Painting, p: Position, cavity: Field) -> Field:
    """The liver with portal and hepatic veins; gives the distance to its surface."""
    right = ellipsoid(p, (80, 4, 22), (64, 86, 74))
    left = ellipsoid(p, (2, 58, 44), (78, 36, 36))
    liver = overlap(union(right, left), cavity + 1.5, 12 - ellipsoid(p, (10, -34, 0), (34, 40, 200)))
    # Impressions of kidney and stomach.
    liver = overlap(liver, 2 - ellipsoid(p, (74, -50, -14), (36, 38, 58)))
    liver = overlap(liver, -ellipsoid(p, (18, 30, -6), (34, 26, 26)))
    painting.put("liver", liver)
    portal = union(
        tube(p, ((22, 6, 6), (40, 10, 18), (66, 4, 22), (96, -16, 20)), (6.5, 6.5, 4.5, 1.6)),
        tube(p, ((66, 4, 22), (92, 30, 12), (112, 42, 4)), (4.2, 2.8, 1.2)),
        tube(p, ((66, 4, 22), (84, -14, 44), (110, -18, 56)), (4.0, 2.4, 1.2)),
        tube(p, ((40, 10, 18), (26, 40, 32), (-4, 62, 38), (-34, 66, 40)), (5.0, 4.2, 2.6, 1.2)),
    )
    hepatic = union(
        tube(p, ((26, -14, 78), (60, -8, 62), (100, 4, 40), (122, 6, 22)), (6, 4.5, 3, 1.2)),
        tube(p, ((26, -12, 78), (48, 24, 60), (76, 58, 34)), (5, 3.8, 1.4)),
        tube(p, ((24, -8, 78), (4, 34, 62), (-22, 56, 52)), (5, 3.2, 1.2)),
    )
    painting.put("blood", overlap(union(portal, hepatic), liver + 2))
    ligament = overlap(np.abs(p.x + 0.25 * p.y - 34) - 1.2, 44 - p.y, liver + 0.5, p.z - 40)
    painting.put("fat", ligament, strength=0.8)
    return liver


def _paint_spleen_and_stomach(painting: Painting, p: Position, cavity: Field, uneven: Unevenness) -> None:
    spleen = ellipsoid(p, (-110, -34, 34), (34, 56, 52), -18)
    spleen = overlap(spleen, cavity + 1.5, -ellipsoid(p, (-74, -18, 30), (38, 44, 54), -18))
    painting.put("spleen", spleen)
    stomach = tube(
        p, ((-62, -8, 66), (-72, 18, 40), (-62, 46, 14), (-26, 62, -2), (12, 52, -6)), (30, 30, 24, 15, 9)
    )
    stomach = overlap(stomach, cavity + 2)
    folds = 3.6 + 0.9 * uneven.fine
    painting.put("bowel wall", stomach)
    painting.put("fluid", stomach + folds)
    painting.put("bowel content", overlap(stomach + folds, 12 * (uneven.coarse - 0.3)), strength=0.6)
    painting.clear(overlap(stomach + folds, 44 - p.y - 0.02 * p.x))


def _paint_bowel(painting: Painting, p: Position, cavity: Field, uneven: Unevenness) -> None:
    """Loops of the small bowel, the colon with its gas, and the duodenum."""
    bag = ellipsoid(p, (-16, 38, -46), (86, 44, 46))
    bag = overlap(bag, cavity + 4)
    loops = -1.0 - 5.5 * (uneven.coarse + 0.45 * uneven.medium)
    painting.put("bowel wall", overlap(bag, loops))
    painting.put("bowel content", overlap(bag + 2, loops + 2.4), strength=0.8)
    painting.put("fluid", overlap(bag + 2, loops + 2.4, 5 * (uneven.medium - 0.5)), strength=0.7)
    colon = union(
        tube(p, ((112, 2, -90), (110, 12, -40), (100, 36, -24)), (21, 20, 18)),
        tube(p, ((100, 36, -24), (66, 72, -34), (0, 82, -40), (-66, 70, -28), (-104, 22, 2)), (17,) * 5),
        tube(p, ((-104, 22, 2), (-118, -6, -30), (-116, -10, -90)), (16, 14, 13)),
    )
    haustra = 1.6 * uneven.medium
    colon = overlap(colon + haustra, cavity + 3)
    painting.put("fat", colon - 3)
    painting.put("bowel wall", colon)
    painting.put("bowel content", colon + 3)
    painting.clear(overlap(colon + 3, 4 * (0.5 + uneven.medium) - 0.25 * (p.y - 40)))
    duodenum = tube(p, ((20, 46, -8), (50, 26, -10), (54, 4, -34), (28, -8, -50), (-6, -6, -46)), (10,) * 5)
    painting.put("bowel wall", duodenum)
    painting.put("fluid", duodenum + 4)


def _paint_kidneys(painting: Painting, p: Position) -> None:
    for side, height in ((1.0, -16.0), (-1.0, -4.0)):
        x, y, z = side * p.x, p.y, p.z - height
        # Upper poles lean to the spine, hila look inwards and to the front.
        here = Position(x - 0.16 * z, y + 0.12 * z, z)
        kidney = ellipsoid(here, (76, -46, 0), (27, 31, 54), 30)
        hilum = ellipsoid(here, (54, -28, 0), (22, 14, 20), 30)
        sinus = union(ellipsoid(here, (68, -40, 0), (11, 15, 32), 30), hilum)
        painting.put("fat", kidney - 7)
        painting.put("kidney cortex", kidney)
        angle = np.arctan2(here.y + 46, here.x - 72)
        lobes = np.cos(5 * angle + 0.6) * np.cos(here.z * np.float32(2 * np.pi / 24)) - 0.15
        pyramids = overlap(kidney + 8, -sinus - 16, -9 * lobes, -kidney - 20)
        painting.put("kidney medulla", pyramids)
        painting.put("fat", sinus)
        painting.put("fluid", overlap(ellipsoid(here, (64, -36, 0), (8, 9, 15), 30), sinus + 1))
        painting.put("blood", tube(here, ((14, -24, 4), (44, -24, 2), (64, -36, 0)), (4.5, 4, 2.5)))


def _paint_pancreas(painting: Painting, p: Position, uneven: Unevenness) -> None:
    gland = tube(
        p,
        ((34, 8, -30), (36, 18, -8), (14, 32, 2), (-22, 26, 10), (-58, 2, 22), (-82, -16, 28)),
        (10, 15, 9, 10, 9.5, 7),
    )
    lobules = gland + 1.3 * uneven.fine
    painting.put("pancreas", lobules)
    painting.put("fat", overlap(gland, 6 * (1.15 - np.abs(uneven.fine))), strength=0.5)
    duct = tube(p, ((36, 16, -8), (14, 32, 2), (-22, 26, 10), (-58, 2, 22)), (1.8, 1.6, 1.4, 1.0))
    painting.put("fluid", duct)
    splenic = tube(p, ((20, 10, 4), (-20, 14, 8), (-60, -8, 22), (-86, -24, 30)), (5.5, 4.5, 4, 3))
    mesenteric = tube(p, ((19, 10, 4), (16, 18, -22), (10, 26, -70)), (6, 5.5, 5))
    painting.put("blood", union(splenic, mesenteric))
    painting.put("pancreatic carcinoma", ellipsoid(p, (36, 20, -10), (9, 8.5, 10)))


def _paint_great_vessels(painting: Painting, p: Position) -> None:
    aorta = tube(p, ((-6, -20, 80), (-7, -18, 0), (-5, -19, -90)), (11, 10, 9))
    cava = tube(p, ((24, -14, 80), (20, -15, 20), (19, -17, -90)), (12.5, 11.5, 10))
    mesenteric_artery = tube(p, ((-6, -8, 8), (-5, 4, -8), (0, 14, -60)), (3.2, 3.2, 2.8))
    for vessel in (aorta, mesenteric_artery):
        painting.put("muscle", vessel, strength=0.8)
        painting.put("blood", vessel + 1.2)
    painting.put("blood", cava)


ABDOMEN = BodyPart(
    name="abdomen",
    tissues=_TISSUES,
    lesions=("liver metastasis", "liver cyst", "pancreatic carcinoma"),
    regions=("liver", "spleen", "kidney cortex", "kidney medulla", "pancreas", "muscle"),
    seen=("liver", "spleen", "kidney cortex", "kidney medulla", "pancreas"),
    paint=_paint,
    lowest_mm=(-174.0, -120.0, -66.0),
    highest_mm=(174.0, 120.0, 66.0),
    shape=(144, 104, 20),
    spacing_mm=(2.5, 2.5, 5.0),
    b_values=(0, 50, 400, 800),
    centre_mm=(0.0, 0.0, 4.0),
)
