"""Whether the images of a pair are to be moved against each other, and what the user should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from napari_dwi.superres.pairs.displacement import Displacement

# Images that are further apart than this, in fine voxels, are moved.
MOST_SHIFT = 0.1
# Beyond this share of the slice it was more than a little motion.
_MOST_MOVED = 0.05

_UNMOVED = (0.0, 0.0)


@dataclass(frozen=True)
class Correction:
    """What is to be done.

    Parameters
    ----------
    shift : (float, float)
        The displacement to take back from the high-resolution images, in fine voxels.
    warning : str
        What the user should know; empty if nothing.
    """

    shift: tuple[float, float]
    warning: str = ""


def correction_of(found: Displacement, told: tuple[float, float], shape: Sequence[int]) -> Correction:
    """Decide from what the images tell and from what positions in the files tell.

    Images are believed where they tell a displacement, and positions where images agree with them or do not
    tell.

    Parameters
    ----------
    found : Displacement
        By how much the high-resolution images were found displaced.
    told : (float, float)
        By how much they are according to positions in the files, in fine voxels.
    shape : (int, int)
        Fine voxels of a slice.

    Raises
    ------
    BadInputError
        If the images are so far apart that the subject has moved, or there are two.
    """
    is_told = max(map(abs, told)) > MOST_SHIFT
    if not found.is_told:
        doubt = "the images do not tell whether they are displaced against each other"
        if is_told:
            return Correction(
                told, f"{doubt}; those of high resolution were moved by {_said(told)}, as their positions say"
            )
        return Correction(_UNMOVED, f"{doubt}; they are left as they are")
    if any(abs(by) > _MOST_MOVED * size for by, size in zip(found.shift, shape, strict=True)):
        raise BadInputError(
            "the subject has moved between the two scans, or there are two subjects",
            expected=f"images that are at most {100 * _MOST_MOVED:g} % of the slice apart",
            found=_said(found.shift),
            remedy="Register them first.",
        )
    if found.exceeds(MOST_SHIFT):
        agrees = all(
            abs(one - other) <= max(MOST_SHIFT, 2 * error)
            for one, other, error in zip(found.shift, told, found.error, strict=True)
        )
        said = "the high-resolution images were displaced by"
        if agrees:
            return Correction(told, f"{said} {_said(told)}, as their positions say, and have been moved back")
        return Correction(
            found.shift,
            f"{said} {_said(found.shift)} and have been moved back; their positions say {_said(told)}",
        )
    if is_told:
        return Correction(
            _UNMOVED,
            f"positions in the files say that the images are displaced by {_said(told)}, which the images do"
            " not show; they are left as they are",
        )
    return Correction(_UNMOVED)


def _said(shift: tuple[float, float]) -> str:
    return f"{shift[0]:.2f} and {shift[1]:.2f} fine voxels"
