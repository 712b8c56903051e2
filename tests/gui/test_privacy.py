"""Nothing of the patient leaves the files it came in, whatever is done in the window."""

from __future__ import annotations

import gzip
import logging
import tempfile

import nibabel as nib
import numpy as np
import pydicom
import pytest
from napari.utils.notifications import notification_manager

from napari_dwi.gui.room import ReadingRoom
from napari_dwi.gui.session_files import save_session
from napari_dwi.methods.recovery import recovery_folder
from napari_dwi.scan import open_series, open_volume, resample_to

from ..scan.dicom.builder import write_series
from .conftest import open_dock

SECRETS = (b"PATIENT", b"NAME^", b"ID471101", b"19470211", b"Dr.House", b"1.2.840.99.4711")


@pytest.fixture
def dicom_folder(tmp_path):
    """A DICOM series whose headers name the patient, and anatomy whose header does."""
    folder = tmp_path / "dicom"
    for file in write_series(folder).files:
        header = pydicom.dcmread(file)
        header.PatientName, header.PatientID = "PATIENT^NAME^", "ID471101"
        header.PatientBirthDate, header.ReferringPhysicianName = "19470211", "Dr.House"
        header.StudyInstanceUID = header.FrameOfReferenceUID = "1.2.840.99.4711"
        header.save_as(file)
    return folder


def anatomy_beside(series, folder):
    image = nib.Nifti1Image(np.ones(series.grid.shape, np.float32), series.grid.affine)
    image.header["descrip"] = b"PATIENT^NAME 19470211 ID471101"
    image.header["aux_file"] = b"PATIENT^NAME"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"PATIENT^NAME"))
    folder.mkdir()
    nib.save(image, folder / "T2.nii.gz")
    return folder / "T2.nii.gz"


def found_in(content):
    return [secret for secret in SECRETS if secret in content]


def test_no_file_log_message_or_title_names_the_patient(
    viewer, dicom_folder, tmp_path, idle, qtbot, errors, caplog, capfd, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    series = open_series(dicom_folder)
    anatomy = open_volume(anatomy_beside(series, tmp_path / "anatomy"))
    assert found_in(gzip.decompress((tmp_path / "anatomy" / "T2.nii.gz").read_bytes()))
    room = ReadingRoom.of(viewer)
    room.show_scan(series, (resample_to(anatomy, series.grid),))
    dock = open_dock(viewer, "Denoise")
    dock.pick("gaussian")
    dock.run_button.click()
    idle(room)
    room.regions.fill((np.array([1]), np.array([2]), np.array([3])), room.regions.add("lesion").code)
    qtbot.waitUntil(lambda: bool(list(recovery_folder().glob("*/regions-*/*.json"))))
    regions = open_dock(viewer, "Regions")
    dock.save(tmp_path / "out")
    save_session(room, tmp_path / "session")
    regions.save(tmp_path / "out" / "regions.nii.gz")
    regions.export(tmp_path / "out" / "stats.tsv")
    idle(room)
    assert not errors()

    written = [
        file
        for folder in (tmp_path / "out", tmp_path / "session", recovery_folder())
        for file in folder.rglob("*")
        if file.is_file()
    ]
    assert {file.suffix for file in written} >= {".gz", ".nii", ".json", ".bval", ".tsv"}
    for file in written:
        content = file.read_bytes()
        assert not found_in(gzip.decompress(content) if file.suffix == ".gz" else content), file
        assert not found_in(str(file).encode())
    said = [record.message for record in notification_manager.records]
    said += [caplog.text, *capfd.readouterr(), dock.report.text(), str(viewer.status)]
    said += [viewer.title, viewer.window._qt_window.windowTitle()]
    said += [f"{layer.name} {layer.metadata}" for layer in viewer.layers]
    assert not found_in("\n".join(said).encode())
    assert list((tmp_path / "temporary").iterdir()) == []
