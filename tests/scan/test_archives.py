from __future__ import annotations

import io
import os
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan import archives
from napari_dwi.scan.archives import is_archive_name, unpacked

CONTENT = {"scan/a.dcm": b"one", "scan/sub/a.dcm": b"two", "scan/A.DCM": b"three"}
SUFFIXES = ("zip", "tar", "tar.gz", "tgz")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made during a test, empty at first."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def write_archive(path: Path, content: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:" if path.suffix == ".tar" else "w:gz") as tar:
        for name, data in content.items():
            item = tarfile.TarInfo(name)
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["a.zip", "A.ZIP", "a.tar", "a.tar.gz", "a.b.tgz"])
def test_archives_are_known_by_their_names(name: str) -> None:
    assert is_archive_name(Path(name))


@pytest.mark.parametrize("name", ["a.nii.gz", "a.gz", "zip", "a.dcm"])
def test_other_files_are_not(name: str) -> None:
    assert not is_archive_name(Path(name))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_everything_comes_out_and_nothing_stays(tmp_path: Path, temporary: Path, suffix: str) -> None:
    path = write_archive(tmp_path / f"scans.{suffix}", CONTENT)
    with unpacked(path) as archive:
        # Names that differ only in case are two files, also where the disk takes them for one.
        assert {name: file.read_bytes() for file, name in archive.members.items()} == CONTENT
        assert all(file.is_relative_to(archive.folder) for file in archive.members)
        parents = {name: file.parent for file, name in archive.members.items()}
        assert parents["scan/a.dcm"] == parents["scan/A.DCM"] != parents["scan/sub/a.dcm"]
        if os.name == "posix":
            assert stat.S_IMODE(archive.folder.stat().st_mode) == 0o700
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "name", ["../out.dcm", "a/../../out.dcm", "/tmp/out.dcm", "C:\\out.dcm", "..\\out.dcm"]
)
def test_names_that_lead_out_are_refused(tmp_path: Path, temporary: Path, suffix: str, name: str) -> None:
    path = write_archive(tmp_path / f"scans.{suffix}", {"a.dcm": b"1", name: b"2"})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInputError, match="outside of its folder"), unpacked(path):
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert list(temporary.iterdir()) == []


def test_links_are_passed_over(tmp_path: Path) -> None:
    tar_path, zip_path = tmp_path / "a.tar", tmp_path / "a.zip"
    with tarfile.open(tar_path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            item = tarfile.TarInfo(f"link{kind!r}")
            item.type, item.linkname = kind, "/etc/passwd"
            tar.addfile(item)
    with zipfile.ZipFile(zip_path, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    for path in (tar_path, zip_path):
        with unpacked(path) as opened:
            assert opened.members == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, temporary: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_HARMLESS_BYTES", 100_000)
    monkeypatch.setattr(archives, "_MOST_BYTES", 1_000_000)
    path = write_archive(tmp_path / f"bomb.{suffix}", {"zeros": bytes(20_000_000)})
    with pytest.raises(BadInputError, match=r"too large to unpack; .*unpack it yourself"), unpacked(path):
        pass
    assert list(temporary.iterdir()) == []


def test_an_archive_that_lies_about_its_size_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_MOST_BYTES", 1000)
    path = write_archive(tmp_path / "a.tar", {"a": bytes(900), "b": bytes(900)})
    with pytest.raises(BadInputError, match="too large"), unpacked(path):
        pass


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_too_many_files_are_refused(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MOST_FILES", 5)
    path = write_archive(tmp_path / f"many.{suffix}", {f"{index}": b"" for index in range(6)})
    with pytest.raises(BadInputError, match="at most 5 files"), unpacked(path):
        pass


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.5, 0.0])
def test_a_cut_archive_is_refused(tmp_path: Path, temporary: Path, suffix: str, kept: float) -> None:
    path = write_archive(tmp_path / f"cut.{suffix}", {"a": os.urandom(50_000)})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(BadInputError, match="cannot be read"), unpacked(path):
        pass
    assert list(temporary.iterdir()) == []


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"x" * 1000)
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="cannot be read"), unpacked(path):
        pass


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.zip", {"a": b"secret"})
    content = bytearray(path.read_bytes())
    # The flag of encryption, in the local header and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="encrypted"), unpacked(path):
        pass


def test_unpacking_can_be_stopped(tmp_path: Path, temporary: Path) -> None:
    path = write_archive(tmp_path / "a.zip", CONTENT)

    def check() -> None:
        raise Stopped

    with pytest.raises(Stopped), unpacked(path, check=check):
        pass
    assert list(temporary.iterdir()) == []
