from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.scan import list_series, open_series, open_volume

from ..scan.dicom.builder import write_series
from ..synthetic import files_below


def test_info_tells_what_a_folder_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr()
    header, *rows = said.out.splitlines()
    assert header.split()[:3] == ["path", "description", "role"]
    assert len(rows) == len(list(folder.glob("*.nii.gz")))
    (scan,) = [row for row in rows if row.startswith("scan.nii.gz")]
    for fact in ("DWI", "20x18x4x3", "2x2.5x5", "LAS", "0 400 800"):
        assert fact in scan
    assert said.err == ""


def test_info_for_programs_is_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = [
        {name: value for name, value in asdict(info).items() if name != "grid"} | {"path": str(info.path)}
        for info in list_series(folder)
    ]
    assert said == json.loads(json.dumps(expected))


def test_info_warns_of_b_values_that_do_not_fit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "scan.bval").write_text("0 800\n")
    assert main(["info", str(folder / "scan.nii.gz")]) == 0
    said = capsys.readouterr()
    assert "unknown" in said.out
    assert "scan.nii.gz" in said.err


def test_convert_writes_image_b_values_and_sidecar(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "copy.nii.gz"
    assert main(["convert", str(folder / "scan.nii.gz"), str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert sorted(files_below(out.parent)) == ["copy.bval", "copy.json", "copy.nii.gz"]
    before, after = open_series(folder / "scan.nii.gz"), open_series(out)
    np.testing.assert_array_equal(after.signal, before.signal)
    assert after.grid.same_as(before.grid)
    np.testing.assert_array_equal(after.b_values.values, before.b_values.values)
    said = json.loads((tmp_path / "new" / "copy.json").read_text())
    assert before.source is not None
    assert said["Sources"] == [{"SHA256": before.source.sha256, "Bytes": before.source.size_bytes}]
    assert said["BValueOrigin"] == before.b_values.origin
    assert str(tmp_path) not in json.dumps(said)


def test_convert_takes_b_values_from_another_file(folder: Path, tmp_path: Path) -> None:
    other = (folder / "scan.bval").rename(tmp_path / "elsewhere.txt")
    out = tmp_path / "copy.nii.gz"
    assert main(["convert", str(folder / "scan.nii.gz"), str(out), "--bval", str(other)]) == 0
    np.testing.assert_array_equal(open_series(out).b_values.values, [0, 400, 800])


def test_convert_of_a_single_volume_writes_no_b_values(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "T1.nii.gz"
    assert main(["convert", str(folder / "T1.nii.gz"), str(out)]) == 0
    assert sorted(files_below(out.parent)) == ["T1.json", "T1.nii.gz"]
    np.testing.assert_array_equal(open_volume(out).data, open_volume(folder / "T1.nii.gz").data)


def test_convert_makes_nifti_of_a_dicom_folder(tmp_path: Path) -> None:
    made = write_series(tmp_path / "dicom")
    out = tmp_path / "out" / "scan.nii.gz"
    assert main(["convert", str(tmp_path / "dicom"), str(out)]) == 0
    series = open_series(out)
    assert tuple(series.b_values.values) == made.b_values
    np.testing.assert_allclose(np.sort(series.signal, axis=None), np.sort(made.signal, axis=None))
    for name, content in files_below(out.parent).items():
        if not name.endswith(".gz"):
            assert str(tmp_path) not in content.decode()
