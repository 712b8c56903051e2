"""Zipped folders are read like folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan.dicom import list_series, load_anatomy, load_dwi

from .assertions import assert_same_scan
from .builder import write_series
from .test_folder import ANATOMY


@pytest.mark.parametrize(("kind", "suffix"), [("zip", ".zip"), ("tar", ".tar"), ("gztar", ".tar.gz")])
def test_a_zipped_folder_is_a_folder(tmp_path: Path, temporary: Path, kind: str, suffix: str) -> None:
    made = write_series(tmp_path / "in")
    write_series(tmp_path / "in" / "deeper", **ANATOMY)
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), kind, tmp_path / "in"))
    assert archive.name == f"scans{suffix}"
    anatomy, dwi = list_series(archive)
    assert (anatomy.path, dwi.path) == (Path(f"{archive}#5"), Path(f"{archive}#8"))
    loaded, volume = load_dwi(archive), load_anatomy(archive, 5)
    assert_same_scan(loaded, made)
    assert loaded.source is not None
    assert loaded.source.path == dwi.path
    assert loaded.source.sha256 == load_dwi(tmp_path / "in").source.sha256
    assert volume.data.shape == (16, 12, 4)
    assert list(temporary.iterdir()) == []


def test_merged_series_of_an_archive_keep_its_name(tmp_path: Path) -> None:
    for index, b in enumerate((0, 800)):
        write_series(
            tmp_path / "in", b_values=(b,), number=8 + index, description=f"b{b} dwi", prefix=f"S{index}"
        )
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), "zip", tmp_path / "in"))
    assert list_series(archive)[-1].path == Path(f"{archive}#8+9")
    loaded = load_dwi(archive, "8+9")
    assert loaded.source is not None
    assert loaded.source.path == Path(f"{archive}#8+9")


def test_errors_name_the_file_in_the_archive(tmp_path: Path, temporary: Path) -> None:
    cut = write_series(tmp_path / "in" / "sub").files[5]
    cut.write_bytes(cut.read_bytes()[:-100])
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), "zip", tmp_path / "in"))
    with pytest.raises(BadInputError) as error:
        load_dwi(archive)
    assert error.value.file == archive / "sub" / cut.name
    assert str(temporary) not in str(error.value)
    (info,) = list_series(archive)
    assert str(temporary) not in repr(info)
    assert list(temporary.iterdir()) == []


def test_an_archive_without_dicom_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("nothing")
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), "zip", tmp_path / "in"))
    with pytest.raises(BadInputError, match=r"scans\.zip: no DICOM files .* found 1 other files"):
        list_series(archive)


def test_listing_can_be_stopped(tmp_path: Path, temporary: Path) -> None:
    write_series(tmp_path / "in")
    archive = Path(shutil.make_archive(str(tmp_path / "scans"), "zip", tmp_path / "in"))

    def check() -> None:
        raise Stopped

    for path in (tmp_path / "in", archive):
        with pytest.raises(Stopped):
            list_series(path, check=check)
    assert list(temporary.iterdir()) == []
