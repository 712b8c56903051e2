"""A session on the disk: one JSON file and the NIfTI files it names, in one folder.

Every part is written whole into a folder of its own before the JSON file names it, and that file is
replaced in one step: whenever the process dies, the folder holds the session as it was last written.
"""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_dwi.methods.method import OutputImage
from napari_dwi.methods.provenance import relative_path
from napari_dwi.methods.running import Result, add_result
from napari_dwi.methods.session import (
    SESSION_FILE,
    BValueEntry,
    ImageEntry,
    InputEntry,
    ResultEntry,
    ScanEntry,
    Session,
    session_values,
)
from napari_dwi.scan import BValues, DwiSeries, Volume
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.images import Volumes
from napari_dwi.scan.nifti import sha256_of
from napari_dwi.scan.regions import Regions, add_regions
from napari_dwi.scan.writing import add_image, sidecar_text

_PART = re.compile(r"(scan|result|regions)-[0-9a-f]{8}")


class SessionFolder:
    """Writes the parts of a session into a folder.

    Parameters
    ----------
    folder : Path
        Where; made with the first part.
    suffix : str
        ``".nii.gz"``, or ``".nii"`` where time matters more than space.
    """

    def __init__(self, folder: Path, suffix: str = ".nii.gz") -> None:
        self.folder = folder
        self._suffix = suffix

    def add_scan(
        self, series: DwiSeries, anatomy: tuple[Volume, ...] = (), volumes: Volumes = "keep"
    ) -> ScanEntry:
        """Name the files of a scan; images that lie in no file are copied.

        Parameters
        ----------
        series : DwiSeries
            The series as acquired.
        anatomy : tuple of Volume
            Its anatomy.
        volumes : str
            What of the series is on show.

        Raises
        ------
        CannotWriteError
            If a copy cannot be written.
        """
        directions = series.b_values.directions
        return ScanEntry(
            self._input(series),
            BValueEntry(
                tuple(series.b_values.values.tolist()),
                None if directions is None else tuple(map(_known, directions.tolist())),
                series.b_values.origin,
            ),
            tuple(self._input(volume) for volume in anatomy),
            volumes,
        )

    def add_result(self, result: Result, title: str) -> ResultEntry:
        """Write the images of a result with their sidecars.

        Raises
        ------
        CannotWriteError
            If they cannot be written; nothing is left behind then.
        """
        part = self._new_part("result")
        with file_set(part) as files:
            paths = add_result(files, result, part, suffix=self._suffix)
        images = tuple(
            _image_entry(output, relative_path(path, self.folder))
            for path, output in zip(paths, result.output.images, strict=True)
        )
        return ResultEntry(title, result.stem, images)

    def add_regions(self, regions: Regions) -> str:
        """Write a label image with the names of its regions; its path within the session.

        Raises
        ------
        CannotWriteError
            If they cannot be written; nothing is left behind then.
        """
        part = self._new_part("regions")
        path = part / f"regions_dseg{self._suffix}"
        with file_set(part) as files:
            add_regions(files, regions, path)
        return relative_path(path, self.folder)

    def write(self, session: Session) -> None:
        """Let the session be this from now on, and remove the parts it no longer names.

        Raises
        ------
        CannotWriteError
            If that cannot be written; the session is as before then.
        """
        with file_set(self.folder) as files:
            files.add_text(self.folder / SESSION_FILE, sidecar_text(session_values(session)))
        named = {part for path in _paths(session) for part in Path(path).parts[:1]}
        for part in self.folder.iterdir():
            if _PART.fullmatch(part.name) and part.name not in named:
                shutil.rmtree(part, ignore_errors=True)

    def moved(self, session: Session, old: Path) -> Session:
        """The same session as seen from this folder: parts stay where they lie, in another one."""

        def here(path: str) -> str:
            return relative_path(old / path, self.folder)

        results = tuple(
            replace(result, images=tuple(replace(image, path=here(image.path)) for image in result.images))
            for result in session.results
        )
        return replace(session, results=results)

    def _input(self, image: DwiSeries | Volume) -> InputEntry:
        source = image.source
        if source is None:
            part = self._new_part("scan")
            path = part / f"{image.name}{self._suffix}"
            with file_set(part) as files:
                add_image(files, image, path)
            return InputEntry(relative_path(path, self.folder), "", sha256_of(path), image.name)
        return InputEntry(
            relative_path(source.path, self.folder),
            str(source.path.parent.resolve() / source.path.name),
            source.sha256,
            image.name,
            tuple(source.allowed),
            source.alignment,
        )

    def _new_part(self, kind: str) -> Path:
        return self.folder / f"{kind}-{uuid.uuid4().hex[:8]}"


def b_values_of(entry: BValueEntry) -> BValues:
    """The b-values of a series as the session has them."""
    directions = entry.directions
    return BValues(
        np.array(entry.values),
        None if directions is None else np.array(directions, dtype=np.float64),
        entry.origin,
    )


def _image_entry(output: OutputImage, path: str) -> ImageEntry:
    image = output.image
    if isinstance(image, DwiSeries):
        return ImageEntry(path, "series", image.name, display=output.display, aside=output.aside)
    return ImageEntry(path, image.kind, image.name, image.unit, output.display, output.aside)


def _paths(session: Session) -> list[str]:
    inputs = () if session.scan is None else (session.scan.series, *session.scan.anatomy)
    paths = [entry.path for entry in inputs]
    paths += [image.path for result in session.results for image in result.images]
    return paths if session.regions is None else [*paths, session.regions]


def _known(direction: list[float]) -> tuple[float | None, ...]:
    return tuple(component if np.isfinite(component) else None for component in direction)
