from __future__ import annotations

from pathlib import Path

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan.json_files import read_json


def test_an_object_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sidecar.json"
    path.write_text('{"Units": "mm^2/s", "Description": "größe"}', encoding="utf-8")
    assert read_json(path) == {"Units": "mm^2/s", "Description": "größe"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a JSON file"),
        (b"{", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"[1, 2]", "expected an object, found list"),
        (b"null", "expected an object"),
    ],
    ids=["empty", "cut", "deep", "not text", "list", "null"],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=problem) as caught:
        read_json(path)
    assert caught.value.file == path


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.json: cannot be read"):
        read_json(tmp_path / "none.json")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BadInputError, match="too large"):
        read_json(path)
