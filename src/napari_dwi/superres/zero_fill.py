"""Zero-filling: the voxels between those acquired, as k-space has them and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from napari_dwi.methods.method import Method
from napari_dwi.superres._super_resolving import SuperresParameters, super_resolver


@dataclass(frozen=True, kw_only=True)
class ZeroFillParameters(SuperresParameters):
    """Parameters of zero-filling."""


METHOD = Method(
    name="zero-fill",
    title="Zero-filling",
    task="superres",
    summary=(
        "Interpolates within slices by zero-filling k-space, as scanners do. Shows what was acquired without "
        "adding anything; noise stays as it is."
    ),
    reference="Bernstein, Fain and Riederer, J Magn Reson Imaging 14 (2001) 270-280",
    parameters=ZeroFillParameters,
    run=super_resolver("zero-fill"),
    context_slices=0,
    uses_torch=False,
)
