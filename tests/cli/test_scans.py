from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.scan import BValues, list_series, open_series, open_volume, save
from napari_dwi.scan.allowances import ALLOWANCES

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


def test_info_shows_at_a_glance_what_to_look_at(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "scan.bvec").write_text("nonsense")
    (folder / "deeper").mkdir()
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr()
    (scan,) = [row for row in said.out.splitlines() if row.startswith("scan.nii.gz")]
    assert scan.endswith("1 !")
    (t1,) = [row for row in said.out.splitlines() if row.startswith("T1.nii.gz")]
    assert "!" not in t1
    assert "! scan.nii.gz: directions left out: scan.bvec" in said.err


def test_what_an_error_offers_can_be_allowed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((folder / "scan.nii.gz").read_bytes())
    content[-6] ^= 1
    (folder / "scan.nii.gz").write_bytes(content)
    (folder / "scan.bval").write_text("0 1.5 8")
    out = tmp_path / "new" / "copy.nii.gz"
    convert = ["convert", str(folder / "scan.nii.gz"), str(out)]
    assert main(convert) == 2
    assert "unit of the b-values is not clear" in capsys.readouterr().err
    assert main([*convert, "--allow", "b-in-ms/um2"]) == 2
    assert "its checksum does not match" in capsys.readouterr().err
    assert not out.parent.exists()
    assert main([*convert, "--allow", "b-in-ms/um2", "--allow", "wrong-checksum"]) == 0
    said = capsys.readouterr().err
    assert "read although its checksum is wrong" in said
    np.testing.assert_array_equal(open_series(out).b_values.values, [0, 1500, 8000])


def test_every_command_that_opens_images_says_what_can_be_allowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("info", "convert", "denoise", "fit", "measure"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        # Lines of help are broken at hyphens.
        said = "".join(capsys.readouterr().out.split())
        assert all(name in said for name in ALLOWANCES)
    assert main(["convert", "a", "b", "--allow", "anything"]) == 2
    assert "wrong-checksum" in capsys.readouterr().err


@pytest.mark.parametrize("volumes", ["average", "trace-geometric", "trace-arithmetic"])
def test_convert_makes_one_volume_per_b_value(folder: Path, tmp_path: Path, volumes: str) -> None:
    series = open_series(folder / "scan.nii.gz")
    twice = series.volumes([0, 1, 1, 2, 2])
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]], float)
    signal = twice.signal.copy()
    signal[..., [2, 4]] *= 4
    save(
        replace(twice, signal=signal, b_values=BValues(twice.b_values.values, directions)),
        tmp_path / "in" / "directional.nii.gz",
    )
    out = tmp_path / "out" / "trace.nii.gz"
    assert main(["convert", str(tmp_path / "in" / "directional.nii.gz"), str(out), "--volumes", volumes]) == 0
    mean = open_series(out)
    np.testing.assert_array_equal(mean.b_values.values, [0, 400, 800])
    factor = 2 if volumes == "trace-geometric" else 2.5
    np.testing.assert_allclose(mean.signal[..., 1:], factor * series.signal[..., 1:], rtol=1e-5)


def test_convert_of_a_single_volume_has_nothing_to_average(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "t1.nii.gz"
    assert main(["convert", str(folder / "T1.nii.gz"), str(out), "--volumes", "average"]) == 2
    assert "needs a diffusion series" in capsys.readouterr().err
    assert not out.parent.exists()
