"""The series of a DICOM folder: its files grouped, copies left out, roles guessed."""

from __future__ import annotations

import string
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.b_value_tags import complete
from napari_dwi.scan.dicom.files import DamagedFile, ImageFile, read_file, walk
from napari_dwi.scan.dicom.geometry import n_slice_directions
from napari_dwi.scan.dicom.roles import role_of
from napari_dwi.scan.dicom.series import DicomSeries, Frame

_LETTERS = string.ascii_letters
_STORED_BESIDE = {
    "mean": "the scanner's own mean of the directions is stored with this series; it was computed, not"
    " measured, so it is left out here and offered as a map",
    "phase": "phase images are stored with this series; they are left out here and offered as a map",
    "map": "maps of the scanner are stored with this series; they are left out here and offered as such",
}


def read_folder(
    path: Path, *, called: Path | None = None, check: Callable[[], None] | None = None
) -> list[DicomSeries]:
    """The series of a folder and all folders in it, ordered by series number.

    Parameters
    ----------
    path : Path
        A folder, or a single DICOM file. Links that lead out of it are not followed; files that are
        not DICOM images are passed over.
    called : Path, optional
        What the user calls it, where it is an unpacked archive.
    check : callable, optional
        Called for every file; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If there is no DICOM image.
    """
    images: dict[tuple[str, bool], list[ImageFile]] = defaultdict(list)
    damaged: list[DamagedFile] = []
    n_files = 0
    for file in walk(path):
        if check is not None:
            check()
        n_files += 1
        found = read_file(file)
        if isinstance(found, ImageFile):
            images[found.series_uid, found.enhanced].append(found)
        elif found is not None:
            damaged.append(found)
    named = path if called is None else called
    if not images:
        counts = f"{n_files} other files" if not damaged else f"{len(damaged)} damaged among {n_files} files"
        raise BadInputError("no DICOM files in this folder", file=named, expected="MR images", found=counts)
    series = [_series(named, images[key], damaged) for key in sorted(images)]
    return _numbered([part for one in _without_doubles(series) for part in _taken_apart(one)])


def _series(folder: Path, images: list[ImageFile], damaged: list[DamagedFile]) -> tuple[str, DicomSeries]:
    once = {
        (image.instance_uid, image.instance, *(_frame_key(frame) for frame in image.frames)): image
        for image in reversed(images)
    }
    kept = sorted(once.values(), key=lambda image: (image.instance, str(image.file)))
    # Maps stored with a series must not speak for it.
    first = next((image for image in kept if image.frames[0].content == "signal"), kept[0])
    frames = tuple(frame for image in kept for frame in image.frames)
    b_values = complete([frame.b_value for frame in frames], first.vendor)
    frames = tuple(replace(frame, b_value=b) for frame, b in zip(frames, b_values, strict=True))
    # A header may break off within or before the identifier of its series; then it belongs to any
    # series stored beside it.
    beside = {image.file.parent for image in kept}
    cut = tuple(
        item.file
        for item in damaged
        if item.series_uid == first.series_uid
        or (first.series_uid.startswith(item.series_uid) and item.file.parent in beside)
    )
    n_copies = len(images) - len(kept)
    return first.series_uid, DicomSeries(
        folder=folder,
        number=first.number,
        description=first.description,
        image_type=first.image_type,
        role=role_of(
            first.description,
            first.image_type,
            b_values,
            has_geometry=all(frame.position_mm and frame.orientation for frame in frames),
            n_directions=n_slice_directions(frames),
        ),
        frames=frames,
        turned_to_ras=first.turned_to_ras,
        damaged=cut,
        notes=(f"{n_copies} files are there twice; the copies were left out",) if n_copies else (),
        study=first.study,
        frame_of_reference=first.frame_of_reference,
    )


def _frame_key(frame: Frame) -> tuple[object, ...]:
    """What two copies of one frame have in common."""
    return frame.position_mm, frame.orientation, frame.b_value


def _without_doubles(series: list[tuple[str, DicomSeries]]) -> list[DicomSeries]:
    """One of each two series that are the same images as classic and as enhanced files."""
    kept: dict[str, DicomSeries] = {}
    others: list[DicomSeries] = []
    # Classic ones come first, and are the ones kept: each of their files is one proven slice.
    for uid, one in series:
        if uid not in kept:
            kept[uid] = one
        elif _places(kept[uid]) == _places(one):
            note = "the same images are there as one file each and as one file of all; the former are used"
            kept[uid] = replace(kept[uid], notes=(*kept[uid].notes, note))
        else:
            others.append(one)
    return [*kept.values(), *others]


def _places(series: DicomSeries) -> Counter[tuple[object, ...]]:
    return Counter(
        (frame.b_value, *(round(c, 2) for c in frame.position_mm or ())) for frame in series.frames
    )


def _taken_apart(series: DicomSeries) -> list[DicomSeries]:
    """Part what was acquired from what the scanner stored with it: phases, maps, means of directions."""
    if series.role != "DWI":
        return [series]
    directional = {frame.b_value for frame in series.frames if frame.weighting == "directional"}
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in series.frames:
        is_mean = frame.weighting == "isotropic" and bool(frame.b_value) and frame.b_value in directional
        groups["mean" if frame.content == "signal" and is_mean else frame.content].append(frame)
    if len(groups) == 1:
        (only,) = groups
        return [series if only == "signal" else replace(series, role="scanner map")]
    acquired = groups.pop("signal", [])
    notes = tuple(_STORED_BESIDE[content] for content in groups)
    kept = [replace(series, frames=tuple(acquired), notes=(*series.notes, *notes))] if acquired else []
    return kept + [
        replace(series, number=f"{series.number}{content}", role="scanner map", frames=tuple(frames))
        for content, frames in groups.items()
    ]


def _numbered(series: list[DicomSeries]) -> list[DicomSeries]:
    """The series by number, with letters where a number occurs more than once."""
    groups: dict[str, list[DicomSeries]] = defaultdict(list)
    for one in sorted(
        series, key=lambda one: (int(one.number.rstrip(_LETTERS)), one.number, one.description)
    ):
        groups[one.number].append(one)
    return [
        one if len(group) == 1 else replace(one, number=f"{one.number}{_letters(index)}")
        for group in groups.values()
        for index, one in enumerate(group)
    ]


def _letters(index: int) -> str:
    """a, b, ..., z, ba, bb, ..."""
    letters = chr(ord("a") + index % 26)
    return letters if index < 26 else _letters(index // 26) + letters
