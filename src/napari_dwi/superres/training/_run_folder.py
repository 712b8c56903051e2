"""The folder of a training run: its settings, its losses, and what it needs to go on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_dwi.errors import BadInputError
from napari_dwi.methods import weight_files
from napari_dwi.methods.provenance import software_versions
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training.checkpoint import NETWORK, Checkpoint, add_checkpoint
from napari_dwi.superres.training.history import METRICS, EpochRecord

if TYPE_CHECKING:
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig

CONFIG, STATE = "config.json", "state.json"
# In turn, so that whatever moment a run is killed at, the state that is there names tensors that are.
_TENSORS = ("state-even.safetensors", "state-odd.safetensors")
_LARGEST_BYTES = 4_000_000_000
# How the parts of a run's settings are called where they differ.
_PARTS = {
    "Network": "another network",
    "Training": "other settings",
    "About": "other images or pairs to learn from, or another start",
}


@dataclass(frozen=True, eq=False)
class RunState:
    """A run after an epoch.

    Parameters
    ----------
    weights, best : mapping of str to ndarray
        Weights after the last and after the best epoch.
    learning_rate : float
        Of the next epoch.
    schedule : dict
        What the schedule remembers.
    history : tuple of EpochRecord
        Every epoch so far.
    """

    weights: Mapping[str, NDArray[np.float32]]
    best: Mapping[str, NDArray[np.float32]]
    learning_rate: float
    schedule: dict[str, Any]
    history: tuple[EpochRecord, ...]


@dataclass(frozen=True)
class _Said:
    """What ``state.json`` says."""

    tensors: str
    sha256: str
    learning_rate: float
    schedule: dict[str, Any]
    history: tuple[EpochRecord, ...]


class RunFolder:
    """Reads and writes the folder of one run.

    Parameters
    ----------
    folder : Path
        Where; made with the first epoch.
    network, training : NetworkConfig, TrainingConfig
        The settings of the run.
    about : mapping
        What it is trained on, and from what it starts; ready for JSON.
    """

    def __init__(
        self,
        folder: Path,
        network: NetworkConfig,
        training: TrainingConfig,
        about: Mapping[str, object],
    ) -> None:
        self._folder = folder
        self._settings = {
            "Network": to_json(network),
            "Training": to_json(training),
            "About": dict(about),
        }

    def read(
        self, like: Mapping[str, NDArray[np.float32]], optimiser: torch.optim.Optimizer
    ) -> RunState | None:
        """The run as it was left, if there is one; the optimiser is brought to where it was.

        Parameters
        ----------
        like : mapping of str to ndarray
            The weights of such a network, for their names and shapes.
        optimiser : Optimizer
            New, for the same weights.

        Raises
        ------
        BadInputError
            If the folder holds a run with other settings, or its files do not belong together.
        """
        if not (self._folder / STATE).exists():
            return None
        settings = read_json(self._folder / CONFIG)
        for part, wanted in self._settings.items():
            if settings.get(part) != json.loads(json.dumps(wanted)):
                raise BadInputError(
                    f"this folder holds a run with {_PARTS[part]}",
                    file=self._folder,
                    remedy="Choose another folder, or remove this one.",
                )
        said = from_json(_Said, read_json(self._folder / STATE), self._folder / STATE)
        path = self._folder / Path(said.tensors).name
        data = weight_files.read_weight_bytes(path, _LARGEST_BYTES)
        weight_files.check_digest(data, said.sha256, path)
        shapes = {f"{part}/{name}": one.shape for part in ("last", "best") for name, one in like.items()}
        shapes |= {name: one.shape for name, one in _slots(optimiser).items()}
        tensors = weight_files.unpack_weights(data, shapes, path)
        _fill(optimiser, tensors, said.learning_rate)
        last, best = ({name: tensors[f"{part}/{name}"] for name in like} for part in ("last", "best"))
        return RunState(last, best, said.learning_rate, said.schedule, said.history)

    def write(self, state: RunState, optimiser: torch.optim.Optimizer) -> None:
        """Have the run on the disk as it is after an epoch, in one step.

        Raises
        ------
        CannotWriteError
            If the disk refuses it; the epoch before is still there.
        """
        tensors = {f"last/{name}": one for name, one in state.weights.items()}
        tensors |= {f"best/{name}": one for name, one in state.best.items()}
        data = weight_files.pack_weights(tensors | _slots(optimiser))

        def write(file: BinaryIO) -> None:
            file.write(data)

        name, before = (_TENSORS[(len(state.history) + step) % 2] for step in (0, 1))
        digest = weight_files.digest_of(data)
        said = _Said(name, digest, state.learning_rate, state.schedule, state.history)
        lines = [json.dumps(to_json(record)) for record in state.history]
        with file_set(self._folder) as files:
            settings = self._settings | {"SoftwareVersions": software_versions()}
            files.add_text(self._folder / CONFIG, json.dumps(settings, indent=2) + "\n")
            files.add(self._folder / name, write)
            files.add_text(self._folder / STATE, json.dumps(to_json(said)) + "\n")
            files.add_text(self._folder / METRICS, "\n".join(lines) + "\n")
        # Where it cannot be removed it is written over later.
        with contextlib.suppress(OSError):
            (self._folder / before).unlink()

    def finish(self, checkpoint: Checkpoint) -> None:
        """Write the network that came of it."""
        with file_set(self._folder) as files:
            add_checkpoint(files, checkpoint, self._folder / NETWORK)


def forget_state(folder: Path) -> None:
    """Remove what a run would need to go on, which takes most of the room, once nobody wants it to."""
    for name in (STATE, *_TENSORS):
        (folder / name).unlink(missing_ok=True)


def _slots(optimiser: torch.optim.Optimizer) -> dict[str, NDArray[np.float32]]:
    """What an optimiser remembers of every weight, by number and name; made if there is nothing yet."""
    if not optimiser.state:
        _make_slots(optimiser)
    return {
        f"optimiser/{number}/{name}": value.detach().cpu().numpy().astype(np.float32)
        for number, slots in optimiser.state_dict()["state"].items()
        for name, value in slots.items()
        if isinstance(value, torch.Tensor)
    }


def _make_slots(optimiser: torch.optim.Optimizer) -> None:
    """Take a step that changes nothing, after which an optimiser has its slots."""
    rates = [group["lr"] for group in optimiser.param_groups]
    for group in optimiser.param_groups:
        group["lr"] = 0.0
        for weight in group["params"]:
            weight.grad = torch.zeros_like(weight)
    optimiser.step()
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate


def _fill(optimiser: torch.optim.Optimizer, tensors: Mapping[str, NDArray[np.float32]], rate: float) -> None:
    state = optimiser.state_dict()
    for number, slots in state["state"].items():
        for name, value in slots.items():
            if isinstance(value, torch.Tensor):
                slots[name] = torch.from_numpy(np.array(tensors[f"optimiser/{number}/{name}"]))
    for group in state["param_groups"]:
        group["lr"] = rate
    optimiser.load_state_dict(state)
