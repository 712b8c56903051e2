from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest

from napari_dwi.scan import open_series
from napari_dwi.scan.changes import change_since_read

from .builder import write_series


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two series of one b-value each."""
    for number, b_value in ((8, 0), (9, 800)):
        write_series(tmp_path / "in", b_values=(b_value,), number=number, prefix=f"S{number}")
    return tmp_path / "in"


def test_a_series_that_is_still_there_has_not_changed(folder: Path) -> None:
    source = open_series(f"{folder}#8+9").source
    assert source is not None
    assert change_since_read(source) is None


@pytest.mark.parametrize("prefix", ["S8", "S9"])
def test_another_image_in_its_place_is_noticed(folder: Path, prefix: str) -> None:
    source = open_series(f"{folder}#8+9").source
    file = next(file for file in sorted(folder.rglob("*")) if file.name.startswith(prefix))
    image = pydicom.dcmread(file)
    image.PixelData = bytes(len(image.PixelData))
    image.save_as(file)
    assert source is not None
    assert "is no longer what was read" in str(change_since_read(source))


def test_a_missing_series_and_a_missing_folder_are_said(folder: Path) -> None:
    source = open_series(f"{folder}#8+9").source
    assert source is not None
    for file in folder.rglob("S9*"):
        file.unlink()
    assert "can no longer be read" in str(change_since_read(source))
    shutil.rmtree(folder)
    assert "no longer where it was read" in str(change_since_read(source))


def test_an_archive_is_looked_into(folder: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), "zip", folder))
    source = open_series(f"{archive}#8+9").source
    assert source is not None
    assert change_since_read(source) is None
    for file in folder.rglob("S9*"):
        file.unlink()
    shutil.make_archive(str(tmp_path / "scans"), "zip", folder)
    assert "can no longer be read" in str(change_since_read(source))
