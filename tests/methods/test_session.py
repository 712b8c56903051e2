from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.session import (
    BValueEntry,
    DisplayEntry,
    ImageEntry,
    InputEntry,
    LayerEntry,
    ResultEntry,
    ScanEntry,
    Session,
    read_session,
    session_values,
)

FULL = Session(
    ScanEntry(
        InputEntry("../scan#8", "elsewhere/scan#8", "ab" * 32, "brain", ("wrong-checksum",)),
        BValueEntry((0.0, 800.0), ((0.0, 0.0, 0.0), (1.0, None, 0.0)), "typed by the user"),
        (InputEntry("T2.nii.gz", "elsewhere/T2.nii.gz", "cd" * 32, "T2"),),
    ),
    (ResultEntry("Gaussian", "brain", (ImageEntry("result-1/a.nii", "series", "brain"),)),),
    "regions-1/regions_dseg.nii",
    {"Denoise": {"method": "gaussian", "parameters": {"sigma_mm": 2.0, "targets": [400.0]}}},
    DisplayEntry(True, "radiological", (1, 2, 3, 4), (0, 1, 2, 3), (LayerEntry("DWI", True, (0.0, 900.0)),)),
)


def written(folder: Path, said: Any) -> Path:
    (folder / "session.json").write_text(said if isinstance(said, str) else json.dumps(said))
    return folder


def test_a_session_is_read_as_it_was_written(tmp_path: Path) -> None:
    said = session_values(FULL)
    read = read_session(written(tmp_path, said))
    assert read.saved_utc == said["saved_utc"] != ""
    assert {**vars(read), "saved_utc": ""} == vars(FULL)
    assert read_session(tmp_path / "session.json") == read


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": 2}, "newer version of napari-dwi; expected format version 1, found 2. Update"),
        ({"version": "1"}, "not a session of napari-dwi"),
        ({"version": True}, "not a session of napari-dwi"),
        ({"format": "other"}, "not a session of napari-dwi"),
        ({"results": 3}, "results cannot be used; expected a list, found 3"),
        ({"scan": "brain.nii.gz"}, "scan cannot be used; expected an object"),
        ({"colour": "red"}, "unknown key colour"),
        ({"display": {"position": [0.5]}}, r"display.position\[0\] cannot be used; expected a whole number"),
        ({"settings": {"Denoise": []}}, "settings.Denoise cannot be used; expected an object"),
    ],
)
def test_what_does_not_fit_the_format_is_one_clear_error(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInputError, match=problem) as caught:
        read_session(written(tmp_path, session_values(FULL) | changes))
    assert caught.value.file == tmp_path / "session.json"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "!!python/object/apply:os.system ['true']"])
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInputError):
        read_session(written(tmp_path, text))


def test_a_hundred_megabytes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "session.json").open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(BadInputError, match="too large for a JSON sidecar; found 100000000 bytes"):
        read_session(tmp_path)


def test_a_folder_without_a_session_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"session\.json: cannot be read; found No such file"):
        read_session(tmp_path)
