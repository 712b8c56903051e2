"""A voxel network trained without labels: its signal should be the measured one."""

from __future__ import annotations

from napari_dwi.fit._network_fitting import NO_OWN_SD, REFERENCE, Learning, network_fitter
from napari_dwi.fit._network_parameters import MODELS, PRESETS, NetworkParameters
from napari_dwi.methods.method import Method


def _learning(_parameters: NetworkParameters) -> Learning:
    return Learning(loss="signal")


METHOD = Method(
    name="network-self-supervised",
    title="Network, self-supervised",
    task="fit",
    summary=(
        "A small network for your b-values and SNR, trained to explain the signal of simulated voxels "
        "without being told their parameters. Between least squares and networks trained on labels; the "
        f"noise floor biases D as in least squares. {NO_OWN_SD}"
    ),
    reference=f"{REFERENCE}, eq. 8 (Self-supervised); Barbieri et al., Magn Reson Med 83 (2020) 312-321",
    parameters=NetworkParameters,
    run=network_fitter(_learning),
    presets=PRESETS,
    context_slices=0,
    uses_torch=False,
    models=MODELS,
)
