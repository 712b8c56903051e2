"""A voxel network trained on true parameters: little scatter, and a pull towards the middle."""

from __future__ import annotations

from napari_dwi.fit._network_fitting import NO_OWN_SD, REFERENCE, Learning, network_fitter
from napari_dwi.fit._network_parameters import MODELS, PRESETS, NetworkParameters
from napari_dwi.methods.method import Method


def _learning(_parameters: NetworkParameters) -> Learning:
    return Learning()


METHOD = Method(
    name="network-supervised-gt",
    title="Network, trained on true parameters",
    task="fit",
    summary=(
        "A small network for your b-values and SNR, trained on simulated voxels to give their true "
        "parameters. The least scatter and error on average, but values are drawn towards the middle of "
        f"the training range, D* most. {NO_OWN_SD}"
    ),
    reference=f"{REFERENCE}, eq. 7 (Supervised GT)",
    parameters=NetworkParameters,
    run=network_fitter(_learning),
    presets=PRESETS,
    context_slices=0,
    uses_torch=False,
    models=MODELS,
)
