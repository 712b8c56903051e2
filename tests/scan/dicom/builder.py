"""DICOM series written for the tests: small, with every slice distinct, in the dialect of a vendor."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
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

from .dialects import Dialect, Direction, siemens, standard

# What of the patient must never come back out of the reader: no part of it can be met by chance in
# a checksum, an identifier or the bytes of an image.
PATIENT_NAME = "Verysecret^Person"
PATIENT_ID = "ID-4711-SECRET"
SECRETS = ("Verysecret", PATIENT_ID, "4711-SECRET")

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def _oblique() -> tuple[float, ...]:
    tilt, turn = np.deg2rad(20), np.deg2rad(8)
    row = (np.cos(turn), np.sin(turn), 0.0)
    column = (-np.sin(turn) * np.cos(tilt), np.cos(turn) * np.cos(tilt), -np.sin(tilt))
    return tuple(float(c) for c in (*row, *column))


OBLIQUE = _oblique()


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
    directions: Sequence[Direction] | None = None,
    scaling: Sequence[tuple[float, float, float]] | None = None,
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
    directions : sequence of directions, optional
        Gradient direction of every volume in the patient system; ``None`` for trace images.
    scaling : sequence of (slope, intercept, scale slope), optional
        RS, RI and SS of every volume, as Philips writes them.
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
    along: Sequence[Direction] = [None] * len(b_values) if directions is None else directions
    frames = [(volume, index) for volume in range(len(b_values)) for index in range(shape[2])]
    if enhanced:
        path = folder / f"{prefix}_{number}_enhanced.dcm"
        says = standard if dialect is siemens else dialect
        weighted = [_weighted(says, b, direction) for b, direction in zip(b_values, along, strict=True)]
        _write_enhanced(path, common, frames, signal, weighted, positions, orientation, spacing_mm)
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
        dialect(header, b_values[volume], along[volume])
        if scaling is not None:
            header.RescaleSlope, header.RescaleIntercept, scale = scaling[volume]
            block = header.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
            block.add_new(0x0E, "FL", scale)
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
    weighted: Sequence[Dataset],
    positions: list[NDArray[np.float64]],
    orientation: Sequence[float],
    spacing_mm: tuple[float, float, float],
) -> None:
    header = _copy(common)
    header.SOPClassUID = EnhancedMRImageStorage
    header.Manufacturer = weighted[0].Manufacturer
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
        for element in weighted[volume]:
            if element.keyword != "Manufacturer":
                diffusion.add(element)
        if len(diffusion):
            group.MRDiffusionSequence = DicomSequence([diffusion])
        groups.append(group)
    header.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    header.PixelData = b"".join(signal[:, :, index, volume].T.tobytes() for volume, index in frames)
    _save(header, path)


def _weighted(dialect: Dialect, b_value: float, direction: Direction) -> Dataset:
    says = Dataset()
    dialect(says, b_value, direction)
    if says.get("DiffusionDirectionality") == "NONE" and "DiffusionBValue" in says:
        # A frame without weighting says so, and leaves the value out.
        del says.DiffusionBValue
    return says


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
