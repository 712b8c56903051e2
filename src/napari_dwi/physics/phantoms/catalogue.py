"""All that can be simulated, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from napari_dwi.physics.phantoms.abdomen import ABDOMEN
from napari_dwi.physics.phantoms.body import simulate_body
from napari_dwi.physics.phantoms.head_neck import HEAD_NECK
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.ivim_squares import simulate_ivim_squares
from napari_dwi.physics.phantoms.pelvis import PELVIS
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.phantoms.tubes import TUBES


@dataclass(frozen=True)
class Simulation:
    """Something that can be simulated.

    Parameters
    ----------
    title : str
        As shown to the user.
    snr_is : str
        Whose signal at b = 0 the signal-to-noise ratio is that of.
    simulate : callable
        ``simulate(snr=..., seed=..., noise=...)`` gives a `SimulatedScan`; ``b_values=...`` in s/mm2.
    """

    title: str
    snr_is: str
    simulate: Callable[..., SimulatedScan]


SIMULATIONS: Mapping[str, Simulation] = {
    "brain": Simulation("Digital head with three infarcts", "brain", simulate_brain),
    "abdomen": Simulation(
        "Digital abdomen with lesions of liver and pancreas",
        "abdominal organs",
        partial(simulate_body, ABDOMEN),
    ),
    "pelvis": Simulation(
        "Digital pelvis with carcinomas of the prostate",
        "prostate and muscle",
        partial(simulate_body, PELVIS),
    ),
    "head-neck": Simulation(
        "Digital head and neck with a tumour of the tonsil",
        "glands and muscle",
        partial(simulate_body, HEAD_NECK),
    ),
    "tubes": Simulation("Phantom of 13 tubes of known ADC", "tubes", partial(simulate_body, TUBES)),
    "ivim": Simulation("Squares of known f, D and D*", "squares", simulate_ivim_squares),
}
