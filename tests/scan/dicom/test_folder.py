from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, generate_uid

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan.dicom.folder import read_folder

from .builder import SECRETS, write_directory, write_series
from .dialects import DIALECTS, Dialect

ANATOMY = {
    "b_values": (0,),
    "dialect": DIALECTS["philips"],
    "number": 5,
    "description": "t2_tse_tra",
    "image_type": ("ORIGINAL", "PRIMARY", "M", "ND"),
    "scanning_sequence": "SE",
}


def test_a_mixed_folder_is_split_into_its_series(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_series(tmp_path, **ANATOMY)
    found = read_folder(tmp_path)
    assert [(series.number, series.role, len(series.files)) for series in found] == [
        ("5", "anatomy", 4),
        ("8", "DWI", 16),
    ]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
def test_frames_carry_the_b_values_of_their_volumes(tmp_path: Path, dialect: Dialect) -> None:
    write_series(tmp_path, dialect=dialect)
    (series,) = read_folder(tmp_path)
    assert [frame.b_value for frame in series.frames] == [b for b in (0, 100, 400, 800) for _ in range(4)]


def test_enhanced_frames_equal_classic_frames(tmp_path: Path) -> None:
    write_series(tmp_path / "classic", dialect=DIALECTS["standard"])
    write_series(tmp_path / "enhanced", enhanced=True)
    (classic,), (enhanced,) = read_folder(tmp_path / "classic"), read_folder(tmp_path / "enhanced")
    assert len(enhanced.files) == 1
    for one, other in zip(classic.frames, enhanced.frames, strict=True):
        assert (one.position_mm, one.orientation, one.b_value, one.spacing_mm) == (
            other.position_mm,
            other.orientation,
            other.b_value,
            other.spacing_mm,
        )


def test_nesting_and_names_of_any_script_are_followed(tmp_path: Path) -> None:
    deep = tmp_path.joinpath("Größe (1)", *"abcdefg", "画像 [x]")
    write_series(deep)
    (series,) = read_folder(tmp_path)
    assert len(series.files) == 16


def test_junk_beside_the_images_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    (tmp_path / "notes.txt").write_text("b = 800")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "Thumbs.db").write_bytes(bytes(2000))
    write_directory(tmp_path / "DICOMDIR")
    (series,) = read_folder(tmp_path)
    assert len(series.files) == 16
    assert series.damaged == ()


@pytest.mark.parametrize("junk", [0, 3])
def test_a_folder_without_dicom_says_what_it_holds(tmp_path: Path, junk: int) -> None:
    for index in range(junk):
        (tmp_path / f"{index}.txt").write_text("nothing")
    with pytest.raises(BadInputError, match=rf"no DICOM files in this folder; .*found {junk} other files"):
        read_folder(tmp_path)


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    write_series(tmp_path / "elsewhere", number=9)
    made = write_series(tmp_path / "here")
    (tmp_path / "here" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "here" / "linked.dcm").symlink_to(next((tmp_path / "elsewhere").iterdir()))
    assert [series.files for series in read_folder(tmp_path / "here")] == [made.files]


def test_copies_are_left_out_with_a_note(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    for file in made.files[:8]:
        shutil.copy(file, file.with_suffix(".copy"))
    (series,) = read_folder(tmp_path)
    assert len(series.frames) == 16
    assert any("8 files" in note for note in series.notes)


def test_series_that_share_a_number_get_letters(tmp_path: Path) -> None:
    write_series(tmp_path, description="first")
    write_series(tmp_path, description="second", prefix="X")
    write_series(tmp_path, number=9)
    assert [(series.number, series.description) for series in read_folder(tmp_path)] == [
        ("8a", "first"),
        ("8b", "second"),
        ("9", "ep2d_diff_tra"),
    ]


@pytest.mark.parametrize(
    "kept_bytes", [-200, -384, 900, 300], ids=["pixels", "all pixels", "header", "start"]
)
def test_a_cut_file_is_known_to_its_series(tmp_path: Path, kept_bytes: int) -> None:
    cut = write_series(tmp_path).files[5]
    cut.write_bytes(cut.read_bytes()[:kept_bytes])
    (series,) = read_folder(tmp_path)
    assert series.damaged == (cut,)


def test_a_file_cut_within_the_identifier_of_its_series_is_known_to_it(tmp_path: Path) -> None:
    cut = write_series(tmp_path).files[5]
    uid = str(pydicom.dcmread(cut).SeriesInstanceUID).encode()
    content = cut.read_bytes()
    for kept in (0, 10, len(uid) - 1, len(uid)):
        cut.write_bytes(content[: content.index(uid) + kept])
        (series,) = read_folder(tmp_path)
        assert series.damaged == (cut,)


def test_a_damaged_file_of_another_series_is_not_held_against_its_neighbours(tmp_path: Path) -> None:
    write_series(tmp_path)
    other = write_series(tmp_path, number=9, prefix="X")
    other.files[0].write_bytes(other.files[0].read_bytes()[:-100])
    assert [len(series.damaged) for series in read_folder(tmp_path)] == [0, 1]


def test_a_deflated_file_that_would_fill_the_memory_is_damaged(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    for file, filler in ((made.files[0], 0), (made.files[1], 40_000_000)):
        image = pydicom.dcmread(file)
        image.ImageComments = "x" * 100
        image.add_new(0x00091010, "OB", bytes(filler))
        image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        image.save_as(file)
    (series,) = read_folder(tmp_path)
    assert series.damaged == (made.files[1],)
    assert made.files[0] in series.files


def test_reports_without_pixels_are_no_series(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    report = pydicom.dcmread(made.files[0])
    report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    report.SeriesInstanceUID = generate_uid()
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    (series,) = read_folder(tmp_path)
    assert series.files == made.files


def test_nothing_of_the_patient_is_kept(tmp_path: Path) -> None:
    write_series(tmp_path)
    text = repr(read_folder(tmp_path))
    assert not [secret for secret in SECRETS if secret in text]


def test_reading_can_be_stopped(tmp_path: Path) -> None:
    write_series(tmp_path)

    def check() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        read_folder(tmp_path, check=check)
