"""Finding the b-values and directions that belong to an image, among the files beside it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.direction_text import read_directions

# FSL and BIDS write the first; the others are what people rename it to.
_ENDINGS = (".bval", ".bvals", "_bval.txt", "_bvals.txt", ".bval.txt", ".bvals.txt", "_bval", "_bvals")
_TEXT_SUFFIXES = ("", ".txt", ".dat", ".bval", ".bvals")
_FOLDER_WIDE_NAME = re.compile(r"b_?vals?(?:[._-](?P<tag>.+))?", re.IGNORECASE)


def gradients_of(
    path: Path,
    stem: str,
    n_volumes: int,
    bval: Path | BValues | None = None,
    own: BValues | None = None,
    allow: Collection[Allowance] = (),
) -> tuple[BValues | None, tuple[str, ...]]:
    """The b-values and directions of an image, and what to say about where they were found.

    Parameters
    ----------
    path : Path
        The image.
    stem : str
        Its name without suffixes.
    n_volumes : int
        Number of its volumes.
    bval : Path or BValues, optional
        What the user chose; it goes before everything else.
    own : BValues, optional
        What the image itself holds; it goes before files beside it.
    allow : collection of str
        As for `read_b_values`.

    Returns
    -------
    b_values : BValues or None
        ``None`` if there is nothing, or several files that could be meant.
    notes : tuple of str
        Which file was taken where its name leaves room for doubt, and what is wrong with directions.

    Raises
    ------
    BadInputError
        If the b-values do not fit the image or cannot be read with certainty.
    """
    if isinstance(bval, BValues):
        return bval, ()
    notes: tuple[str, ...] = ()
    if bval is None:
        if own is not None:
            return own, ()
        bval, notes = _b_value_file_beside(path, stem, n_volumes)
        if bval is None:
            return None, notes
    b_values = read_b_values(bval, n_volumes, allow)
    if b_values.origin != bval.name:
        notes = (*notes, f"b-values read from {b_values.origin}")
    bvec = _direction_file_beside(bval)
    if bvec is None:
        return b_values, notes
    directions, doubts = read_directions(bvec, b_values.values)
    return BValues(b_values.values, directions, b_values.origin), (*notes, *doubts)


def _b_value_file_beside(path: Path, stem: str, n_volumes: int) -> tuple[Path | None, tuple[str, ...]]:
    for ending in _ENDINGS:
        beside = path.with_name(stem + ending)
        if beside.is_file():
            notes = () if ending == _ENDINGS[0] else (f"b-values taken from {beside.name}",)
            return beside, notes
    # A single volume is most likely anatomy, whatever else lies in its folder.
    fitting = [file for file in _folder_wide_files(path, stem) if n_volumes > 1 and _fits(file, n_volumes)]
    if len(fitting) == 1:
        return fitting[0], (f"b-values taken from {fitting[0].name}, the only such file that fits",)
    if fitting:
        names = ", ".join(file.name for file in fitting)
        return None, (f"several files could hold its b-values: {names}",)
    return None, ()


def _folder_wide_files(path: Path, stem: str) -> list[Path]:
    """Files such as bvals.txt that speak for the images of their folder, or bval_rl for those of rl."""
    found = []
    for file in sorted(path.parent.iterdir()):
        suffix = file.suffix if file.suffix.lower() in _TEXT_SUFFIXES else ""
        match = _FOLDER_WIDE_NAME.fullmatch(file.name.removesuffix(suffix))
        if match and file.is_file() and (match["tag"] or "").lower() in stem.lower():
            found.append(file)
    return found


def _fits(file: Path, n_volumes: int) -> bool:
    try:
        read_b_values(file, n_volumes)
    except BadInputError as err:
        # Where only the unit is in doubt, it is asked later.
        return bool(err.offers)
    return True


def _direction_file_beside(bval: Path) -> Path | None:
    for name in (re.sub("bval", "bvec", bval.name, flags=re.IGNORECASE), bval.stem + ".bvec"):
        beside = bval.with_name(name)
        if beside.name != bval.name and beside.is_file():
            return beside
    return None
