"""What a training run learns from: pairs of a store, split by subject, or simulated shapes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.errors import BadInputError
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.strict_json import to_json
from napari_dwi.superres.pairs.examples import PairExamples
from napari_dwi.superres.pairs.split import Split, split_subjects
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.pairs.subjects import as_spoken
from napari_dwi.superres.training.examples import ShapeExamples
from napari_dwi.superres.training.run_config import RunConfig

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.pair import PairFacts
    from napari_dwi.superres.training.examples import Examples

_PARTS = ("training", "validation", "test")
_SOURCES = "LearntFrom"
# Of a SHA-256, enough to tell images apart.
_DIGITS = 16


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a network learns from and is tested with.

    Parameters
    ----------
    examples : Examples
        For training and validation.
    test : Examples, optional
        Whose validation examples are the test; training never touches them.
    noise_range : (float, float)
        Lowest and highest noise, in units of the brightest tissue.
    factor : int
        Ratio of the resolutions.
    split : mapping
        What of the data is in which part; ready for JSON.
    about : mapping
        What the data are, split included; ready for JSON. It names no file.
    held_out : frozenset of str
        The images for validation and test, by the beginning of their SHA-256.
    """

    examples: Examples
    test: Examples | None
    noise_range: tuple[float, float]
    factor: int
    split: Mapping[str, Any]
    about: Mapping[str, Any]
    held_out: frozenset[str] = frozenset()


def open_data(config: RunConfig, progress: Progress) -> TrainingData:
    """Open the pairs of a run and split their subjects, or simulate its shapes.

    Raises
    ------
    BadInputError
        If the pairs cannot be used.
    """
    return _shapes(config, progress) if config.shapes is not None else _pairs(config)


def check_not_learnt_from(data: TrainingData, about: Mapping[str, Any], file: Path) -> None:
    """See that a network to go on from has not learnt from what is held out now.

    Parameters
    ----------
    data : TrainingData
        The data.
    about : mapping
        What its checkpoint says of that network.
    file : Path
        The checkpoint, for the message.

    Raises
    ------
    BadInputError
        If it has.
    """
    if _learnt_from(about) & data.held_out:
        raise BadInputError(
            "the network to go on from has learnt from subjects that are for validation or the test now",
            file=file,
            remedy="Name the subjects of the split so that those it knows are for training.",
        )


def pairs_learnt_from(facts: Iterable[PairFacts], about: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the pairs whose images or subjects a network has learnt from, as its checkpoint says."""
    images, subjects = _learnt_from(about), set[str]()
    for data in _data_of(about):
        split = data.get("Split")
        training = split.get("training") if isinstance(split, dict) else None
        subjects |= {as_spoken(one) for one in training} if isinstance(training, list) else set()
    return tuple(one.name for one in facts if _sources([one]) & images or as_spoken(one.subject) in subjects)


def _learnt_from(about: Mapping[str, Any]) -> frozenset[str]:
    """The images a network has learnt from, and the one it started from."""
    return frozenset(source for data in _data_of(about) for source in data.get(_SOURCES, ()))


def _data_of(about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What is said of the data of a network, of the one it started from, and so on."""
    said: Any = about
    while isinstance(said, Mapping):
        if isinstance(data := said.get("Data"), dict):
            yield data
        said = said.get("StartedFrom")


def _pairs(config: RunConfig) -> TrainingData:
    store = PairStore(config.pairs)
    facts = store.facts()
    draw = config.split
    split = draw.subjects or split_subjects(
        (one.subject for one in facts), seed=draw.seed, validation=draw.validation, test=draw.test
    )
    examples = PairExamples(store, split, seed=config.training.seed)
    test = None
    if split.test:
        # The test takes the place of validation, which is where slices are left as they are.
        test = PairExamples(store, Split(split.training, split.test, split.validation))
    used = _of(facts, split.subjects)
    said = {**to_json(split), "seed": None if draw.subjects else draw.seed}
    about = {
        "Pairs": len(used),
        "Slices": {part: sum(len(one.used) for one in _of(facts, getattr(split, part))) for part in _PARTS},
        "SHA256": hashlib.sha256(json.dumps([to_json(one) for one in used]).encode()).hexdigest(),
        _SOURCES: sorted(_sources(_of(facts, split.training))),
        "Split": said,
    }
    held_out = _sources(_of(facts, (*split.validation, *split.test)))
    return TrainingData(examples, test, examples.noise_range, examples.factor, said, about, held_out)


def _of(facts: tuple[PairFacts, ...], subjects: tuple[str, ...]) -> list[PairFacts]:
    wanted = {as_spoken(subject) for subject in subjects}
    return [one for one in facts if as_spoken(one.subject) in wanted]


def _sources(facts: list[PairFacts]) -> frozenset[str]:
    return frozenset(source[:_DIGITS] for one in facts for source in one.sources)


def _shapes(config: RunConfig, progress: Progress) -> TrainingData:
    shapes, factor = config.shapes, config.network.factor
    if shapes is None:
        raise TypeError("a run without shapes")
    if shapes.size % factor:
        raise BadInputError(
            "shapes of this size have no coarse grid", expected=f"a multiple of {factor}", found=shapes.size
        )
    examples, test = (
        ShapeExamples(
            size=shapes.size,
            n_images=n_images,
            n_validation=kept,
            noise=shapes.noise,
            per_epoch=shapes.per_epoch,
            factor=factor,
            seed=seed,
            check=progress.check,
        )
        for n_images, kept, seed in (
            (shapes.images, shapes.validation, shapes.seed),
            (0, shapes.test, shapes.seed + 1),
        )
    )
    split = {"training": shapes.images, "validation": shapes.validation, "test": shapes.test}
    about = {"Shapes": to_json(shapes), "Split": split}
    return TrainingData(examples, test if shapes.test else None, shapes.noise, factor, split, about)
