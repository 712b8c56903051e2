from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom import list_series, load_dwi
from napari_dwi.scan.unlabelled import UnknownBValuesError

from .builder import Made, write_series
from .dialects import silent


def write_one_b_each(folder: Path, b_values: tuple[float, ...] = (1400, 100, 500)) -> list[Made]:
    return [
        write_series(
            folder, b_values=(b,), number=8 + index, description=f"ep2d_diff_b{b}", prefix=f"S{index}"
        )
        for index, b in enumerate(b_values)
    ]


def test_series_of_one_b_value_each_are_offered_merged(tmp_path: Path) -> None:
    write_one_b_each(tmp_path)
    *singles, offered = list_series(tmp_path)
    assert [row.b_values for row in singles] == [(1400,), (100,), (500,)]
    assert offered.path == Path(f"{tmp_path}#9+10+8")
    assert offered.role == "DWI"
    assert offered.b_values == (100, 500, 1400)
    assert offered.shape == (16, 12, 4, 3)
    assert any("merged" in warning for warning in offered.warnings)


def test_merged_series_come_in_rising_b_each_with_its_own_pixels(tmp_path: Path) -> None:
    made = write_one_b_each(tmp_path)
    loaded = load_dwi(tmp_path, "8+9+10")
    assert loaded.b_values.values.tolist() == [100, 500, 1400]
    for volume, source in enumerate((made[1], made[2], made[0])):
        assert loaded.signal[..., volume].sum() == source.signal.sum()
    assert any("8: b = 1400; 9: b = 100; 10: b = 500" in note for note in loaded.notes)
    assert loaded.source is not None
    assert loaded.source.path == Path(f"{tmp_path}#8+9+10")
    assert loaded.source.size_bytes == sum(file.stat().st_size for one in made for file in one.files)


def test_two_series_of_one_b_value_are_repeats_and_only_merged_on_request(tmp_path: Path) -> None:
    write_one_b_each(tmp_path, (0, 800, 800))
    assert len(list_series(tmp_path)) == 3
    loaded = load_dwi(tmp_path, "8+9+10")
    assert loaded.b_values.values.tolist() == [0, 800, 800]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"position_mm": (-20.0, -15.0, 31.0)}, "other places in series 9"),
        ({"shape": (16, 12, 5)}, "16 x 12 x 5 in series 9"),
        ({"study": "2"}, "series of different examinations"),
    ],
    ids=["place", "size", "study"],
)
def test_series_that_do_not_belong_together_are_neither_offered_nor_merged(
    tmp_path: Path, other: dict[str, object], said: str
) -> None:
    write_series(tmp_path, b_values=(0,))
    write_series(tmp_path, **({"b_values": (800,), "number": 9, "prefix": "X"} | other))
    assert len(list_series(tmp_path)) == 2
    with pytest.raises(BadInputError, match=f"cannot be merged; .*{said}"):
        load_dwi(tmp_path, "8+9")


def test_different_frames_of_reference_are_not_offered_and_noted(tmp_path: Path) -> None:
    for index, made in enumerate(write_one_b_each(tmp_path, (0, 800))):
        for file in made.files:
            image = pydicom.dcmread(file)
            image.FrameOfReferenceUID = f"1.2.3.{index}"
            image.save_as(file)
    assert len(list_series(tmp_path)) == 2
    loaded = load_dwi(tmp_path, "8+9")
    assert any("frames of reference" in note for note in loaded.notes)


def test_an_unknown_b_value_among_merged_series_is_asked_for(tmp_path: Path) -> None:
    write_series(tmp_path, b_values=(0,))
    write_series(tmp_path, b_values=(800,), number=9, prefix="X", dialect=silent, description="DWI")
    with pytest.raises(UnknownBValuesError) as error:
        load_dwi(tmp_path, "9+8")
    assert error.value.series.b_values == (0, None)


def test_given_b_values_belong_to_the_series_in_the_order_they_are_named(tmp_path: Path) -> None:
    made = write_one_b_each(tmp_path, (0, 800))
    bval = tmp_path / "given.bval"
    bval.write_text("900 0")
    loaded = load_dwi(tmp_path, "9+8", bval=bval)
    assert loaded.b_values.values.tolist() == [900, 0]
    assert loaded.signal[..., 0].sum() == made[1].signal.sum()
    assert any("800 as 900" in note for note in loaded.notes)


def test_a_merge_with_a_number_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_one_b_each(tmp_path, (0, 800))
    with pytest.raises(BadInputError, match="expected series 77"):
        load_dwi(tmp_path, "8+77")


def test_directions_stay_with_their_volumes(tmp_path: Path) -> None:
    along = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    write_series(tmp_path, b_values=(800, 800), directions=along)
    write_series(tmp_path, b_values=(0,), number=9, prefix="X")
    loaded = load_dwi(tmp_path, "8+9")
    assert loaded.b_values.values.tolist() == [0, 800, 800]
    assert loaded.b_values.directions is not None
    np.testing.assert_allclose(np.linalg.norm(loaded.b_values.directions, axis=1), (0, 1, 1), atol=1e-3)


def test_b_values_told_of_a_merge_once_are_those_of_the_same_volumes_when_read_again(tmp_path: Path) -> None:
    write_one_b_each(tmp_path)
    first = load_dwi(tmp_path, "8+9+10")
    again = load_dwi(tmp_path, "8+9+10", bval=first.b_values)
    np.testing.assert_array_equal(again.signal, first.signal)
    assert again.b_values.values.tolist() == [100, 500, 1400]
