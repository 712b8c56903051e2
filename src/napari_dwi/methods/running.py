"""Running a method: device, seed, threads, memory, and the record of it all."""

from __future__ import annotations

import time
import warnings as python_warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.methods.device import chosen_device, torch_threads, with_enough_memory
from napari_dwi.methods.library_loading import load_torch
from napari_dwi.methods.method import Context, Inputs, Method, Output
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.provenance import Record, sidecar_of, source_of
from napari_dwi.scan.changes import change_since_read
from napari_dwi.scan.file_set import FileSet, file_set
from napari_dwi.scan.writing import add_image

# NumPy takes no negative seed, and PyTorch none beyond 64 bits.
_SEEDS = 2**32


@dataclass(frozen=True, eq=False)
class Result:
    """What a method gave, how it was made, and the stem of its file names (BIDS, without ``_dwi``)."""

    output: Output
    record: Record
    stem: str


def _unsaid(note: str) -> None:
    """What nobody asked to hear."""


def run_method(
    method: Method,
    parameters: Parameters,
    inputs: Inputs,
    *,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run a method on a snapshot of the data.

    Parameters
    ----------
    method, parameters, inputs
        What to run, how, and on what.
    seed : int
        Seed of every random number.
    device : str
        ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
    threads : int, optional
        CPU threads; the same number gives the same bytes.
    progress : Progress, optional
        Where to report, and to learn of a stop.

    Raises
    ------
    Stopped
        If the user asked to stop.
    BadInputError
        If the inputs or parameters do not suit the method.
    MethodFailedError
        If it could not finish.
    """
    if not 0 <= seed < _SEEDS:
        raise BadInputError(
            "the seed cannot be used", expected=f"a whole number from 0 to {_SEEDS - 1}", found=seed
        )
    progress = progress or Progress()
    progress.report(0.0, "starting")
    started = datetime.now(UTC)
    clock = time.monotonic()
    if method.uses_torch:
        load_torch(progress.check)
    wanted_device = chosen_device(device) if method.uses_torch else "cpu"
    with (
        torch_threads(threads) if method.uses_torch else nullcontext(1) as used_threads,
        python_warnings.catch_warnings(record=True) as caught,
    ):
        python_warnings.simplefilter("always")

        def compute(on_device: str, chunk_scale: float) -> Output:
            return method.run(inputs, parameters, Context(progress, on_device, seed, chunk_scale))

        output, used_device, chunk_scale = with_enough_memory(compute, wanted_device)
    seconds = time.monotonic() - clock
    said = [*inputs.series.notes, *output.warnings, *dict.fromkeys(str(w.message) for w in caught)]
    if used_device != wanted_device:
        said.append("the graphics card had too little memory: computed on the CPU")
    record = Record(
        method=method.name,
        task=method.task,
        parameters=parameters.as_dict(),
        series=source_of(inputs.series),
        anatomy=tuple(source_of(volume) for volume in inputs.anatomy),
        mask=source_of(inputs.mask),
        b_values=inputs.series.b_values,
        seed=seed,
        device=used_device,
        threads=used_threads,
        chunk_scale=chunk_scale,
        started_utc=started.isoformat(timespec="seconds"),
        seconds=seconds,
        warnings=tuple(said),
        figures=dict(output.figures),
    )
    progress.report(1.0, "done")
    return Result(output, record, inputs.stem)


def save_result(
    result: Result,
    folder: Path,
    *,
    never_over: Iterable[Path] = (),
    on_note: Callable[[str], None] = _unsaid,
) -> tuple[Path, ...]:
    """Save every image of a result with its sidecar, or nothing.

    Parameters
    ----------
    result : Result
        The result.
    folder : Path
        Where; made if it does not exist.
    never_over : iterable of Path
        Files that must not be overwritten, besides the sources of the result.
    on_note : callable, optional
        Receives what the user should know: inputs that are no longer as they were read. It stands
        in the sidecars too, which keep the digests of what was read.

    Returns
    -------
    tuple of Path
        The images written.

    Raises
    ------
    CannotWriteError
        If a file cannot be written; nothing is left behind then.
    """
    sources = [source for _, source in result.record.sources]
    notes = tuple(note for source in sources if (note := change_since_read(source)) is not None)
    for note in notes:
        on_note(note)
    noted = replace(result, record=replace(result.record, warnings=(*result.record.warnings, *notes)))
    with file_set(folder, [*never_over, *(source.path for source in sources)]) as files:
        return add_result(files, noted, folder)


def add_result(files: FileSet, result: Result, folder: Path, *, suffix: str = ".nii.gz") -> tuple[Path, ...]:
    """Add every image of a result with its sidecar to a set of files; the images' paths."""
    paths = []
    for output in result.output.images:
        path = folder / f"{result.stem}_{output.ending}{suffix}"
        add_image(files, output.image, path, sidecar=sidecar_of(result.record, output, folder))
        paths.append(path)
    return tuple(paths)
