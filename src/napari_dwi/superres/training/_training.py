"""Training a network: epochs, early stopping, and a run folder from which it can go on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dwi.errors import MethodFailedError
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.strict_json import to_json
from napari_dwi.superres.diffusion.path_examples import PathExamples
from napari_dwi.superres.training._optimising import optimiser_of, schedule_of
from napari_dwi.superres.training._run_folder import RunFolder, RunState
from napari_dwi.superres.training._stepping import Stepper, guide_of, made_by
from napari_dwi.superres.training._unet import UNet
from napari_dwi.superres.training.checkpoint import Checkpoint
from napari_dwi.superres.training.examples import Example, Examples, augmented, batches
from napari_dwi.superres.training.history import EpochRecord
from napari_dwi.superres.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig

# Of what the network should change, it must change this share at least.
_LEAST_CHANGE = 0.01


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, and how training went.

    Parameters
    ----------
    checkpoint : Checkpoint
        The weights after the best epoch.
    history : tuple of EpochRecord
        One for each epoch.
    """

    checkpoint: Checkpoint
    history: tuple[EpochRecord, ...]


def train(
    network_config: NetworkConfig,
    config: TrainingConfig,
    examples: Examples,
    *,
    noise_range: tuple[float, float],
    about: Mapping[str, object] | None = None,
    start: Checkpoint | None = None,
    folder: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    watch: Callable[[int, Checkpoint], None] | None = None,
    judge: Callable[[Checkpoint], Mapping[str, object]] | None = None,
) -> Trained:
    """Train a network until its validation loss no longer falls.

    Parameters
    ----------
    network_config, config : NetworkConfig, TrainingConfig
        Which network, and how.
    examples : Examples
        What it learns from.
    noise_range : (float, float)
        Lowest and highest noise of the examples, in units of the brightest tissue.
    about : mapping, optional
        What else the checkpoint should say; ready for JSON. A folder belongs to one such text.
    start : Checkpoint, optional
        A network of the same kind to go on from (fine-tuning).
    folder : Path, optional
        The run folder, written after every epoch; a run that was stopped in it goes on. At the end it
        holds ``network.safetensors`` with its JSON.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``. On CUDA with mixed precision.
    progress : Progress, optional
        Looked at before every step and between the layers.
    on_epoch : callable, optional
        Receives the record of every epoch as soon as the run folder has it, first those of a run that
        goes on. What it raises ends training there.
    watch : callable, optional
        Receives the number of every epoch and the network after it, before `on_epoch` hears of it.
    judge : callable, optional
        What else the checkpoint should say, given what it says so far; ready for JSON.

    Raises
    ------
    Stopped
        If the user asked to stop; the run folder holds all epochs that were finished.
    MethodFailedError
        If the loss is no longer a number, the network has learnt to leave its input alone, or memory
        runs out.
    BadInputError
        If the folder holds a run with other settings.
    """
    progress = progress or Progress()
    told = on_epoch or _untold
    torch.manual_seed(config.seed)
    network = UNet(network_config).to(device)
    if start is not None:
        load_weights(network, start.weights)
    if network_config.path is not None:
        examples = PathExamples(examples, network_config.path, config.seed, progress.check)
        load_weights(network, weights_of(network) | examples.tensors())
    optimiser = optimiser_of(network, config)
    steps = -(-len(examples) // config.batch_size)
    schedule = schedule_of(optimiser, config, steps)
    stopping = EarlyStopping(config.patience, config.fewest_epochs)
    stepper = Stepper(network, optimiser, config, device, progress)
    run = None if folder is None else RunFolder(folder, network_config, config, about or {})
    best, history = weights_of(network), list[EpochRecord]()
    if run is not None and (state := run.read(weights_of(network), optimiser)) is not None:
        load_weights(network, state.weights)
        best, history = dict(state.best), list(state.history)
        schedule.load_state(state.schedule)
        stopping.losses = [record.validation_loss for record in history]
        for record in history:
            told(record)
    while len(history) < config.epochs and not stopping.is_over:
        epoch = len(history) + 1
        part = progress.part(epoch - 1, config.epochs, f"epoch {epoch}/{config.epochs}, ")
        losses: list[float] = []
        for step, batch in enumerate(_batches(examples, config, epoch)):
            part.report(step / steps, f"loss {losses[-1]:.4g}" if losses else "first step")
            losses.append(stepper.step(batch))
            schedule.after_step()
        rate = float(optimiser.param_groups[0]["lr"])
        validation, error = stepper.validate(examples.validation())
        record = EpochRecord(epoch, float(np.mean(losses)), validation, error, rate)
        if not (math.isfinite(record.training_loss) and math.isfinite(validation)):
            raise MethodFailedError(
                "training has failed: the loss is no longer a number",
                found=f"epoch {epoch}, learning rate {rate:g}",
                remedy="Lower the learning rate.",
            )
        if stopping.add(validation):
            best = weights_of(network)
        schedule.after_epoch(validation)
        history.append(record)
        if run is not None:
            rate = float(optimiser.param_groups[0]["lr"])
            state = RunState(weights_of(network), best, rate, schedule.state(), tuple(history))
            run.write(state, optimiser)
        if watch is not None:
            watch(epoch, Checkpoint(network_config, weights_of(network), noise_range))
        told(record)
        part.report(1.0, f"validation loss {validation:.4g}")
    load_weights(network, best)
    _check_learnt(network, examples, device, progress)
    kept = history[stopping.best_epoch - 1]
    said = {
        "Training": to_json(config),
        "BestEpoch": kept.epoch,
        "Epochs": len(history),
        "ValidationLoss": kept.validation_loss,
        "ValidationMSE": kept.validation_mse,
        **(about or {}),
    }
    checkpoint = Checkpoint(network_config, best, noise_range, said)
    if judge is not None:
        checkpoint = replace(checkpoint, about=said | dict(judge(checkpoint)))
    if run is not None:
        run.finish(checkpoint)
    return Trained(checkpoint, tuple(history))


def _untold(record: EpochRecord) -> None:
    """An epoch that nobody waits for."""


def weights_of(network: torch.nn.Module) -> dict[str, NDArray[np.float32]]:
    """A copy of a network's weights."""
    return {name: one.detach().cpu().numpy().copy() for name, one in network.state_dict().items()}


def load_weights(network: torch.nn.Module, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Give a network these weights."""
    network.load_state_dict({name: torch.from_numpy(np.array(one)) for name, one in weights.items()})


def _batches(examples: Examples, config: TrainingConfig, epoch: int) -> Iterator[Example]:
    rng = np.random.default_rng((config.seed, epoch))
    return batches(
        (augmented(example, config, rng) for example in examples.training(epoch)), config.batch_size
    )


@torch.inference_mode()
def _check_learnt(network: UNet, examples: Examples, device: str, progress: Progress) -> None:
    """Raise `MethodFailedError` if the output equals what it adds to, which a plausible loss can hide."""
    changed, wanted = 0.0, 0.0
    for batch in batches(examples.validation(), 1):
        progress.check()
        made = made_by(network, batch, device, progress).float().cpu().numpy()
        guide = guide_of(network, batch, progress)
        start = batch.image[:, :1] if guide is None else guide
        changed += float(np.square(made - start).sum())
        wanted += float(np.square(batch.target - start).sum())
    if changed < _LEAST_CHANGE**2 * wanted:
        raise MethodFailedError(
            "the network has learnt to give back its input",
            found=f"a change of {100 * math.sqrt(changed / wanted):.2g} % of what was wanted",
            remedy="Train with another seed, a lower learning rate or another activation.",
        )
