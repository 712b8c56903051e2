"""Gzipped images: the stream is read to its end and its checksum is believed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan.allowances import ALLOWANCES
from napari_dwi.scan.nifti import read_nifti

from .builder import write_bytes, write_nifti

BOTH_KINDS = pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
NOISE = np.random.default_rng(5).normal(500, 60, (20, 18, 10)).astype(np.float32)


@pytest.mark.parametrize("name", ["scan", "scan.nii", "scan.img", "Größe (1) [x].nii"])
def test_gzip_is_told_from_the_content_and_not_from_the_name(tmp_path: Path, name: str) -> None:
    path = write_nifti(tmp_path / "made.nii.gz", NOISE).rename(tmp_path / name)
    np.testing.assert_array_equal(read_nifti(path).data, NOISE)


def test_a_plain_file_called_gz_is_read(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "made.nii", NOISE).rename(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(read_nifti(path).data, NOISE)


@pytest.mark.parametrize("lost", [1, 8, 500, 5000])
def test_a_gzip_cut_short_is_refused(tmp_path: Path, lost: int) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(BadInputError, match="ends too early"):
        read_nifti(path)


def test_a_gzip_whose_content_was_cut_before_it_was_packed_is_refused_with_both_sizes(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    write_bytes(tmp_path / "b.nii.gz", content[:-1000])
    with pytest.raises(BadInputError, match=f"expected {NOISE.nbytes} bytes.*found {NOISE.nbytes - 1000}"):
        read_nifti(tmp_path / "b.nii.gz")


def _with_bit_flipped(path: Path, place: int, bit: int = 4) -> Path:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)
    return path


def test_a_flipped_bit_that_cannot_be_unpacked_is_refused_without_an_offer(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE)
    place = path.stat().st_size * 6 // 10
    with pytest.raises(BadInputError, match="cannot be unpacked, so its checksum fails") as caught:
        read_nifti(_with_bit_flipped(path, place), allow=ALLOWANCES)
    assert caught.value.offers == ()


def test_a_flipped_bit_that_unpacks_changes_voxels_and_is_offered_with_that_warning(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    # Packed without compression, every bit unpacks to something.
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(content, 0))
    path = _with_bit_flipped(tmp_path / "b.nii.gz", 9000)
    with pytest.raises(BadInputError, match=r"checksum does not match.*voxels may be wrong") as caught:
        read_nifti(path)
    assert caught.value.offers == ("wrong-checksum",)
    read = read_nifti(path, allow=caught.value.offers)
    assert read.notes == ("read although its checksum is wrong: voxels may be wrong",)
    assert 0 < (read.data != NOISE).sum() < 3


def test_a_wrong_checksum_alone_can_be_allowed(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE)
    _with_bit_flipped(path, path.stat().st_size - 6)
    with pytest.raises(BadInputError, match="checksum does not match") as caught:
        read_nifti(path)
    assert caught.value.offers == ("wrong-checksum",)
    np.testing.assert_array_equal(read_nifti(path, allow=caught.value.offers).data, NOISE)


def test_a_wrong_size_at_the_end_of_a_gzip_is_refused_without_an_offer(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE)
    _with_bit_flipped(path, path.stat().st_size - 2)
    with pytest.raises(BadInputError, match="unpacks to another size") as caught:
        read_nifti(path, allow=ALLOWANCES)
    assert caught.value.offers == ()


def test_a_wrong_checksum_is_found_behind_more_bytes_than_the_voxels_need(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    packed = bytearray(gzip.compress(content + bytes(100_000)))
    packed[-8] ^= 1
    (tmp_path / "b.nii.gz").write_bytes(packed)
    with pytest.raises(BadInputError, match="checksum does not match"):
        read_nifti(tmp_path / "b.nii.gz")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_flipped_bit_of_a_gzip_changes_the_image_silently(tmp_path: Path, place: float, bit: int) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE[:8, :8, :4])
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        data = read_nifti(path).data
    except BadInputError:
        return
    # A few bits mean nothing, such as the time stamp.
    np.testing.assert_array_equal(data, NOISE[:8, :8, :4])


class _StopsAfter:
    """A user who presses Stop when a reader has asked some times."""

    def __init__(self, n_calls: int) -> None:
        self.left = n_calls

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Stopped


@BOTH_KINDS
def test_reading_stops_between_any_two_pieces(tmp_path: Path, name: str) -> None:
    path = write_nifti(tmp_path / name, np.random.default_rng(0).random((128, 128, 64, 3)).astype(np.float32))
    for n_calls in (0, 1, 5):
        with pytest.raises(Stopped):
            read_nifti(path, check=_StopsAfter(n_calls))
    read_nifti(path, check=_StopsAfter(1000))


def test_zeros_without_end_behind_the_voxels_are_not_unpacked(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    megabyte = gzip.compress(bytes(2**20))
    with (tmp_path / "b.nii.gz").open("wb") as file:
        file.write(gzip.compress(content))
        # As many members as would unpack to 20 GB.
        file.writelines(megabyte for _ in range(20_000))
    checks = _StopsAfter(1000)
    with pytest.raises(BadInputError, match="goes on long after its voxels"):
        read_nifti(tmp_path / "b.nii.gz", check=checks)
    assert checks.left > 900


def test_a_gzip_of_many_members_is_one_stream(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    members = [gzip.compress(content[start : start + 1000]) for start in range(0, len(content), 1000)]
    (tmp_path / "b.nii.gz").write_bytes(b"".join(members) + bytes(512))
    np.testing.assert_array_equal(read_nifti(tmp_path / "b.nii.gz").data, NOISE)


def test_a_gzip_with_names_and_comments_is_read(tmp_path: Path) -> None:
    content = write_nifti(tmp_path / "a.nii", NOISE).read_bytes()
    plain = gzip.compress(content)
    extra = b"\x05\x00extra"
    header = plain[:3] + bytes([2 + 4 + 8 + 16]) + plain[4:10] + extra + b"name\0" + b"comment\0" + b"\0\0"
    (tmp_path / "b.nii.gz").write_bytes(header + plain[10:])
    np.testing.assert_array_equal(read_nifti(tmp_path / "b.nii.gz").data, NOISE)


def test_what_follows_a_gzip_must_be_gzip_or_zeros(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii.gz", NOISE)
    path.write_bytes(path.read_bytes() + b"<html>404</html>")
    with pytest.raises(BadInputError, match="not how a gzip file goes on"):
        read_nifti(path)
