"""What a reader may do with a doubtful file once the user has been asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Allowance = Literal[
    "wrong-checksum",
    "voxel-sizes",
    "magnitude",
    "large-file",
    "b-in-s/mm2",
    "b-in-ms/um2",
]

ALLOWANCES: tuple[Allowance, ...] = get_args(Allowance)

# What the button of a question says; the command line takes the names themselves.
LABELS: dict[Allowance, str] = {
    "wrong-checksum": "Load it although its checksum is wrong",
    "voxel-sizes": "Use the voxel sizes, orientation unknown",
    "magnitude": "Take the magnitude of the complex numbers",
    "large-file": "Read it although it is very large",
    "b-in-s/mm2": "The b-values are in s/mm²",
    "b-in-ms/um2": "The b-values are in ms/µm²",
}


def allowances_of(names: Iterable[str]) -> tuple[Allowance, ...]:
    """The allowances among names that a file holds: what a newer version knows besides is left out."""
    given = set(names)
    return tuple(known for known in ALLOWANCES if known in given)
