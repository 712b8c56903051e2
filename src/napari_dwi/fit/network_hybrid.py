"""A voxel network between those trained on true parameters and on maximum likelihood estimates."""

from __future__ import annotations

from dataclasses import dataclass

from napari_dwi.fit._network_fitting import NO_OWN_SD, REFERENCE, Learning, network_fitter
from napari_dwi.fit._network_parameters import MODELS, PRESETS
from napari_dwi.fit.network_supervised_mle import SupervisedMleParameters
from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import number


@dataclass(frozen=True, kw_only=True)
class HybridParameters(SupervisedMleParameters):
    """Parameters of networks trained on both kinds of labels."""

    alpha: float = number(
        0.5,
        low=0,
        high=1,
        help="0 trains on true parameters (little scatter), 1 on maximum likelihood (little bias).",
    )


def _learning(parameters: HybridParameters) -> Learning:
    return Learning(
        alpha=parameters.alpha, label_noise=parameters.noise, drop_at_bounds=parameters.drop_labels_at_bounds
    )


METHOD = Method(
    name="network-hybrid",
    title="Network, hybrid",
    task="fit",
    summary=(
        "A small network for your b-values and SNR, trained on true parameters and on maximum likelihood "
        f"estimates at once: alpha sets how much bias is traded for scatter. {NO_OWN_SD}"
    ),
    reference=f"{REFERENCE}, eq. 10 (Hybrid)",
    parameters=HybridParameters,
    run=network_fitter(_learning),
    presets=PRESETS,
    context_slices=0,
    uses_torch=False,
    models=MODELS,
)
