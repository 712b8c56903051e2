"""What each tissue of the digital head looks like to the scanner.

Diffusion coefficients and perfusion fractions are typical of the literature on the brain at 3 T;
intensities are those of clinical pictures, relative to 1.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tissue:
    """Signal of a tissue.

    Parameters
    ----------
    s0 : float
        Signal of a fat-suppressed echo-planar image without diffusion weighting (T2-weighted).
    d, d_star : float
        Diffusion and pseudo-diffusion coefficient, mm2/s.
    f : float
        Perfusion fraction, 0 to 1.
    t1, t2 : float
        Brightness on T1- and T2-weighted spin-echo images.
    """

    s0: float
    d: float
    f: float
    d_star: float
    t1: float
    t2: float


PARAMETERS = {
    "fat": Tissue(s0=0.05, d=0.10e-3, f=0.0, d_star=10e-3, t1=1.10, t2=0.80),
    "muscle": Tissue(s0=0.14, d=1.40e-3, f=0.05, d_star=12e-3, t1=0.50, t2=0.28),
    "bone": Tissue(s0=0.01, d=0.60e-3, f=0.0, d_star=10e-3, t1=0.06, t2=0.05),
    "marrow": Tissue(s0=0.03, d=0.40e-3, f=0.0, d_star=10e-3, t1=0.80, t2=0.50),
    "CSF": Tissue(s0=1.70, d=3.00e-3, f=0.0, d_star=10e-3, t1=0.20, t2=1.40),
    "grey matter": Tissue(s0=0.73, d=0.85e-3, f=0.06, d_star=12e-3, t1=0.60, t2=0.74),
    "white matter": Tissue(s0=0.50, d=0.72e-3, f=0.03, d_star=10e-3, t1=0.86, t2=0.53),
    "deep grey matter": Tissue(s0=0.60, d=0.80e-3, f=0.06, d_star=12e-3, t1=0.69, t2=0.61),
    "vitreous": Tissue(s0=1.35, d=2.80e-3, f=0.0, d_star=10e-3, t1=0.22, t2=1.35),
}

# An early infarct: swollen cells hold the water back, and hardly any blood gets there.
LESION = Tissue(s0=0.76, d=0.45e-3, f=0.01, d_star=10e-3, t1=0.0, t2=0.0)

# Before the oedema shows: T1 is that of the tissue underneath, T2 a little brighter.
LESION_T2_RISE = 0.10

TISSUES = tuple(PARAMETERS)
BRAIN = ("grey matter", "white matter", "deep grey matter")
LESIONS = ("lesion, left cortex", "lesion, right white matter", "lesion, right thalamus")
