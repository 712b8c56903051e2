"""Voxel networks trained for a protocol before there is a scan, so that no fit has to wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.fit._network_parameters import NetworkParameters
from napari_dwi.fit._parameters import typed_factor
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import run_method
from napari_dwi.methods.strict_json import from_json
from napari_dwi.scan import BValues, DwiSeries, Grid

if TYPE_CHECKING:
    from napari_dwi.methods.method import Method
    from napari_dwi.methods.parameters import Parameters

# Brightness of the voxel without diffusion weighting; only its ratio to the noise counts.
_S0 = 100.0


@dataclass(frozen=True)
class ProtocolConfig:
    """A protocol, and how networks are trained for it.

    Parameters
    ----------
    b_values : tuple of float
        b-value of every volume in s/mm2, repeats and directions as often as they are acquired.
    snr : tuple of float
        SNRs of single volumes at the lowest b-value, one network for each.
    method : str
        The fit that will use them, which decides the labels: ``"network-supervised-gt"`` (true
        parameters), ``"network-supervised-mle"``, ``"network-hybrid"``, ``"network-self-supervised"``.
    preset : str
        One of the presets of that method.
    settings : mapping
        Its parameters by name, as in ``napari-dwi methods``; bounds of labels and training ranges too.
    seed : int
        Seed of the training; that of the fits must be the same.
    """

    b_values: tuple[float, ...]
    snr: tuple[float, ...] = (30.0,)
    method: str = "network-supervised-gt"
    preset: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.snr:
            raise BadInputError("no SNR to train for", expected="at least one")
        if "snr" in self.settings:
            raise BadInputError("the SNR is told beside the settings, not among them")


@dataclass(frozen=True)
class ProtocolNetwork:
    """A network that fits of this protocol will find.

    Parameters
    ----------
    snr : float
        What it is trained for: the middle of the range of SNRs that it serves.
    path : Path
        The file of its weights; the JSON lies beside it.
    sha256 : str
        SHA-256 of the weights.
    held_out_loss : float
        Its loss for voxels it was not trained on.
    notes : tuple of str
        What the user should know.
    """

    snr: float
    path: Path
    sha256: str
    held_out_loss: float
    notes: tuple[str, ...] = ()


def train_for_protocol(
    config: ProtocolConfig, *, progress: Progress | None = None
) -> tuple[ProtocolNetwork, ...]:
    """Train the networks of a protocol, or find them where they are kept.

    A voxel of the protocol is fitted, which trains what a scan of it would need: fits with the same
    settings take the same networks.

    Parameters
    ----------
    config : ProtocolConfig
        The protocol.
    progress : Progress, optional
        Where to report, and to learn of a stop. Networks that were finished are kept.

    Raises
    ------
    Stopped
        If the user asked to stop.
    BadInputError
        If there is no such method, preset or parameter, or no fit of these b-values.
    MethodFailedError
        If training came to nothing, or the network could not be kept.
    """
    progress = progress or Progress()
    method = _network_method(config.method)
    parameters = _changed(method.settings(config.preset or None), config.settings)
    found = []
    # One network serves a range of SNRs; several of these may be within one.
    for n, snr in enumerate(bins := _bins(config.snr)):
        part = progress.part(n, len(bins), f"SNR {snr:.3g}, " if len(bins) > 1 else "")
        found.append(_trained(config, method, parameters, snr, part))
    return tuple(found)


def _trained(
    config: ProtocolConfig, method: Method, parameters: NetworkParameters, snr: float, progress: Progress
) -> ProtocolNetwork:
    from napari_dwi.fit._network_keeping import kept_path
    from napari_dwi.fit._network_recipe import Recipe

    model = parameters.signal_model
    values = [
        float(np.mean(parameters.trained_range(parameter.name))) * typed_factor(parameter)
        for parameter in model.parameters
    ]
    values[-1] = _S0
    b_values = BValues(np.array(config.b_values))
    signal = model.signal(b_values.values, values).astype(np.float32)
    grid = Grid((1, 1, 1), np.eye(4))
    lowest = float(model.signal([min(config.b_values)], values)[0])
    settings = {"snr": snr, "noise_sigma": lowest / snr, "sd_maps": False}
    result = run_method(
        method,
        _changed(parameters, settings),
        Inputs(DwiSeries(signal[None, None, None], grid, b_values)),
        seed=config.seed,
        device="cpu",
        progress=progress,
    )
    said = result.output.images[0].facts["Network"]
    path = kept_path(from_json(Recipe, said["Recipe"], Path("recipe")))
    if not path.exists():
        raise MethodFailedError("the network could not be kept", file=path, found=result.record.warnings)
    return ProtocolNetwork(snr, path, said["SHA256"], said["HeldOutLoss"], result.record.warnings)


def _changed(parameters: Parameters, settings: Mapping[str, Any]) -> NetworkParameters:
    numbers = {parameter.name for parameter in parameters.declared() if parameter.kind == "number"}
    # JSON writes 1.0 as 1 too, but networks are told apart by what is written of them.
    typed = {
        name: float(value) if name in numbers and type(value) is int else value
        for name, value in settings.items()
    }
    changed = parameters.from_values(parameters.as_dict() | typed)
    if not isinstance(changed, NetworkParameters):
        raise TypeError("these are no parameters of a network")
    return changed


def _network_method(name: str) -> Method:
    able = {one.name: one for one in methods_of("fit") if issubclass(one.parameters, NetworkParameters)}
    if name not in able:
        find_method(name, "fit")
        raise BadInputError(f"{name} trains no network", expected="one of " + ", ".join(able))
    return able[name]


def _bins(snrs: tuple[float, ...]) -> list[float]:
    from napari_dwi.fit._network_fitting import bin_of

    if bad := [snr for snr in snrs if not snr > 0]:
        raise BadInputError("an SNR must be above 0", found=bad[0])
    return sorted({bin_of(snr) for snr in snrs})
