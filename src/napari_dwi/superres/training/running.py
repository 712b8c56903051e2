"""A training run from its file to its folder: data, split, previews, training, and the test at the end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import chosen_device, torch_threads
from napari_dwi.methods.library_loading import load_torch
from napari_dwi.methods.progress import Progress
from napari_dwi.scan.file_set import check_writable, file_set
from napari_dwi.superres.pairs.store import check_outside_pairs
from napari_dwi.superres.training.previews import write_preview
from napari_dwi.superres.training.run_config import RunConfig, said_of, start_path
from napari_dwi.superres.training.training_data import TrainingData, check_not_learnt_from, open_data

if TYPE_CHECKING:
    from napari_dwi.superres.training._training import Trained
    from napari_dwi.superres.training.checkpoint import Checkpoint
    from napari_dwi.superres.training.history import EpochRecord

RUN, SPLIT = "run.json", "split.json"
_LOCK = ".lock"


def run_training(
    config: RunConfig,
    folder: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    data: TrainingData | None = None,
) -> Trained:
    """Train a network as a file says, in a run folder.

    The folder gets ``run.json`` (the run, to go on from), ``split.json``, ``config.json``,
    ``metrics.jsonl``, pictures in ``previews``, and at the end ``network.safetensors`` with its JSON,
    which says what it was trained on and how close it comes to the test slices.

    Parameters
    ----------
    config : RunConfig
        The run.
    folder : Path
        The run folder; a run that was stopped in it goes on.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    threads : int, optional
        CPU threads.
    progress : Progress, optional
        Where to report, and to learn of a stop.
    on_epoch : callable, optional
        As for `napari_dwi.superres.training._training.train`.
    data : TrainingData, optional
        The data of the run, if they are open already.

    Raises
    ------
    Stopped
        If the user asked to stop; the folder holds all epochs that were finished.
    BadInputError
        If the data or the network to go on from cannot be used, the folder holds another run, or another
        process is training in it.
    MethodFailedError
        If training fails; see `napari_dwi.superres.training._training.train`.
    CannotWriteError
        If the folder cannot be written.
    """
    progress = progress or Progress()
    load_torch(progress.check)
    used_device = chosen_device(device)
    data = data or open_data(config, progress)
    start = _start(config, data)
    about = {"Preset": config.preset, "Data": dict(data.about)}
    if start is not None:
        about["StartedFrom"] = {"SHA256": start.sha256, **start.about}

    from napari_dwi.superres.training._judging import made_of, previewed, scores
    from napari_dwi.superres.training._training import train

    shown = previewed(data.examples) if config.preview_epochs else ()

    def watch(epoch: int, checkpoint: Checkpoint) -> None:
        if epoch == 1:
            _say(config, data, folder)
        if config.preview_epochs and (epoch == 1 or epoch % config.preview_epochs == 0):
            rows = [
                (example.image, made_of(checkpoint, example, used_device, progress), example.target)
                for example in shown
            ]
            write_preview(folder, epoch, rows)

    def judge(checkpoint: Checkpoint) -> dict[str, Any]:
        if data.test is None:
            return {}
        return {"Test": scores(checkpoint, data.test.validation(), used_device, progress)}

    with _alone_in(folder), torch_threads(threads):
        return train(
            config.network,
            config.training,
            data.examples,
            noise_range=data.noise_range,
            about=about,
            start=start,
            folder=folder,
            device=used_device,
            progress=progress,
            on_epoch=on_epoch,
            watch=watch,
            judge=judge,
        )


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a run folder against other processes, which would write over each other's epochs."""
    check_outside_pairs(folder)
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as err:
        raise BadInputError(
            "another process is training in this folder",
            file=folder,
            remedy="Wait for it, stop it, or choose another folder.",
        ) from err
    try:
        yield
    finally:
        lock.release()


def _say(config: RunConfig, data: TrainingData, folder: Path) -> None:
    """Have the folder say what run it holds, and who is in which part of the split."""
    with file_set(folder) as files:
        files.add_text(folder / RUN, json.dumps(said_of(config, folder), indent=2) + "\n")
        files.add_text(folder / SPLIT, json.dumps(dict(data.split), indent=2) + "\n")


def _start(config: RunConfig, data: TrainingData) -> Checkpoint | None:
    if data.factor != config.network.factor:
        raise BadInputError(
            "the network is for another factor of resolution than the pairs",
            expected=f"factor {data.factor}",
            found=f"factor {config.network.factor}",
        )
    path = start_path(config)
    if path is None:
        return None
    from napari_dwi.superres.training.checkpoint import read_checkpoint

    start = read_checkpoint(path, factor=data.factor)
    check_not_learnt_from(data, start.about, path)
    return start
