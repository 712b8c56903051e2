"""Opening a DICOM folder or archive, and choosing among its series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.archives import Unpacked, is_archive_name, unpacked
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import Geometry, geometry_of
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.info import Role

Check = Callable[[], None]


@contextmanager
def opened(path: Path, check: Check | None = None) -> Iterator[list[DicomSeries]]:
    """The series of a folder, or of an archive for as long as it is unpacked.

    Parameters
    ----------
    path : Path
        A DICOM folder, a single file, or a .zip, .tar, .tar.gz or .tgz of a folder.
    check : callable, optional
        Called for every file; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If there is no DICOM image, or the archive cannot be unpacked.
    """
    if not (path.is_file() and is_archive_name(path)):
        yield read_folder(path, check=check)
        return
    with unpacked(path, check=check) as archive:
        try:
            found = read_folder(archive.folder, called=path, check=check)
            yield [
                replace(one, damaged=tuple(_place(path, archive, file) for file in one.damaged))
                for one in found
            ]
        except BadInputError as err:
            if not isinstance(err.file, Path) or err.file not in archive.members:
                raise
            # The user knows the name in the archive, not that of the temporary file.
            raise BadInputError(
                err.what,
                file=_place(path, archive, err.file),
                expected=err.expected,
                found=err.found,
                remedy=err.remedy,
            ) from err


def _place(path: Path, archive: Unpacked, file: Path) -> Path:
    return path / archive.members[file]


def choose(
    found: Sequence[DicomSeries],
    path: Path,
    number: str | int | None,
    roles: tuple[Role, ...],
    what: str,
) -> DicomSeries:
    """The series with a number, or the only one with one of the roles.

    Raises
    ------
    BadInputError
        If there is none, or more than one.
    """
    if number is not None:
        chosen = [series for series in found if series.number == str(number)]
    else:
        chosen = [series for series in found if series.role in roles]
    if len(chosen) == 1:
        return chosen[0]
    listing = ", ".join(f"{series.selector} {series.description} ({series.role})" for series in found)
    raise BadInputError(
        f"more than one {what} in this folder" if chosen else f"no such {what} in this folder",
        file=path,
        expected=f"one {what}" if number is None else f"series {number}",
        found=listing,
        remedy=f"Name one of them, for example {found[0].selector}.",
    )


def checked_geometry(series: DicomSeries) -> Geometry:
    """The geometry of a series all of whose files are whole.

    Raises
    ------
    BadInputError
        If a file is damaged, or the images do not form volumes.
    """
    if series.damaged:
        raise BadInputError(
            "this file is cut short",
            file=series.damaged[0],
            expected="a whole DICOM image",
            found=f"{len(series.damaged)} damaged in series {series.number}",
            remedy="Copy or export the series again.",
        )
    if series.role == "unusable":
        raise BadInputError(
            "these images do not say where they lie in the patient",
            file=series.selector,
            expected="position, orientation and pixel spacing in the header",
        )
    return geometry_of(series)
