"""Subjects are kept apart: no one's images may be learnt from and tested on at the same time."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.pair import PairFacts


class KnownPairError(BadInputError):
    """The very pair is in the store already, under the same name."""


def as_spoken(subject: str) -> str:
    """A subject without what two spellings of one may differ in: capitals, blanks, codes of accents."""
    return " ".join(unicodedata.normalize("NFKC", subject).casefold().split())


def check_new_pair(new: PairFacts, others: Iterable[PairFacts], file: Path) -> None:
    """See that a pair can be told from the others, and its subject from theirs.

    Raises
    ------
    KnownPairError
        If it is there already.
    BadInputError
        If another has its name, its subject is written in two ways, or an image of it is that of another
        subject. ``file`` is the store, for the message.
    """
    for other in others:
        # Some disks do not tell capitals from small letters.
        if other.name.casefold() == new.name.casefold():
            same = bool(new.sources) and other.sources == new.sources and other.subject == new.subject
            raise (KnownPairError if same else BadInputError)(
                f"there is a pair called {other.name} already",
                file=file,
                remedy="Give this one another name, or remove that one first.",
            )
        same_subject = as_spoken(other.subject) == as_spoken(new.subject)
        if same_subject and other.subject != new.subject:
            raise BadInputError(
                "this subject is written in another way in the store",
                file=file,
                expected=other.subject,
                found=new.subject,
                remedy="Write it the same way, or use a word that differs by more than capitals and blanks.",
            )
        if not same_subject and set(other.sources) & set(new.sources):
            raise BadInputError(
                f"an image of this pair is in the store already as one of subject {other.subject}",
                file=file,
                found=f"pair {other.name}; the subject is {new.subject} now",
                remedy="Images of one subject must not be learnt from and tested on at the same time.",
            )
