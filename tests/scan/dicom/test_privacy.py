"""Nothing of the patient leaves the reader: not in what it returns, writes, says or logs."""

from __future__ import annotations

import logging
import pickle
import shutil
import tempfile
from pathlib import Path

import pydicom
import pytest

from napari_dwi.errors import DwiError
from napari_dwi.scan.dicom import list_series, load_dwi
from napari_dwi.scan.dicom.convert import convert
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import geometry_of

from .builder import SECRETS, write_series
from .dialects import DIALECTS, Dialect, mosaic, silent

FRAME_OF_REFERENCE = "1.2.840.471147114711471147114711"


def assert_private(said: str | bytes, *more: str) -> None:
    text = said.decode("latin-1") if isinstance(said, bytes) else said
    assert not [secret for secret in (*SECRETS, *more) if secret in text]


@pytest.mark.parametrize("dialect", [*DIALECTS.values(), silent], ids=[*DIALECTS, "silent"])
def test_series_listings_errors_and_logs_are_free_of_the_patient(
    tmp_path: Path,
    dialect: Dialect,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    made = write_series(tmp_path / "in", dialect=dialect)
    uids = [FRAME_OF_REFERENCE]
    for file in made.files:
        image = pydicom.dcmread(file)
        image.FrameOfReferenceUID = FRAME_OF_REFERENCE
        image.save_as(file)
        uids += [str(image[keyword].value) for keyword in ("StudyInstanceUID", "SOPInstanceUID")]
    try:
        loaded = load_dwi(tmp_path / "in")
        said = repr((loaded.name, loaded.source, loaded.notes)).encode() + pickle.dumps(loaded)
    except DwiError as error:
        said = str(error).encode()
    assert_private(said, *uids)
    assert_private(repr(list_series(tmp_path / "in")), *uids)
    assert_private(repr(read_folder(tmp_path / "in")), *uids)
    assert_private(caplog.text + "".join(capfd.readouterr()), *uids)


def test_values_that_bend_the_standard_are_not_quoted_in_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for file in write_series(tmp_path).files:
        # No number, and the first thing pydicom would quote.
        file.write_bytes(file.read_bytes().replace(b"3000", b"Very").replace(b"120000", b"secret"))
    list_series(tmp_path)
    load_dwi(tmp_path)
    assert caplog.text == ""
    logging.getLogger("pydicom").warning("said outside of the reader")
    assert "said outside" in caplog.text


def test_every_error_of_a_damaged_series_is_free_of_the_patient(tmp_path: Path) -> None:
    made = write_series(tmp_path / "whole", dialect=mosaic, shape=(32, 24, 1))
    content = made.files[0].read_bytes()
    for kept in range(200, len(content), 97):
        folder = tmp_path / str(kept)
        shutil.copytree(tmp_path / "whole", folder)
        (folder / made.files[0].name).write_bytes(content[:kept])
        with pytest.raises(DwiError) as error:
            load_dwi(folder)
        assert_private(str(error.value))


def test_nothing_of_the_patient_is_in_what_the_converter_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path / "in", description="dwi")
    (series,) = read_folder(tmp_path / "in")
    kept = tmp_path / "kept"
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def keep(folder: Path, **_: object) -> None:
        Path(folder).rename(kept)

    monkeypatch.setattr("napari_dwi.scan.dicom.convert.shutil.rmtree", keep)
    convert(series, geometry_of(series))
    written = [file for file in (kept / "out").rglob("*") if file.is_file()]
    assert {file.suffix for file in written} >= {".nii", ".json"}
    for file in written:
        assert_private(file.name)
        assert_private(file.read_bytes())


def test_the_frame_of_reference_is_kept_as_a_digest_only(tmp_path: Path) -> None:
    sources = []
    for index, uid in enumerate(("1.2.3.4711", "1.2.3.4711", "1.2.3.5")):
        folder = tmp_path / str(index)
        for file in write_series(folder).files:
            image = pydicom.dcmread(file)
            image.FrameOfReferenceUID = uid
            image.save_as(file)
        source = load_dwi(folder).source
        assert source is not None
        sources.append(source.frame_of_reference)
    assert sources[0] == sources[1] != sources[2]
    assert all(len(digest) == 16 for digest in sources)
    assert load_dwi_without_frame(tmp_path / "none") == ""


def load_dwi_without_frame(folder: Path) -> str:
    write_series(folder)
    source = load_dwi(folder).source
    assert source is not None
    return source.frame_of_reference
