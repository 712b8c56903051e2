"""``train`` and ``search``: networks of one's own, from a configuration file."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_dwi.cli.methods import check_threads, settings_of
from napari_dwi.cli.output import complain, say, table, terminal_progress
from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.strict_json import from_json
from napari_dwi.scan.file_set import check_writable, file_set
from napari_dwi.scan.json_files import read_json
from napari_dwi.text import brief, duration

if TYPE_CHECKING:
    from napari_dwi.superres.search.trials import TrialRecord
    from napari_dwi.superres.training.run_config import RunConfig

_SUPERRES, _DENOISE, _IVIM = "superres", "denoise", "ivim"


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    train = commands.add_parser(
        "train", help="train a network: super-resolution or denoising from pairs, or IVIM for a protocol"
    )
    train.add_argument("what", choices=(_SUPERRES, _DENOISE, _IVIM), help="what the network is for")
    _add_config_options(train)
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run folder")
    train.set_defaults(run=_train)

    search = commands.add_parser("search", help="search for the best network and training")
    _add_config_options(search)
    search.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the search; CONFIG without its ending if not told"
    )
    search.add_argument("--processes", type=int, default=1, metavar="N", help="trials at once (default 1)")
    search.add_argument("--trials", type=int, metavar="N", help="trials in all, those given up included")
    search.set_defaults(run=_search)


def _add_config_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("config", type=Path, metavar="CONFIG", help="a JSON file; see docs/superres.md")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change what CONFIG says, such as training.epochs=3; repeatable",
    )
    command.add_argument("--device", choices=DEVICES, default="auto", help="where to compute")
    command.add_argument("--threads", type=int, help="CPU threads")


def changed(said: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """What a configuration says after changes by ``KEY=VALUE``, where a key may lead to others by dots.

    Values are JSON; what is none is text.
    """
    changed: dict[str, Any] = json.loads(json.dumps(said))
    for key, text in settings_of(words).items():
        *above, last = key.split(".")
        place = changed
        for name in above:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                raise BadInputError("--set leads to nothing", found=key, expected=f"an object {name}")
            place = inner
        try:
            place[last] = json.loads(text)
        except ValueError:
            place[last] = text
    return changed


def _train(options: argparse.Namespace) -> int:
    check_threads(options.threads)
    if options.what == _IVIM:
        return _train_ivim(options)
    from napari_dwi.superres.training.run_config import run_config_of

    config = run_config_of(
        changed(read_json(options.config), options.set),
        options.config,
        factor=1 if options.what == _DENOISE else None,
    )
    if (config.network.factor == 1) != (options.what == _DENOISE):
        raise BadInputError(
            f"train {options.what} is for pairs of another kind",
            file=options.config,
            expected="the same grid (factor 1)" if options.what == _DENOISE else "factor 2, 3 or 4",
            found=f"factor {config.network.factor}",
            remedy=f"Use train {_SUPERRES if options.what == _DENOISE else _DENOISE}.",
        )
    return _train_network(config, options)


def _train_network(config: RunConfig, options: argparse.Namespace) -> int:
    from napari_dwi.superres.training.history import read_history
    from napari_dwi.superres.training.running import run_training

    check_writable(options.out)
    try:
        with terminal_progress() as progress:
            trained = run_training(
                config, options.out, device=options.device, threads=options.threads, progress=progress
            )
    except Stopped:
        epochs = len(read_history(options.out))
        return _stopped(f"after epoch {epochs}" if epochs else "before the end of the first epoch")
    about = trained.checkpoint.about
    say(str(options.out / "network.safetensors"))
    say(f"best epoch: {about['BestEpoch']} of {about['Epochs']}")
    say(f"validation loss: {about['ValidationLoss']:.5g}")
    for name, value in about.get("Test", {}).items():
        say(f"test {name}: {value:.5g}")
    return 0


def _train_ivim(options: argparse.Namespace) -> int:
    from napari_dwi.fit.protocol_networks import ProtocolConfig, train_for_protocol

    said = changed(read_json(options.config), options.set)
    config = from_json(ProtocolConfig, said, options.config)
    check_writable(options.out)
    try:
        with terminal_progress() as progress:
            networks = train_for_protocol(config, progress=progress)
    except Stopped:
        return _stopped("before all networks were trained")
    with file_set(options.out) as files:
        for network in networks:
            for path in (network.path, network.path.with_suffix(".json")):
                files.add(options.out / path.name, _copier(path))
    rows = [[brief(one.snr), f"{one.held_out_loss:.4g}", one.path.name] for one in networks]
    say(table(["SNR", "held-out loss", "network"], rows))
    complain(f"fits of this protocol with the same settings find them in {networks[0].path.parent}")
    for note in dict.fromkeys(note for one in networks for note in one.notes):
        complain(f"note: {note}")
    return 0


def _copier(path: Path) -> Any:
    def copy(file: BinaryIO) -> None:
        with path.open("rb") as source:
            shutil.copyfileobj(source, file)

    return copy


def _search(options: argparse.Namespace) -> int:
    from napari_dwi.superres.search.config import search_config_of
    from napari_dwi.superres.search.running import run_search
    from napari_dwi.superres.search.trials import read_trials

    check_threads(options.threads)
    words = list(options.set)
    if options.trials is not None:
        words.append(f"trials={options.trials}")
    config = search_config_of(changed(read_json(options.config), words), options.config)
    out = options.out or options.config.with_suffix("")
    if out == options.config:
        raise BadInputError("the search needs a folder", file=out, remedy="Name one with --out.")
    check_writable(out)
    try:
        with terminal_progress() as progress:
            result = run_search(
                config,
                out,
                processes=options.processes,
                device=options.device,
                threads=options.threads,
                progress=progress,
            )
    except Stopped:
        over = sum(trial.state in ("complete", "pruned", "failed") for trial in read_trials(out))
        return _stopped(f"with {over} of {config.trials} trials over")
    say(trial_table(result.trials))
    say(f"best: trial {result.best.number}")
    say(str(result.checkpoint))
    return 0


def trial_table(trials: Sequence[TrialRecord]) -> str:
    """The trials of a search, a line each."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.parameters))
    rows = [
        [
            str(trial.number),
            trial.state,
            "" if trial.value is None else f"{trial.value:.4g}",
            str(len(trial.values)),
            duration(trial.seconds),
            *(_cell(trial.parameters.get(name)) for name in names),
        ]
        for trial in trials
    ]
    return table(["trial", "state", "MSE", "epochs", "time", *names], rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _stopped(where: str) -> int:
    complain(f"napari-dwi: stopped {where}; the same command goes on")
    return Stopped.exit_code
