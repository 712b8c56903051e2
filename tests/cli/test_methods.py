from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.errors import Stopped
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import all_methods, find_method, methods_of
from napari_dwi.methods.running import run_method
from napari_dwi.scan import BValues, DwiSeries, Volume, open_series, open_volume, save

from ..methods.settings import fast_settings
from ..synthetic import files_below, make_series, save_series

# BM4D is no part of what the tests install.
METHODS = [method.name for method in methods_of("denoise") if method.name != "bm4d"]


def fast(name: str) -> list[str]:
    method = find_method(name)
    usual, quick = method.settings().as_dict(), fast_settings(method).as_dict()
    changed = [f"{key}={value}" for key, value in quick.items() if value != usual[key]]
    return [word for setting in changed for word in ("--set", setting)]


def denoise(folder: Path, out: Path, method: str = "gaussian", *more: str) -> int:
    arguments = ["denoise", str(folder / "scan.nii.gz"), "--method", method, "--out", str(out)]
    return main([*arguments, "--threads", "1", "--device", "cpu", *fast(method), *more])


def test_methods_lists_every_method_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    text = capsys.readouterr().out
    for method in all_methods():
        assert f"{method.name}  ({method.task})  {method.title}" in text
        for parameter in method.parameters.declared():
            assert f"    {parameter.name}=" in text
            assert parameter.help in text
        for preset in method.presets:
            assert f"preset {preset}: " in text


def test_methods_for_programs_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods", "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(listed) == {method.name for method in all_methods()}
    for method in all_methods():
        entry = listed[method.name]
        assert entry["task"] == method.task
        declared = method.parameters.declared()
        assert [parameter["name"] for parameter in entry["parameters"]] == [p.name for p in declared]
        defaults = {parameter["name"]: parameter["default"] for parameter in entry["parameters"]}
        assert method.parameters.from_values(defaults) == method.settings()
        assert set(entry["presets"]) == set(method.presets)


def test_denoise_writes_result_and_residual_with_all_that_belongs_to_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert denoise(folder, out) == 0
    expected = {
        f"scan_desc-gaussian{what}_dwi.{ending}"
        for what in ("", "residual")
        for ending in ("nii.gz", "bval", "json")
    }
    assert set(files_below(out)) == expected
    said = capsys.readouterr().out
    assert str(out / "scan_desc-gaussian_dwi.nii.gz") in said.splitlines()
    assert "mean change, volume 2, b = 800 (%): " in said

    series = open_series(folder / "scan.nii.gz")
    method = find_method("gaussian")
    image = run_method(method, method.settings(), Inputs(series)).output.image("denoised")
    assert isinstance(image, DwiSeries)
    saved = open_series(out / "scan_desc-gaussian_dwi.nii.gz")
    np.testing.assert_array_equal(saved.signal, image.signal)
    assert saved.grid.same_as(series.grid)
    sidecar = json.loads((out / "scan_desc-gaussian_dwi.json").read_text())
    assert sidecar["Method"] == "gaussian"
    assert sidecar["BValues"] == [0, 400, 800]


def test_denoise_takes_settings_presets_seed_anatomy_and_mask(folder: Path, tmp_path: Path) -> None:
    more = ["--preset", "fast", "--set", "targets=400", "--set", "use_anatomy = yes", "--seed", "9"]
    more += ["--anatomy", str(folder / "T1.nii.gz"), "--mask", str(folder / "mask.nii.gz")]
    assert denoise(folder, tmp_path / "out", "bl-inr", *more) == 0
    sidecar = json.loads((tmp_path / "out" / "scan_desc-blinr_dwi.json").read_text())
    assert sidecar["Seed"] == 9
    assert sidecar["Parameters"]["targets"] == [400]
    # What is set by hand wins over the preset, wherever it stands.
    assert (sidecar["Parameters"]["width"], sidecar["Parameters"]["steps"]) == (16, 8)
    assert [source["Part"] for source in sidecar["Sources"]] == ["series", "anatomy", "mask"]
    assert any("outside the mask" in warning for warning in sidecar["Warnings"])
    assert (tmp_path / "out" / "scan_desc-blinr_dwi.bval").read_text().split() == ["400"]


def test_a_preset_is_used(folder: Path, tmp_path: Path) -> None:
    arguments = ["denoise", str(folder / "scan.nii.gz"), "--method", "bl-inr", "--preset", "fast"]
    arguments += ["--set", "epochs=1", "--device", "cpu", "--threads", "1", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    sidecar = json.loads((tmp_path / "out" / "scan_desc-blinr_dwi.json").read_text())
    fast_preset = find_method("bl-inr").settings("fast").as_dict()
    assert sidecar["Parameters"]["width"] == fast_preset["width"]


@pytest.mark.parametrize("method", METHODS)
def test_a_repeated_result_is_identical(
    folder: Path, tmp_path: Path, method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    finer = make_series((24, 25, 6), spacing_mm=(1.7, 1.8, 3.5))
    save(finer.anatomy, folder / "fine.nii.gz")
    save(Volume(finer.tissue.astype(np.float32), finer.series.grid, "mask"), folder / "fine_mask.nii.gz")
    images = ["--anatomy", str(folder / "fine.nii.gz"), "--mask", str(folder / "fine_mask.nii.gz")]
    out = tmp_path / "out"
    assert denoise(folder, out, method, *images) == 0
    capsys.readouterr()
    before = files_below(out)
    assert main(["repeat", str(next(out.glob("*_dwi.json")))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len([name for name in before if name.endswith(".nii.gz")]) >= 2
    assert all(line.endswith("  identical") for line in lines)
    again = files_below(out / "repeat")
    assert set(again) == set(before)
    assert {name: again[name] for name in before if name.endswith(".nii.gz")} == {
        name: content for name, content in before.items() if name.endswith(".nii.gz")
    }


def test_a_result_that_has_been_changed_is_told_apart(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    denoise(folder, out)
    residual = out / "scan_desc-gaussianresidual_dwi.nii.gz"
    volume = open_volume(folder / "T1.nii.gz")
    save(volume, residual)
    (out / "scan_desc-gaussian_dwi.nii.gz").rename(tmp_path / "moved.nii.gz")
    capsys.readouterr()
    record = out / "scan_desc-gaussian_dwi.json"
    assert main(["repeat", str(record), "--out", str(tmp_path / "again")]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert "no earlier file of that name to compare" in first
    assert second.endswith("  DIFFERENT")


def test_a_repeat_never_replaces_what_it_is_compared_with(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    denoise(folder, out)
    before = files_below(tmp_path)
    assert main(["repeat", str(out / "scan_desc-gaussian_dwi.json"), "--out", str(out)]) == 2
    assert "never overwritten" in capsys.readouterr().err
    assert files_below(tmp_path) == before


def test_a_result_can_be_repeated_after_its_folder_has_moved_with_its_input(
    folder: Path, tmp_path: Path
) -> None:
    denoise(folder, folder / "out")
    folder.rename(tmp_path / "elsewhere")
    assert main(["repeat", str(tmp_path / "elsewhere" / "out" / "scan_desc-gaussian_dwi.json")]) == 0


def test_a_changed_input_is_not_repeated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    denoise(folder, out)
    save(make_series(seed=1).series, folder / "scan.nii.gz")
    before = files_below(tmp_path)
    capsys.readouterr()
    assert main(["repeat", str(out / "scan_desc-gaussian_dwi.json")]) == 2
    assert "not the file the result was made from" in capsys.readouterr().err
    assert files_below(tmp_path) == before


def test_notes_on_the_data_go_to_stderr(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = make_series().series
    series.signal[3, 3, 0, 0] = np.nan
    save(series, folder / "scan.nii.gz")
    assert denoise(folder, tmp_path / "out") == 0
    said = capsys.readouterr()
    assert "1 values are NaN" in said.err
    assert "NaN" not in said.out


def test_ctrl_c_stops_a_run_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    before = files_below(tmp_path)
    out = tmp_path / "out"
    arguments = ["denoise", str(folder / "scan.nii.gz"), "--method", "bl-inr", "--set", "epochs=1000"]
    arguments += ["--set", "batch_size=16", "--device", "cpu", "--threads", "1", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "napari_dwi", *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "%" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == Stopped.exit_code == 130
    assert rest.splitlines()[-1] == "napari-dwi: stopped, nothing was written"
    assert "Traceback" not in rest
    assert files_below(tmp_path) == before
    assert not out.exists()


def test_a_directional_series_is_made_trace_weighted_and_the_record_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b_values = (0, 800, 800, 800)
    directed = BValues(np.array(b_values), np.vstack([np.zeros((1, 3)), np.eye(3)]))
    scan = make_series((12, 10, 2), b_values)
    save_series(replace(scan.series, b_values=directed), tmp_path / "scan.nii.gz")
    command = ["denoise", str(tmp_path / "scan.nii.gz"), "--method", "gaussian", "--out", str(tmp_path / "o")]
    assert main([*command, "--volumes", "trace-geometric"]) == 0
    (sidecar,) = (tmp_path / "o").glob("*desc-gaussian_dwi.json")
    said = json.loads(sidecar.read_text())
    assert said["BValues"] == [0, 800]
    assert said["Sources"][0]["Volumes"] == "trace-geometric"
    assert main(["repeat", str(sidecar)]) == 0
    assert "DIFFERENT" not in capsys.readouterr().out
