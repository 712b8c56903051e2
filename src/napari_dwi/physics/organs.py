"""Typical diffusion and perfusion parameters of organs, to plan protocols and to simulate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.physics.signal_models import SignalModel

# What the models beyond IVIM need besides; no consensus exists for these.
_F_MID, _D_MID = 0.1, 6e-3
_KURTOSIS = 0.8


@dataclass(frozen=True)
class Organ:
    """An organ or lesion with its mean IVIM parameters.

    Parameters
    ----------
    name : str
        As shown to the user.
    f : float
        Perfusion fraction, 0 to 1.
    d_star, d : float
        Pseudo-diffusion coefficient (the whole fast decay) and diffusion coefficient, mm2/s.
    """

    name: str
    f: float
    d_star: float
    d: float

    def values(self, model: SignalModel) -> NDArray[np.float64]:
        """The parameters of a signal model in the order of ``model.parameters``, with S0 = 1.

        The ADC of the mono-exponential model is taken to be the diffusion coefficient of tissue.
        """
        known = {
            "ADC": self.d,
            "f": self.f,
            "D": self.d,
            "Dstar": self.d_star,
            "Dfast": self.d_star - self.d,
            "fmid": _F_MID,
            "Dmid": _D_MID,
            "K": _KURTOSIS,
            "S0": 1.0,
        }
        return np.array([known[name] for name in model.names])


# Consensus means of the OSIPI IVIM code collection (task force 2.4), by body part.
ORGANS = (
    Organ("brain", 0.076, 10.9e-3, 0.83e-3),
    Organ("liver", 0.231, 70.0e-3, 1.09e-3),
    Organ("kidney", 0.189, 40.5e-3, 1.89e-3),
    Organ("pancreas", 0.200, 25.4e-3, 1.41e-3),
    Organ("pancreatic carcinoma", 0.124, 22.2e-3, 1.40e-3),
    Organ("breast lesion, benign", 0.070, 52.3e-3, 1.43e-3),
    Organ("breast carcinoma", 0.113, 37.8e-3, 0.97e-3),
    Organ("muscle", 0.103, 30.9e-3, 1.47e-3),
)
