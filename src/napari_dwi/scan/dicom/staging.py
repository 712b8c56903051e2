"""The frames of a series in a folder of their own, as the converter is to see them."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.files import UNREADABLE, read_pixels
from napari_dwi.scan.dicom.quiet import quietly
from napari_dwi.scan.dicom.series import Frame


def stage(frames: Sequence[Frame], folder: Path, check: Callable[[], None] | None) -> None:
    """Give every file a plain name in one flat folder.

    Files of which only some frames are wanted are copied without the others.

    Raises
    ------
    BadInputError
        If a file of several frames cannot be taken apart.
    """
    wanted: dict[Path, list[Frame]] = defaultdict(list)
    for frame in frames:
        wanted[frame.file].append(frame)
    for index, (file, parts) in enumerate(wanted.items()):
        if check is not None:
            check()
        target = folder / f"{index:06d}.dcm"
        if len(parts) < parts[0].n_in_file:
            _copy_frames(file, [frame.index for frame in parts], target)
            continue
        try:
            os.symlink(file.resolve(), target)
        except OSError:
            # Windows allows links only to administrators and developers.
            shutil.copyfile(file, target)


def _copy_frames(file: Path, indices: list[int], target: Path) -> None:
    from pydicom.encaps import encapsulate, generate_frames
    from pydicom.sequence import Sequence as DicomSequence

    try:
        with quietly():
            image = read_pixels(file)
            count = int(image.NumberOfFrames)
            if image.file_meta.TransferSyntaxUID.is_encapsulated:
                stored = list(generate_frames(image.PixelData, number_of_frames=count))
                pixels = encapsulate([stored[index] for index in indices])
            else:
                size = len(image.PixelData) // count
                pixels = b"".join(image.PixelData[index * size : (index + 1) * size] for index in indices)
            for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
                if keyword in image:
                    delattr(image, keyword)
            groups = image.PerFrameFunctionalGroupsSequence
            image.PerFrameFunctionalGroupsSequence = DicomSequence([groups[index] for index in indices])
            image.NumberOfFrames = len(indices)
            image["PixelData"].value = pixels
            image.save_as(target)
    except UNREADABLE as err:
        raise BadInputError(
            "the frames of this image cannot be taken apart",
            file=file,
            remedy="Export the series again with one image a file.",
        ) from err
