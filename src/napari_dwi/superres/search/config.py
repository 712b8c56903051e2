"""What a search is, as a file: the runs it tries, what varies between them, and when it gives one up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

from napari_dwi.errors import BadInputError
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training import run_config
from napari_dwi.superres.training.config import Activation, Down, Loss, Optimiser, Schedule, Up
from napari_dwi.superres.training.run_config import RunConfig

SEARCH = "search.json"

_OF_NETWORK = ("widths", "down", "up", "activation", "residual")
_LONGEST_WARMUP = 10


@dataclass(frozen=True)
class SearchSpace:
    """What is tried, with the choices of the paper (sections 4.2.1 and 4.2.2) as defaults.

    An empty list leaves a setting as the run has it, and a single choice sets it for all trials. The
    paper does not tell which batch sizes it tried.

    Parameters
    ----------
    widths : tuple of tuple of int
        Channels to choose from at each resolution, the finest first.
    down, up, activation, residual : tuple
        Choices of the network; see `napari_dwi.superres.training.config.NetworkConfig`.
    loss, optimiser, schedule, decay, batch_size : tuple
        Choices of the training; see `napari_dwi.superres.training.config.TrainingConfig`.
    alpha : tuple of float
        Lowest and highest share of the squared error, where the loss is hybrid.
    learning_rate : tuple of float
        Lowest and highest; its logarithm is what varies.
    """

    widths: tuple[tuple[int, ...], ...] = ((32, 64, 128), (64, 128, 256), (128, 256, 512))
    down: tuple[Down, ...] = get_args(Down)
    up: tuple[Up, ...] = get_args(Up)
    activation: tuple[Activation, ...] = get_args(Activation)
    residual: tuple[bool, ...] = (True, False)
    loss: tuple[Loss, ...] = get_args(Loss)
    alpha: tuple[float, ...] = (0.0, 1.0)
    optimiser: tuple[Optimiser, ...] = get_args(Optimiser)
    learning_rate: tuple[float, ...] = (1e-6, 1e-2)
    schedule: tuple[Schedule, ...] = ("exponential", "step", "plateau")
    decay: tuple[float, ...] = (0.1, 0.3, 0.5)
    batch_size: tuple[int, ...] = (8, 16, 32)

    def __post_init__(self) -> None:
        for name in ("alpha", "learning_rate"):
            ends = getattr(self, name)
            if ends and not (len(ends) == 2 and 0 <= ends[0] <= ends[1]):
                raise BadInputError(
                    f"no range of {name} to search", expected="the lowest and the highest", found=list(ends)
                )
        if self.learning_rate and not self.learning_rate[0] > 0:
            raise BadInputError("a learning rate to search must be above 0", found=self.learning_rate[0])
        if not all(self.widths):
            raise BadInputError("no width to choose from at a resolution", found=[*map(list, self.widths)])


@dataclass(frozen=True)
class SearchConfig:
    """A search.

    Parameters
    ----------
    run : RunConfig
        The data, the split, and all that does not vary. Its seed is that of every trial.
    space : SearchSpace
        What varies.
    trials : int
        How many trials there are in the end, those given up included.
    seed : int
        Of what is tried.
    random_trials : int
        How many are drawn at random before earlier ones are learnt from.
    startup_trials : int
        How many trials must be complete before any is given up.
    warmup_epochs : int, optional
        Epochs after which a trial can be given up, when it is worse than half of the others were by
        then. If not told, a third of the epochs, but 10 at most.

    Raises
    ------
    BadInputError
        If a number is too small.
    """

    run: RunConfig
    space: SearchSpace = field(default_factory=SearchSpace)
    trials: int = 50
    seed: int = 0
    random_trials: int = 10
    startup_trials: int = 5
    warmup_epochs: int | None = None

    def __post_init__(self) -> None:
        least = {"trials": 1, "seed": 0, "random_trials": 1, "startup_trials": 1, "warmup_epochs": 0}
        for name, low in least.items():
            if (value := getattr(self, name)) is not None and value < low:
                raise BadInputError(f"{name} must be at least {low}", found=value)

    @property
    def warmup(self) -> int:
        """Epochs after which a trial can be given up."""
        if self.warmup_epochs is not None:
            return self.warmup_epochs
        return min(_LONGEST_WARMUP, self.run.training.epochs // 3)


def read_search_config(path: Path) -> SearchConfig:
    """Read a search from a JSON file; as `search_config_of`."""
    return search_config_of(read_json(path), path)


def search_config_of(said: Mapping[str, Any], file: Path) -> SearchConfig:
    """A search, from what a file says of it.

    Parameters
    ----------
    said : mapping
        As JSON gives it; ``run`` as `napari_dwi.superres.training.run_config.run_config_of` takes it.
        Where a run goes on from a network, what makes a network is not searched.
    file : Path
        Where it was read, for messages and relative paths.

    Raises
    ------
    BadInputError
        If a key is unknown, or a value is not of its kind; it names the key and what is known.
    """
    known = [one.name for one in fields(SearchConfig)]
    if unknown := [key for key in said if key not in known]:
        raise BadInputError(f"unknown key {unknown[0]}", file=file, expected="one of " + ", ".join(known))
    if not isinstance(said.get("run"), dict):
        raise BadInputError("run cannot be used", file=file, expected='an object that names "pairs"')
    run = run_config.run_config_of(said["run"], file)
    space = said.get("space", {})
    if run.start and isinstance(space, dict):
        if chosen := [name for name in _OF_NETWORK if space.get(name)]:
            raise BadInputError(
                "a network that is gone on from stays what it is",
                file=file,
                found=f"choices of {chosen[0]} to search",
            )
        space = space | dict.fromkeys(_OF_NETWORK, ())
    return from_json(SearchConfig, {**said, "run": to_json(run), "space": space}, file)


def said_of(config: SearchConfig, folder: Path) -> dict[str, Any]:
    """What `search_config_of` makes this search of again, for a file in a folder: its paths begin there."""
    return {**to_json(config), "run": run_config.said_of(config.run, folder)}


def run_of(config: SearchConfig, parameters: Mapping[str, Any]) -> RunConfig:
    """The run of a trial.

    Parameters
    ----------
    config : SearchConfig
        The search.
    parameters : mapping
        What is tried: fields of the network and of the training by name, and ``width_1`` and so on.

    Raises
    ------
    BadInputError
        If there is no such network or training.
    """
    run, space = config.run, config.space
    of_network = {name: parameters[name] for name in _OF_NETWORK if name in parameters}
    if space.widths:
        of_network["widths"] = tuple(parameters[f"width_{n}"] for n in range(1, len(space.widths) + 1))
    names = {one.name for one in fields(run.training)}
    of_training = {name: value for name, value in parameters.items() if name in names}
    return replace(
        run,
        network=replace(run.network, **of_network),
        training=replace(run.training, **of_training),
        # Nobody looks at the pictures of all trials.
        preview_epochs=0,
    )
