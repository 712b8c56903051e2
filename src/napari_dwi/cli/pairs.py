"""``pairs``: scans of low and of high resolution that networks learn from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import complain, say, say_json, table, terminal_progress
from napari_dwi.cli.pair_scores import add_score_action
from napari_dwi.cli.reading import add_allow_option
from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.strict_json import to_json
from napari_dwi.superres.pairs.blame import arising_in
from napari_dwi.superres.pairs.importing import ImportedPair, add_pair
from napari_dwi.superres.pairs.pair import PairFacts
from napari_dwi.superres.pairs.request import PairRequest, parse_crop, parse_slices
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.pairs.subjects import KnownPairError
from napari_dwi.superres.pairs.table import read_table

_HEADER = (
    "name",
    "subject",
    "plane",
    "factor",
    "low",
    "high",
    "noise %",
    "displaced",
    "moved back",
    "excluded",
)
# What a table says row by row.
_OF_ONE_PAIR = ("low", "high", "subject", "plane", "name", "crop", "exclude", "b")


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    pairs = commands.add_parser("pairs", help="scans of low and high resolution that networks learn from")
    actions = pairs.add_subparsers(dest="action", required=True, metavar="ACTION")

    add = actions.add_parser("add", help="add a pair, or a table of pairs; makes the store if there is none")
    add.add_argument("store", type=Path, metavar="STORE", help="the folder the pairs are kept in")
    add.add_argument("--low", type=Path, metavar="VOL", help="the scan of low resolution: a file, a folder")
    add.add_argument(
        "--high", type=Path, metavar="VOL", help="the scan of high resolution of the same slices"
    )
    add.add_argument("--subject", metavar="S", help="whose scans these are; splits are by subject")
    add.add_argument("--plane", metavar="P", help="how the slices lie; else from how the patient was lying")
    add.add_argument("--name", metavar="N", help="the name of the pair; else from subject and plane")
    add.add_argument(
        "--crop", metavar="A:B,C:D", help="part of each slice to keep, in voxels of low resolution"
    )
    add.add_argument("--exclude", metavar="0,17", help="slices that nothing is learnt from, counted from 0")
    add.add_argument("--b", type=float, metavar="B", help="which b-value (s/mm2) of a diffusion series")
    add.add_argument(
        "--table",
        type=Path,
        metavar="FILE.tsv",
        help="a row for each pair: columns subject, low, high, and perhaps plane, name, exclude, crop, b",
    )
    add_allow_option(add)
    add.set_defaults(run=_add)

    listing = actions.add_parser("list", help="what is in a store")
    listing.add_argument("store", type=Path, metavar="STORE")
    listing.add_argument("--json", action="store_true", help="for another program")
    listing.set_defaults(run=_list)

    exclude = actions.add_parser("exclude", help="say which slices nothing is learnt from")
    exclude.add_argument("store", type=Path, metavar="STORE")
    exclude.add_argument("name", metavar="NAME", help="the pair")
    exclude.add_argument("slices", metavar="0,5,17", help="all slices to leave out, counted from 0; or none")
    exclude.set_defaults(run=_exclude)

    remove = actions.add_parser("remove", help="delete a pair from a store")
    remove.add_argument("store", type=Path, metavar="STORE")
    remove.add_argument("name", metavar="NAME", help="the pair")
    remove.set_defaults(run=_remove)

    add_score_action(actions)


def _add(options: argparse.Namespace) -> int:
    given = [name for name in _OF_ONE_PAIR if getattr(options, name) is not None]
    if options.table is not None:
        if given:
            raise BadInputError(f"--{given[0]} does not go with --table", remedy="Say it in the table.")
        return _add_table(options)
    missing = [f"--{name}" for name in ("low", "high", "subject") if name not in given]
    if missing:
        raise BadInputError(f"{', '.join(missing)} not given", remedy="Give them all, or --table.")
    request = PairRequest(
        options.low,
        options.high,
        options.subject,
        options.plane or "",
        options.name or "",
        parse_slices(options.exclude or ""),
        parse_crop(options.crop or ""),
        options.b,
    )
    with terminal_progress() as progress:
        pair = add_pair(options.store, request, allow=options.allow, progress=progress)
    _say_added(pair)
    return 0


def _add_table(options: argparse.Namespace) -> int:
    """Add pair after pair; those that are in the store already are left as they are."""
    rows = read_table(options.table)
    try:
        with terminal_progress() as progress:
            for n, row in enumerate(rows):
                part = progress.part(n, len(rows), f"pair {n + 1}/{len(rows)}, ")
                with arising_in(row.where):
                    _add_row(options, row.request, part)
    except Stopped:
        complain("! the pairs named above are in the store; the one that was being added is not")
        raise
    return 0


def _add_row(options: argparse.Namespace, request: PairRequest, progress: Progress) -> None:
    try:
        _say_added(add_pair(options.store, request, allow=options.allow, progress=progress))
    except KnownPairError as err:
        complain(f"! {err.what}, left as it is")


def _say_added(pair: ImportedPair) -> None:
    facts = pair.facts
    for warning in pair.warnings:
        complain(f"! {facts.name}: {warning}")
    say(f"{facts.name}: {len(facts.used)} slices, factor {facts.factor}, noise {100 * facts.noise:.2g} %")


def _list(options: argparse.Namespace) -> int:
    pairs = PairStore(options.store).facts()
    if options.json:
        say_json([to_json(facts) for facts in pairs])
    else:
        say(table(_HEADER, [_row(facts) for facts in pairs]))
    return 0


def _row(facts: PairFacts) -> tuple[str, ...]:
    return (
        facts.name,
        facts.subject,
        facts.plane,
        str(facts.factor),
        "x".join(map(str, facts.shape_low)),
        "x".join(map(str, facts.shape_high)),
        f"{100 * facts.noise:.2g}",
        _both(facts.shift),
        _both(facts.corrected) if any(facts.corrected) else "",
        ",".join(map(str, facts.excluded)),
    )


def _both(shift: tuple[float, float]) -> str:
    return f"{shift[0]:.2f} {shift[1]:.2f}"


def _exclude(options: argparse.Namespace) -> int:
    store = PairStore(options.store)
    store.exclude(options.name, parse_slices(options.slices))
    facts = store.facts_of(options.name)
    excluded = ",".join(map(str, facts.excluded)) or "no slice"
    say(f"{facts.name}: {excluded} left out, {len(facts.used)} slices are learnt from")
    return 0


def _remove(options: argparse.Namespace) -> int:
    PairStore(options.store).remove(options.name)
    say(f"{options.name}: removed")
    return 0
