"""Small DICOM folders, and ways to damage them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .builder import write_series
from .dialects import ge, mosaic, named, philips, siemens_csa, uih

_SMALL = {"shape": (8, 6, 2), "b_values": (0, 500)}
_AXES = (None, (1.0, 0.0, 0.0))

SEEDS: dict[str, Callable[[Path], object]] = {
    "siemens": partial(write_series, **_SMALL),
    "siemens_csa": partial(write_series, dialect=siemens_csa, directions=_AXES, **_SMALL),
    "mosaic": partial(write_series, dialect=mosaic, shape=(8, 6, 1), b_values=(0, 500)),
    "ge": partial(write_series, dialect=ge, **_SMALL),
    "philips": partial(write_series, dialect=philips, scaling=((1, 0, 0.1), (2, 0, 0.1)), **_SMALL),
    "uih": partial(write_series, dialect=uih, directions=_AXES, **_SMALL),
    "enhanced": partial(write_series, dialect=named("Philips"), directions=_AXES, enhanced=True, **_SMALL),
}

_LENGTHS = (0, 1, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def mutated(originals: Path, folder: Path, rng: random.Random) -> None:
    """Copy a folder with one to all of its files damaged."""
    folder.mkdir(parents=True)
    files = sorted(originals.iterdir())
    damaged = set(rng.sample(files, rng.choice((1, 1, len(files)))))
    for file in files:
        content = bytearray(file.read_bytes())
        if file in damaged:
            for _ in range(rng.choice((1, 1, 2, 5, 20))):
                content = rng.choice(_WAYS)(content, rng)
        (folder / file.name).write_bytes(content)


def _flip(content: bytearray, rng: random.Random) -> bytearray:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def _overwrite(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    content[at : at + rng.choice((1, 2, 4, 8))] = rng.randbytes(rng.choice((1, 2, 4, 8)))
    return content


def _lie_about_a_length(content: bytearray, rng: random.Random) -> bytearray:
    """In explicit VR little endian: two bytes of length, or four after two that are empty."""
    at = rng.randrange(132, max(133, len(content) - 8)) & ~1
    value = rng.choice(_LENGTHS)
    if rng.random() < 0.5:
        content[at : at + 2] = struct.pack("<H", value & 0xFFFF)
    else:
        content[at : at + 4] = struct.pack("<I", value)
    return content


def _lie_about_a_number(content: bytearray, rng: random.Random) -> bytearray:
    """Change the digits of a text number, or of a size."""
    places = [index for index, byte in enumerate(content) if 0x30 <= byte <= 0x39]
    if places:
        content[rng.choice(places)] = rng.choice(b"0123456789-.eE+ \\")
    return content


def _cut(content: bytearray, rng: random.Random) -> bytearray:
    return content[: rng.randrange(len(content) + 1)]


def _cut_out(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    del content[at : at + rng.choice((1, 2, 8, 100))]
    return content


def _repeat(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    content[at:at] = content[at : at + rng.choice((2, 8, 100))]
    return content


_WAYS = (
    _flip,
    _overwrite,
    _lie_about_a_length,
    _lie_about_a_number,
    _lie_about_a_number,
    _cut,
    _cut_out,
    _repeat,
)
