"""What a training run is, as a file: what it learns from, which network, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from napari_dwi.errors import BadInputError
from napari_dwi.methods.provenance import relative_path
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.pairs.split import Split
from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.presets import PRESETS, RECOMMENDED
from napari_dwi.superres.training.shipped import shipped_path

SHIPPED = "shipped"


@dataclass(frozen=True)
class ShapesConfig:
    """Simulated scans of random shapes to learn from, for want of pairs or to try something.

    Parameters
    ----------
    size : int
        Voxels of a slice along each side, on the fine grid.
    images, validation, test : int
        Different images of shapes for training, and others for validation and for the test.
    noise : (float, float)
        Lowest and highest noise level, in units of the brightest tissue.
    per_epoch : int
        Examples in an epoch.
    seed : int
        Of all of them.
    """

    size: int = 128
    images: int = 600
    validation: int = 24
    test: int = 24
    noise: tuple[float, float] = (0.01, 0.2)
    per_epoch: int = 400
    seed: int = 0

    def __post_init__(self) -> None:
        low, high = self.noise
        # Written so that NaN fails too.
        if not (8 <= self.size <= 4096 and min(self.images, self.validation, self.per_epoch) >= 1):
            raise BadInputError(
                "such shapes leave nothing to learn from",
                expected="8 to 4096 voxels, and at least one image for training and for validation",
            )
        if not (0 < low <= high and self.test >= 0 and self.seed >= 0):
            raise BadInputError(
                "such shapes cannot be simulated",
                expected="a noise level above 0 and one that is not lower; no negative numbers",
            )


@dataclass(frozen=True)
class SplitConfig:
    """Which subjects a network learns from.

    Parameters
    ----------
    seed : int
        Of the draw.
    validation, test : float
        Shares of the subjects.
    subjects : Split, optional
        The subjects of each part by name, instead of a draw.
    """

    seed: int = 0
    validation: float = 0.2
    test: float = 0.2
    subjects: Split | None = None


@dataclass(frozen=True)
class RunConfig:
    """A training run.

    Parameters
    ----------
    pairs : str
        The folder of a store of pairs.
    shapes : ShapesConfig, optional
        Simulated shapes instead of pairs.
    preset : str
        Where network and training come from, but for what is set here.
    network, training : NetworkConfig, TrainingConfig
        Which network, and how it is trained.
    start : str
        What to go on from: ``"shipped"``, the file of a checkpoint, or nothing.
    split : SplitConfig
        Which subjects of the pairs are for what.
    preview_epochs : int
        After how many epochs previews are drawn, again and again; 0 draws none.

    Raises
    ------
    BadInputError
        If it names both pairs and shapes or neither, or the preset does not exist.
    """

    pairs: str = ""
    shapes: ShapesConfig | None = None
    preset: str = RECOMMENDED
    network: NetworkConfig = PRESETS[RECOMMENDED][0]
    training: TrainingConfig = PRESETS[RECOMMENDED][1]
    start: str = ""
    split: SplitConfig = field(default_factory=SplitConfig)
    preview_epochs: int = 5

    def __post_init__(self) -> None:
        if bool(self.pairs) == (self.shapes is not None):
            raise BadInputError(
                "what a network learns from has to be named once",
                expected='"pairs" (the folder of a store) or "shapes" (an object; {} has defaults)',
                found="both" if self.pairs else "neither",
            )
        if self.preset not in PRESETS:
            raise BadInputError(
                f"no preset {self.preset}", expected="one of " + ", ".join(PRESETS), found=self.preset
            )
        if self.preview_epochs < 0:
            raise BadInputError("preview_epochs cannot be negative", found=self.preview_epochs)


def read_run_config(path: Path, *, factor: int | None = None) -> RunConfig:
    """Read a training run from a JSON file; as `run_config_of`."""
    return run_config_of(read_json(path), path, factor=factor)


def run_config_of(said: Mapping[str, Any], file: Path, *, factor: int | None = None) -> RunConfig:
    """A training run, from what a file says of it.

    ``network`` and ``training`` need name only what differs from the preset, or nothing at all. A network
    that is gone on from stays what it is. The pairs decide the factor of resolution.

    Parameters
    ----------
    said : mapping
        As JSON gives it.
    file : Path
        Where it was read, for messages; relative paths in it begin at the folder of this file.
    factor : int, optional
        The factor of resolution, where neither the pairs nor a network to go on from decide it.

    Raises
    ------
    BadInputError
        If a key is unknown, or a value is not of its kind; it names the key and what is known. If the
        pairs or the network to go on from cannot be read.
    """
    known = [one.name for one in fields(RunConfig)]
    if unknown := [key for key in said if key not in known]:
        raise BadInputError(f"unknown key {unknown[0]}", file=file, expected="one of " + ", ".join(known))
    preset = said.get("preset", RECOMMENDED)
    if not isinstance(preset, str) or preset not in PRESETS:
        raise BadInputError(
            "there is no such preset", file=file, expected="one of " + ", ".join(PRESETS), found=preset
        )
    network, training = (to_json(one) for one in PRESETS[preset])
    given = {key: said.get(key, {}) for key in ("network", "training")}
    paths = {key: _absolute(said[key], file) for key in ("pairs", "start") if said.get(key)}
    if pairs := paths.get("pairs"):
        network["factor"] = _factor_of(pairs)
    elif factor is not None:
        network["factor"] = factor
    if start := paths.get("start"):
        network = _network_of(start, network["factor"])
        if isinstance(given["network"], dict):
            _check_unchanged(network, given["network"], start, file)
    filled = {
        **said,
        **paths,
        "network": _over(network, given["network"]),
        "training": _over(training, given["training"]),
    }
    return from_json(RunConfig, filled, file)


def said_of(config: RunConfig, folder: Path) -> dict[str, Any]:
    """What `run_config_of` makes this run of again, for a file in a folder: its paths begin there."""
    said = to_json(config)
    for key in ("pairs", "start"):
        if said[key] and said[key] != SHIPPED:
            said[key] = relative_path(Path(said[key]), folder)
    return said


def start_path(config: RunConfig) -> Path | None:
    """The checkpoint a run goes on from."""
    if not config.start:
        return None
    return shipped_path(config.network.factor) if config.start == SHIPPED else Path(config.start)


def _over(preset: dict[str, Any], given: Any) -> Any:
    # What is no object is refused later, by its key.
    return preset | given if isinstance(given, dict) else given


def _absolute(said: Any, file: Path) -> Any:
    if not isinstance(said, str) or said == SHIPPED:
        return said
    return str((file.parent / said).resolve())


def _factor_of(pairs: Any) -> int:
    """The factor of resolution of a store; that of its first pair, should they differ."""
    from napari_dwi.superres.pairs.store import PairStore

    facts = PairStore(pairs).facts()
    if not facts:
        raise BadInputError("there are no pairs to learn from", file=pairs, remedy="Add some first.")
    return facts[0].factor


def _network_of(start: str, factor: int) -> dict[str, Any]:
    path = shipped_path(factor) if start == SHIPPED else Path(start)
    beside = path.with_suffix(".json")
    return to_json(from_json(NetworkConfig, read_json(beside).get("Network"), beside))


def _check_unchanged(network: Mapping[str, Any], given: Mapping[str, Any], start: str, file: Path) -> None:
    changed = [key for key, value in given.items() if key in network and not _same(network[key], value)]
    if changed:
        raise BadInputError(
            "a network that is gone on from stays what it is",
            file=file,
            expected=f"network.{changed[0]} as in {Path(start).name}: {network[changed[0]]}",
            found=given[changed[0]],
        )


def _same(one: Any, other: Any) -> bool:
    return list(one) == list(other) if isinstance(one, tuple) and isinstance(other, list) else one == other
