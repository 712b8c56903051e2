"""One series of a DICOM folder, as its headers describe it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_dwi.scan.info import Role

Weighting = Literal["directional", "isotropic", ""]
Content = Literal["signal", "phase", "map"]


@dataclass(frozen=True)
class Frame:
    """One stored image: a slice, or a mosaic of all slices of a volume.

    Parameters
    ----------
    file : Path
        Where it is stored.
    index : int
        Which frame of the file.
    n_in_file : int
        How many frames the file holds.
    position_mm : (float, float, float) or None
        Centre of the first pixel, in DICOM's patient system (x to the left, y posterior, z
        superior); ``None`` where the header does not say.
    orientation : tuple of six floats or None
        Directions of a row and of a column in the same system.
    b_value : float or None
        s/mm2; ``None`` where the header does not say.
    rows, columns : int
        Size in pixels.
    spacing_mm : (float, float)
        Distance between neighbouring rows and between neighbouring columns, as in PixelSpacing.
    thickness_mm : float
        Slice distance for series of one slice.
    slices : int
        1, or the number of slices laid side by side in a mosaic.
    tiles_mm : tuple of positions
        ``position_mm`` of every slice of a mosaic, where the header says.
    weighting : str
        ``"directional"``, ``"isotropic"`` (trace), or ``""`` where the header does not say.
    content : str
        ``"signal"`` (magnitude), ``"phase"`` (also real and imaginary parts) or ``"map"`` (ADC, FA).
    direction : tuple of floats
        Gradient direction, only to tell volumes apart; empty where the public tags do not say.
    scaling : (float, float, float or None)
        Rescale slope and intercept, and Philips' own scale slope: what turns stored values into signal.
    """

    file: Path
    index: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    b_value: float | None
    rows: int
    columns: int
    spacing_mm: tuple[float, float]
    thickness_mm: float
    slices: int = 1
    n_in_file: int = 1
    tiles_mm: tuple[tuple[float, float, float], ...] = ()
    weighting: Weighting = ""
    content: Content = "signal"
    direction: tuple[float, ...] = ()
    scaling: tuple[float, float, float | None] = (1.0, 0.0, None)


@dataclass(frozen=True)
class DicomSeries:
    """The frames of one series and what they have in common; nothing about the patient.

    Parameters
    ----------
    folder : Path
        The folder the series was found in.
    number : str
        The series number, with a letter where two series of the folder share it (``"8b"``).
    description, image_type
        As in the header; ``image_type`` joined with backslashes.
    role : str
        What the series is taken for.
    frames : tuple of Frame
        In the order of acquisition.
    turned_to_ras : bool
        Whether the converter turns the volume to the nearest R, A, S axes.
    damaged : tuple of Path
        Files that belong to it, or may do so, and are cut short.
    notes : tuple of str
        What the user should know.
    study, frame_of_reference : str
        Digests that tell whether two series belong to one examination and to one coordinate system.
    """

    folder: Path
    number: str
    description: str
    image_type: str
    role: Role
    frames: tuple[Frame, ...]
    turned_to_ras: bool = False
    damaged: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    study: str = ""
    frame_of_reference: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the series, each once, in the order of acquisition."""
        return tuple(dict.fromkeys(frame.file for frame in self.frames))

    @property
    def selector(self) -> Path:
        """How the user names this series: ``folder#8``."""
        return Path(f"{self.folder}#{self.number}")

    @property
    def is_mosaic(self) -> bool:
        """Whether a frame holds all slices of a volume side by side."""
        return any(frame.slices > 1 for frame in self.frames)
