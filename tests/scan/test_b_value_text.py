from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.scan import BValues
from napari_dwi.scan.b_value_text import b_value_text, read_b_values

B_VALUES = [0, 12.5, 800]


@pytest.mark.parametrize(
    "raw",
    [
        b"0 12.5 800",
        b"0 12.5 800\n",
        b"0\t12.5\t800 \r\n",
        b"0, 12.5, 800\n",
        b"  0   1.25e1 8e2\n\n",
        b"0\n12.5\n800\n",
        b"0\r\n12.5\r\n800\r\n",
        b"\xef\xbb\xbf0 12.5 800\n",
        b"\xef\xbb\xbf0\r\n12.5\r\n800",
    ],
    ids=["row", "newline", "tabs and CRLF", "commas", "exponents", "column", "CRLF column", "BOM", "all"],
)
def test_rows_and_columns_of_any_editor_are_read(tmp_path: Path, raw: bytes) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_bytes(raw)
    read = read_b_values(bval, 3)
    assert (read.values.tolist(), read.origin) == (B_VALUES, "dwi.bval")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"0 nan 800", "finite and not negative; found nan"),
        (b"0 inf 800", "finite and not negative; found inf"),
        (b"0 1e400 800", "finite and not negative; found inf"),
        (b"0 -100 800", "finite and not negative; found -100"),
        (b"0 low 800", "not a number; expected numbers only, found 'low'"),
        (b"0 1_00 800", "not a number; expected numbers only, found '1_00'"),
        (b"0,5 100,0 800,0", r"found '0,5'\. Write decimals with a point"),
        (b"0 100 800\n0 100 800\n", "one row or one column; expected one row, found 2 rows"),
        (b"0 100\n800\n", "expected one row, found 2 rows"),
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "the file is empty"),
        (b"\x00\xff\xfe\x01", "not a text file"),
        (b"0 " * 600_000, "too large for a list of b-values"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, raw: bytes, message: str) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_bytes(raw)
    with pytest.raises(BadInputError, match=message) as caught:
        read_b_values(bval, 3)
    assert caught.value.file == bval


@pytest.mark.parametrize("text", ["0 800", "0 100 400 800"])
def test_a_wrong_number_of_b_values_names_both_numbers(tmp_path: Path, text: str) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_text(text)
    with pytest.raises(BadInputError, match=f"expected 3 b-values, found {len(text.split())}"):
        read_b_values(bval, 3)


@pytest.mark.parametrize("name", ["absent.bval", "."])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="cannot be read; found") as caught:
        read_b_values(tmp_path / name, 3)
    assert caught.value.file == tmp_path / name


@pytest.mark.parametrize("text", ["0 0.1 0.8", "0 1 2", "0.05 0.1 9.99"])
def test_values_too_small_for_their_unit_are_asked_about(tmp_path: Path, text: str) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_text(text)
    with pytest.raises(BadInputError, match=f"unit of the b-values is not clear.*found {text}") as caught:
        read_b_values(bval, 3)
    assert caught.value.offers == ("b-in-s/mm2", "b-in-ms/um2")
    numbers = [float(word) for word in text.split()]
    as_written = read_b_values(bval, 3, ("b-in-s/mm2",))
    assert (as_written.values.tolist(), as_written.origin) == (numbers, "dwi.bval")
    scaled = read_b_values(bval, 3, ("b-in-ms/um2",))
    np.testing.assert_allclose(scaled.values, np.array(numbers) * 1000)
    assert scaled.origin == "dwi.bval, in ms/µm² times 1000"


@pytest.mark.parametrize("text", ["0 0 5", "5 5 5", "0 5 10", "0 0 0"])
def test_values_that_can_be_in_their_unit_are_not_asked_about(tmp_path: Path, text: str) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_text(text)
    assert read_b_values(bval, 3, ("b-in-ms/um2",)).values.max() <= 10


def test_the_text_written_reads_back(tmp_path: Path) -> None:
    b_values = BValues(np.array([0, 929.75, 1000]))
    (tmp_path / "dwi.bval").write_text(b_value_text(b_values))
    assert read_b_values(tmp_path / "dwi.bval", 3).values.tolist() == b_values.values.tolist()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    raw=st.binary(max_size=40)
    | st.text(max_size=40).map(str.encode)
    | st.text("0123456789.,+-eE_ \t\r\n", max_size=30).map(str.encode),
    n_volumes=st.integers(1, 4),
)
def test_no_text_gives_anything_but_b_values_or_a_message(tmp_path: Path, raw: bytes, n_volumes: int) -> None:
    bval = tmp_path / "dwi.bval"
    bval.write_bytes(raw)
    try:
        read = read_b_values(bval, n_volumes)
    except BadInputError as err:
        named = str(bval) in str(err)
    else:
        named = len(read) == n_volumes and bool(np.isfinite(read.values).all())
    assert named
