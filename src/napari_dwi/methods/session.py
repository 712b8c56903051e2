"""What a session is: the scan, its results and regions, the settings, and how all were shown."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import napari_dwi
from napari_dwi.errors import BadInputError
from napari_dwi.methods.display import Display
from napari_dwi.methods.strict_json import from_json, to_json
from napari_dwi.scan.images import Volumes
from napari_dwi.scan.json_files import read_json
from napari_dwi.scan.view import Convention

SESSION_FILE = "session.json"

_FORMAT = "napari-dwi session"
_VERSION = 1

ImageKind = Literal["series", "anatomy", "map", "mask", "labels", "residual"]


@dataclass(frozen=True)
class InputEntry:
    """An image of the scan, in its own file or as a copy within the session.

    Parameters
    ----------
    path : str
        Relative to the session where both are on one disk; ``folder#8`` is series 8 of a folder.
    elsewhere : str
        Where the file was, in full; empty for a copy within the session.
    sha256 : str
        Digest of what was read; see `napari_dwi.scan.images.Source`.
    name : str
        Name of the image.
    allowed : tuple of str
        What the user allowed for it (see `napari_dwi.scan.allowances`).
    alignment : tuple of tuple of float, optional
        How a registration moved it: rows of a 4x4 affine in RAS+ mm.
    """

    path: str
    elsewhere: str
    sha256: str
    name: str
    allowed: tuple[str, ...] = ()
    alignment: tuple[tuple[float, ...], ...] | None = None


@dataclass(frozen=True)
class BValueEntry:
    """b-values (s/mm2) of the series as it was used, whatever its files say.

    A component of a direction that is not known is ``None``.
    """

    values: tuple[float, ...]
    directions: tuple[tuple[float | None, ...], ...] | None = None
    origin: str = "given"


@dataclass(frozen=True)
class ScanEntry:
    """The scan on show.

    Parameters
    ----------
    series : InputEntry
        The series as acquired.
    b_values : BValueEntry
        Its b-values.
    anatomy : tuple of InputEntry
        Its anatomy.
    volumes : str
        What of the series is on show (see `napari_dwi.scan.averaging.take_volumes`).
    """

    series: InputEntry
    b_values: BValueEntry
    anatomy: tuple[InputEntry, ...] = ()
    volumes: Volumes = "keep"


@dataclass(frozen=True)
class ImageEntry:
    """One image of a result; the sidecar beside it says how it was made."""

    path: str
    kind: ImageKind
    name: str
    unit: str = ""
    display: Display | None = None
    aside: bool = False


@dataclass(frozen=True)
class ResultEntry:
    """A result by its images, and the title and stem it goes by."""

    title: str
    stem: str
    images: tuple[ImageEntry, ...]


@dataclass(frozen=True)
class LayerEntry:
    """How a layer was shown; contrast limits in the units of the image."""

    name: str
    visible: bool
    contrast_limits: tuple[float, ...] = ()


@dataclass(frozen=True)
class DisplayEntry:
    """What was on the screen.

    ``position`` and ``order`` count the axes as napari does: b-value, then z, y, x.
    """

    side_by_side: bool = False
    convention: Convention = "radiological"
    position: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    layers: tuple[LayerEntry, ...] = ()


@dataclass(frozen=True)
class Session:
    """Everything there is to a session.

    Parameters
    ----------
    scan : ScanEntry or None
        The scan.
    results : tuple of ResultEntry
        Its results, in the order they came.
    regions : str or None
        The label image of the regions.
    settings : dict
        Parameters by dock.
    display : DisplayEntry
        How all was shown.
    saved_utc : str
        When, ISO 8601.
    """

    scan: ScanEntry | None = None
    results: tuple[ResultEntry, ...] = ()
    regions: str | None = None
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    display: DisplayEntry = field(default_factory=DisplayEntry)
    saved_utc: str = ""


def session_values(session: Session) -> dict[str, Any]:
    """What the file of a session says, with the time of writing."""
    stamped = dataclasses.replace(session, saved_utc=datetime.now(UTC).isoformat(timespec="milliseconds"))
    head = {"format": _FORMAT, "version": _VERSION, "written_by": f"napari-dwi {napari_dwi.__version__}"}
    return head | to_json(stamped)


def read_session(folder: Path) -> Session:
    """Read what a session folder says of itself; no image is opened.

    Parameters
    ----------
    folder : Path
        The folder, or the file ``session.json`` in it.

    Raises
    ------
    BadInputError
        If there is no session, or it was written by a newer version, or anything in it is not as
        expected.
    """
    file = folder if folder.name == SESSION_FILE else folder / SESSION_FILE
    said = read_json(file)
    version = said.pop("version", None)
    if said.pop("format", None) != _FORMAT or not isinstance(version, int) or isinstance(version, bool):
        raise BadInputError("this is not a session of napari-dwi", file=file)
    said.pop("written_by", None)
    if version > _VERSION:
        raise BadInputError(
            "this session was saved by a newer version of napari-dwi",
            file=file,
            expected=f"format version {_VERSION}",
            found=version,
            remedy="Update napari-dwi.",
        )
    return from_json(Session, said, file)
