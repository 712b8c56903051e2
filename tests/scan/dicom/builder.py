"""DICOM series written for the tests: small, with every slice distinct, in the dialect of a vendor."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    MRImageStorage,
    generate_uid,
)

# A string of the patient that must never come back out of the reader.
PATIENT_NAME = "Verysecret^Person"
PATIENT_ID = "ID-4711-SECRET"

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def _oblique() -> tuple[float, ...]:
    tilt, turn = np.deg2rad(20), np.deg2rad(8)
    row = (np.cos(turn), np.sin(turn), 0.0)
    column = (-np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), -np.sin(tilt))
    return tuple(float(c) for c in (*row, *column))


OBLIQUE = _oblique()

Dialect = Callable[[Dataset, float], None]


def standard(header: Dataset, b_value: float) -> None:
    """The public tag, as in enhanced files and by most vendors' newer software."""
    header.Manufacturer = "Test"
    header.DiffusionDirectionality = "ISOTROPIC" if b_value > 0 else "NONE"
    header.DiffusionBValue = float(b_value)


def siemens(header: Dataset, b_value: float) -> None:
    """Private tag whose VR was lost on the way, as in PROSTATEx."""
    header.Manufacturer = "SIEMENS"
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    text = f"{b_value:.0f}".encode()
    block.add_new(0x0C, "UN", text + b" " * (len(text) % 2))


def siemens_csa(header: Dataset, b_value: float) -> None:
    """Only the CSA header says b."""
    header.Manufacturer = "SIEMENS"
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header({"B_value": f"{b_value:.0f}"}))


def ge(header: Dataset, b_value: float) -> None:
    """Private tag with 1e9 added, as for multi-b trace series."""
    header.Manufacturer = "GE MEDICAL SYSTEMS"
    block = header.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [int(1_000_000_000 + b_value), 8, 0, 0])
    block.add_new(0x30, "SS", 14 if b_value == 0 else 19)


def philips(header: Dataset, b_value: float) -> None:
    """Private float."""
    header.Manufacturer = "Philips Medical Systems"
    block = header.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", float(b_value))


def uih(header: Dataset, b_value: float) -> None:
    """Private double, with the b-value that was really applied."""
    header.Manufacturer = "UIH"
    block = header.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "FD", float(b_value))


def canon(header: Dataset, b_value: float) -> None:
    """The public tag, left out where there is no weighting."""
    header.Manufacturer = "CANON_MEC"
    if b_value > 0:
        header.DiffusionBValue = float(b_value)


def silent(header: Dataset, b_value: float) -> None:  # noqa: ARG001
    """Nothing anywhere, as by Bruker."""
    header.Manufacturer = "Bruker BioSpin MRI GmbH"


def mosaic(header: Dataset, b_value: float) -> None:
    """Siemens mosaic: the images are the four slices of a volume, side by side."""
    siemens(header, b_value)
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    header.private_block(0x0019, "SIEMENS MR HEADER").add_new(0x0A, "US", 4)
    block = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    entries = {"NumberOfImagesInMosaic": "4", "SliceNormalVector": "0 0 1", "MosaicRefAcqTimes": "0 1 2 3"}
    block.add_new(0x10, "OB", csa_header(entries))


DIALECTS: dict[str, Dialect] = {
    "standard": standard,
    "siemens": siemens,
    "siemens_csa": siemens_csa,
    "ge": ge,
    "philips": philips,
    "uih": uih,
    "canon": canon,
}


def csa_header(entries: dict[str, str]) -> bytes:
    """A Siemens CSA2 header of text items; several values of one item are separated by blanks."""
    check = (77).to_bytes(4, "little")
    out = b"SV10\x04\x03\x02\x01" + len(entries).to_bytes(4, "little") + check
    for name, text in entries.items():
        values = [value.encode() + b"\0" for value in text.split()]
        count = len(values).to_bytes(4, "little")
        out += name.encode().ljust(64, b"\0") + count + b"FD\0\0" + (6).to_bytes(4, "little") + count + check
        for value in values:
            out += len(value).to_bytes(4, "little") * 4 + value + b"\0" * (-len(value) % 4)
    return out


@dataclass(frozen=True)
class Made:
    """What a series should come out as.

    ``signal`` has the axes (x, y, z, n) of the DICOM files: x along rows, y down the columns, z
    along the slice normal. ``affine`` maps those indices to RAS+ mm.
    """

    files: tuple[Path, ...]
    signal: NDArray[np.uint16]
    affine: NDArray[np.float64]
    b_values: tuple[float, ...]

    def file(self, slice_index: int, volume: int) -> Path:
        """The file of one slice of one volume (classic series only)."""
        return self.files[volume * self.signal.shape[2] + slice_index]


def write_series(
    folder: Path,
    *,
    dialect: Dialect = siemens,
    b_values: Sequence[float] = (0, 100, 400, 800),
    shape: tuple[int, int, int] = (16, 12, 4),
    spacing_mm: tuple[float, float, float] = (2.0, 1.5, 5.0),
    orientation: Sequence[float] = AXIAL,
    position_mm: Sequence[float] = (-20.0, -15.0, 30.0),
    number: int = 8,
    description: str = "ep2d_diff_tra",
    image_type: Sequence[str] = ("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND"),
    scanning_sequence: str = "EP",
    acquisition_type: str = "2D",
    reverse_instances: bool = False,
    enhanced: bool = False,
    slice_offsets_mm: Sequence[float] | None = None,
    signal: NDArray[np.uint16] | None = None,
    prefix: str = "IM",
    study: str = "1",
) -> Made:
    """Write a series; one file per slice, or one enhanced file with every frame.

    Parameters
    ----------
    shape : (int, int, int)
        Columns, rows, slices.
    spacing_mm : (float, float, float)
        Voxel size along x (a row), y (a column) and z (between slices).
    orientation, position_mm : sequence of float
        ImageOrientationPatient, and ImagePositionPatient of the first slice (LPS).
    slice_offsets_mm : sequence of float, optional
        Where the slices lie along the normal, instead of equal distances.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if signal is None:
        signal = pattern((*shape, len(b_values)), b_values)
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    offsets = np.arange(shape[2]) * spacing_mm[2] if slice_offsets_mm is None else slice_offsets_mm
    positions = [np.array(position_mm) + offset * normal for offset in offsets]
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row * spacing_mm[0], column * spacing_mm[1]
    affine[:3, 2], affine[:3, 3] = normal * spacing_mm[2], positions[0]
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine

    common = _common(study, number, description, image_type, scanning_sequence, acquisition_type)
    common.Columns, common.Rows = shape[0], shape[1]
    frames = [(volume, index) for volume in range(len(b_values)) for index in range(shape[2])]
    if enhanced:
        path = folder / f"{prefix}_{number}_enhanced.dcm"
        _write_enhanced(path, common, frames, signal, b_values, positions, orientation, spacing_mm)
        return Made((path,), signal, affine, tuple(float(b) for b in b_values))
    files = []
    for count, (volume, index) in enumerate(frames):
        header = _copy(common)
        header.InstanceNumber = len(frames) - count if reverse_instances else count + 1
        header.AcquisitionNumber = volume + 1
        header.ImagePositionPatient = [f"{c:.10g}" for c in positions[index]]
        header.ImageOrientationPatient = [f"{c:.10g}" for c in orientation]
        header.PixelSpacing = [spacing_mm[1], spacing_mm[0]]
        header.SliceThickness = spacing_mm[2]
        dialect(header, b_values[volume])
        header.PixelData = signal[:, :, index, volume].T.tobytes()
        path = folder / f"{prefix}_{number}_{count + 1:04d}.dcm"
        _save(header, path)
        files.append(path)
    return Made(tuple(files), signal, affine, tuple(float(b) for b in b_values))


def write_directory(path: Path) -> None:
    """A DICOMDIR whose only record points out of its folder (CVE-2026-32711)."""
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    with warnings.catch_warnings():
        # pydicom rightly says that this is no file name of a DICOMDIR.
        warnings.simplefilter("ignore")
        record.ReferencedFileID = ["..", "..", "secret"]
    directory = Dataset()
    directory.SOPClassUID = MediaStorageDirectoryStorage
    directory.DirectoryRecordSequence = DicomSequence([record])
    _save(directory, path)


def pattern(shape: tuple[int, int, int, int], b_values: Sequence[float]) -> NDArray[np.uint16]:
    """Noise that decays with b, no slice like another, with a bright first voxel (0, 0, 0)."""
    rng = np.random.default_rng(7)
    decay = np.exp(-1e-3 * np.asarray(b_values, dtype=float))
    signal = rng.uniform(200, 1000, shape[:3])[..., None] * decay + rng.uniform(0, 20, shape)
    signal[0, 0, 0] = 3000
    return signal.astype(np.uint16)


def _common(
    study: str, number: int, description: str, image_type: Sequence[str], scanning: str, acquisition: str
) -> Dataset:
    header = Dataset()
    header.SOPClassUID = MRImageStorage
    header.Modality = "MR"
    header.PatientName, header.PatientID = PATIENT_NAME, PATIENT_ID
    header.StudyInstanceUID = generate_uid(entropy_srcs=["study", study])
    header.SeriesInstanceUID = generate_uid(entropy_srcs=["series", study, str(number), description])
    header.StudyID = study
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = "20200101"
    header.StudyTime = header.SeriesTime = header.AcquisitionTime = header.ContentTime = "120000"
    header.SeriesNumber, header.SeriesDescription = number, description
    header.ProtocolName = description
    header.ImageType = list(image_type)
    header.ScanningSequence, header.MRAcquisitionType = scanning, acquisition
    header.RepetitionTime, header.EchoTime, header.FlipAngle = 3000, 60, 90
    header.MagneticFieldStrength = 3
    header.PatientPosition = "HFS"
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    return header


def _write_enhanced(
    path: Path,
    common: Dataset,
    frames: list[tuple[int, int]],
    signal: NDArray[np.uint16],
    b_values: Sequence[float],
    positions: list[NDArray[np.float64]],
    orientation: Sequence[float],
    spacing_mm: tuple[float, float, float],
) -> None:
    header = _copy(common)
    header.SOPClassUID = EnhancedMRImageStorage
    header.Manufacturer = "Test"
    header.InstanceNumber, header.NumberOfFrames = 1, len(frames)
    shared = Dataset()
    shared.PixelMeasuresSequence = _one(
        PixelSpacing=[spacing_mm[1], spacing_mm[0]], SliceThickness=spacing_mm[2]
    )
    shared.PlaneOrientationSequence = _one(ImageOrientationPatient=[f"{c:.10g}" for c in orientation])
    header.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for volume, index in frames:
        group = Dataset()
        group.PlanePositionSequence = _one(ImagePositionPatient=[f"{c:.10g}" for c in positions[index]])
        group.FrameContentSequence = _one(
            StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[1, index + 1, volume + 1]
        )
        diffusion = Dataset()
        # A frame without weighting says so, and leaves the value out.
        diffusion.DiffusionDirectionality = "ISOTROPIC" if b_values[volume] > 0 else "NONE"
        if b_values[volume] > 0:
            diffusion.DiffusionBValue = float(b_values[volume])
        group.MRDiffusionSequence = DicomSequence([diffusion])
        groups.append(group)
    header.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    header.PixelData = b"".join(signal[:, :, index, volume].T.tobytes() for volume, index in frames)
    _save(header, path)


def _one(**elements: Any) -> DicomSequence:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return DicomSequence([item])


def _copy(header: Dataset) -> Dataset:
    copy = Dataset()
    copy.update(header)
    return copy


def _save(header: Dataset, path: Path) -> None:
    header.SOPInstanceUID = generate_uid()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(path, enforce_file_format=True)
