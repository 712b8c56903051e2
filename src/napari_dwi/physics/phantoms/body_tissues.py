"""What the tissues below the head look like to the scanner, as `head_tissues` has it for the head.

Diffusion and perfusion of organs are near the consensus means in `organs` and typical values of the
clinical literature at 1.5 to 3 T; brightness is that of clinical pictures, relative to 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from napari_dwi.physics.phantoms.head_tissues import Tissue

TISSUES: Mapping[str, Tissue] = {
    # Suppressed in the diffusion series, bright in the anatomy.
    "fat": Tissue(s0=0.06, d=0.10e-3, f=0.0, d_star=10e-3, t1=1.10, t2=0.85),
    "skin": Tissue(s0=0.12, d=1.00e-3, f=0.05, d_star=15e-3, t1=0.50, t2=0.40),
    "muscle": Tissue(s0=0.28, d=1.47e-3, f=0.07, d_star=30e-3, t1=0.48, t2=0.26),
    "bone": Tissue(s0=0.01, d=0.60e-3, f=0.0, d_star=10e-3, t1=0.06, t2=0.05),
    "marrow": Tissue(s0=0.13, d=0.45e-3, f=0.04, d_star=15e-3, t1=0.85, t2=0.55),
    "disc": Tissue(s0=0.55, d=1.60e-3, f=0.0, d_star=10e-3, t1=0.42, t2=0.80),
    "CSF": Tissue(s0=1.50, d=2.90e-3, f=0.0, d_star=10e-3, t1=0.20, t2=1.40),
    "cord": Tissue(s0=0.65, d=0.95e-3, f=0.03, d_star=12e-3, t1=0.66, t2=0.60),
    # Gone at the first b-value: moving blood is dephased.
    "blood": Tissue(s0=0.45, d=1.60e-3, f=0.90, d_star=120e-3, t1=0.35, t2=0.10),
    "fluid": Tissue(s0=1.55, d=2.80e-3, f=0.0, d_star=10e-3, t1=0.18, t2=1.40),
    "gland wall": Tissue(s0=0.45, d=1.50e-3, f=0.12, d_star=40e-3, t1=0.52, t2=0.42),
    "lymph node": Tissue(s0=0.75, d=1.05e-3, f=0.10, d_star=25e-3, t1=0.48, t2=0.60),
}


def tissues_of(*names: str) -> dict[str, Tissue]:
    """Some of the tissues, by name and in this order."""
    return {name: TISSUES[name] for name in names}
