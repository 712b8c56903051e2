"""What the header of one frame says, wherever the file keeps it.

A classic file has one frame and one flat header. An enhanced file has many: what is common to all
stands in the shared functional groups, what differs in the per-frame groups (DICOM PS3.3 C.7.6.16).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

_FIRST_BLOCK = 0x10
_LAST_BLOCK = 0xFF
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_FLOAT_FORMATS = {4: "<f", 8: "<d"}


@dataclass(frozen=True, eq=False)
class FrameHeader:
    """The header of one frame.

    Parameters
    ----------
    levels : tuple of Dataset
        Where to look, the most specific first: the frame's own groups, the shared groups, the file.
    """

    levels: tuple[Dataset, ...]

    def find(self, keyword_or_tag: str | int) -> Any:
        """The value of a standard element; ``None`` if it is absent or empty."""
        tag = Tag(keyword_or_tag)
        for level in self.levels:
            if tag in level and (value := level[tag].value) not in (None, "", b""):
                return value
        return None

    def find_private(self, group: int, element: int, creator: str) -> Any:
        """The value of a private element; ``None`` if it is absent or empty.

        Parameters
        ----------
        group, element : int
            ``0x0019, 0x0C`` for (0019,xx0C).
        creator : str
            Start of the private creator's name, which says what xx is.
        """
        for level in self.levels:
            for block in _blocks(level, group, creator):
                tag = Tag(group, (block << 8) | element)
                if tag in level and (value := level[tag].value) not in (None, "", b""):
                    return value
        return None

    def number(self, keyword_or_tag: str | int) -> float | None:
        """The first number of a standard element."""
        return first_number(self.find(keyword_or_tag))

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """A standard element of ``count`` numbers."""
        value = self.find(keyword)
        if not isinstance(value, MultiValue) or len(value) != count:
            return None
        return tuple(float(number) for number in value)

    def text(self, keyword: str) -> str:
        """A standard element as text; several values are joined with a backslash, as in the file."""
        value = self.find(keyword)
        if value is None:
            return ""
        return "\\".join(str(part) for part in value) if isinstance(value, MultiValue) else str(value)


def frame_headers(dataset: Dataset) -> Iterator[FrameHeader]:
    """The header of every frame of a file, in the order of the frames."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if not groups:
        yield FrameHeader((dataset,))
        return
    shared = [
        level for item in dataset.get("SharedFunctionalGroupsSequence") or () for level in _macros(item)
    ]
    for group in groups:
        yield FrameHeader((*_macros(group), *shared, dataset))


def first_number(value: Any) -> float | None:
    """The first number of a value, also where the VR was lost and only bytes are left."""
    if isinstance(value, (MultiValue, list, tuple)):
        value = value[0] if value else None
    if value is None:
        return None
    if isinstance(value, bytes):
        text = value.rstrip(b"\0").decode("latin-1").split("\\")[0]
        if _NUMBER.fullmatch(text):
            return float(text)
        float_format = _FLOAT_FORMATS.get(len(value))
        return None if float_format is None else float(struct.unpack(float_format, value)[0])
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _macros(group: Dataset) -> list[Dataset]:
    """A functional group and the single items of the sequences in it."""
    return [group, *(element.value[0] for element in group if element.VR == "SQ" and element.value)]


def _blocks(level: Dataset, group: int, creator: str) -> list[int]:
    # By the tags that are there: asking for every possible one takes seconds on enhanced files.
    creators = {
        tag & 0xFFFF: str(level[tag].value).strip().upper()
        for tag in level.keys()  # noqa: SIM118 - iterating over a dataset decodes every element
        if tag >> 16 == group and _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK
    }
    # Removing private creators is a common half-measure of anonymisers; vendors use the first block.
    if not creators:
        return [_FIRST_BLOCK]
    return [block for block, name in creators.items() if name.startswith(creator.upper())]
