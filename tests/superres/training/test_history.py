from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.strict_json import to_json
from napari_dwi.superres.training.history import METRICS, EpochRecord, read_history


def test_losses_are_read_as_they_were_told(tmp_path: Path) -> None:
    assert read_history(tmp_path) == ()
    told = tuple(EpochRecord(epoch, 1 / epoch, 2 / epoch, 3 / epoch, 1e-3) for epoch in (1, 2, 3))
    (tmp_path / METRICS).write_text("".join(json.dumps(to_json(record)) + "\n" for record in told))
    assert read_history(tmp_path) == told


@pytest.mark.parametrize("text", ["{", '{"epoch": 1}', '{"epoch": "one"}'])
def test_damaged_losses_are_told_with_their_file(tmp_path: Path, text: str) -> None:
    (tmp_path / METRICS).write_text(text + "\n")
    with pytest.raises(BadInputError, match=METRICS):
        read_history(tmp_path)
