"""A voxel network trained on maximum likelihood estimates: their low bias, with less scatter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from napari_dwi.fit._network_fitting import NO_OWN_SD, REFERENCE, Learning, network_fitter
from napari_dwi.fit._network_parameters import MODELS, PRESETS, NetworkParameters
from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import choice, flag


def label_noise_choice() -> Any:
    """The parameter ``label_noise``."""
    return choice(
        "rician",
        ("rician", "gaussian"),
        help="Noise model of the maximum likelihood labels; Rician removes the bias of the noise floor.",
    )


@dataclass(frozen=True, kw_only=True)
class SupervisedMleParameters(NetworkParameters):
    """Parameters of networks trained on maximum likelihood estimates."""

    label_noise: str = label_noise_choice()
    drop_labels_at_bounds: bool = flag(
        True, help="Leave out training voxels whose label stopped at a bound.", advanced=True
    )

    @property
    def noise(self) -> Literal["gaussian", "rician"]:
        """``label_noise``, as one of its choices."""
        return cast("Literal['gaussian', 'rician']", self.label_noise)


def _learning(parameters: SupervisedMleParameters) -> Learning:
    return Learning(alpha=1.0, label_noise=parameters.noise, drop_at_bounds=parameters.drop_labels_at_bounds)


METHOD = Method(
    name="network-supervised-mle",
    title="Network, trained on maximum likelihood",
    task="fit",
    summary=(
        "A small network for your b-values and SNR, trained to give the maximum likelihood estimates of "
        "simulated voxels: about as little bias as these, with less scatter, at once for any number of "
        f"voxels. {NO_OWN_SD}"
    ),
    reference=f"{REFERENCE}, eq. 9 (Supervised MLE)",
    parameters=SupervisedMleParameters,
    run=network_fitter(_learning),
    presets=PRESETS,
    context_slices=0,
    uses_torch=False,
    models=MODELS,
)
