from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.scan import open_series, open_volume
from napari_dwi.scan.nifti import sha256_of

from ..synthetic import files_below


def superres(folder: Path, image: str, *more: str) -> int:
    return main(["superres", str(folder / image), "--out", str(folder / "out"), *more])


def test_a_series_is_written_on_its_finer_grid_with_residual_and_sidecars(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert superres(folder, "scan.nii.gz", "--method", "zero-fill-nlm", "--set", "strength=1.1") == 0
    before = open_series(folder / "scan.nii.gz")
    for name in ("scan_desc-superres_dwi", "scan_desc-superresresidual_dwi"):
        after = open_series(folder / "out" / f"{name}.nii.gz")
        assert after.grid.shape == (40, 36, 4)
        np.testing.assert_allclose(after.grid.to_mm([20, 10, 2]), before.grid.to_mm([10, 5, 2]), atol=1e-5)
        np.testing.assert_array_equal(after.b_values.values, before.b_values.values)
    said = json.loads((folder / "out" / "scan_desc-superres_dwi.json").read_text())
    assert said["Task"] == "superres"
    assert said["Parameters"]["strength"] == 1.1
    assert [source["Part"] for source in said["Sources"]] == ["series"]
    assert "noise SD" in capsys.readouterr().out


def test_any_stack_of_slices_will_do(folder: Path) -> None:
    (folder / "T1.nii.gz").rename(folder / "sub-01_T1w.nii.gz")
    assert superres(folder, "sub-01_T1w.nii.gz", "--method", "zero-fill", "--set", "factor=3") == 0
    before = open_volume(folder / "sub-01_T1w.nii.gz")
    after = open_volume(folder / "out" / "sub-01_desc-superres_T1w.nii.gz")
    assert after.grid.shape == (60, 54, 4)
    np.testing.assert_allclose(after.data[::3, ::3], before.data, atol=1e-2)


@pytest.mark.parametrize("image", ["scan.nii.gz", "T1.nii.gz"])
def test_a_repeated_result_is_identical(folder: Path, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    mask = ["--mask", str(folder / "mask.nii.gz")]
    assert superres(folder, image, "--method", "zero-fill-nlm", *mask) == 0
    (record,) = (folder / "out").glob("*superres_*.json")
    capsys.readouterr()
    assert main(["repeat", str(record)]) == 0
    said = capsys.readouterr().out
    assert said.count("identical") == 2
    assert "DIFFERENT" not in said


def test_a_checkpoint_of_the_users_own_is_used_and_recorded(folder: Path) -> None:
    from napari_dwi.superres.training.checkpoint import write_checkpoint
    from napari_dwi.superres.training.shipped import shipped_checkpoint

    shipped = shipped_checkpoint(2)
    weights = {name: 1.1 * one for name, one in shipped.weights.items()}
    own = folder / "own.safetensors"
    write_checkpoint(replace(shipped, weights=weights), own)
    options = ["--method", "network", "--device", "cpu", "--checkpoint", str(own)]
    assert superres(folder, "T1.nii.gz", *options) == 0
    said = json.loads((folder / "out" / "T1_desc-superres_anat.json").read_text())
    assert said["Parameters"]["checkpoint"] == str(own.resolve())
    assert said["Network"]["SHA256"] == sha256_of(own)
    assert said["Network"]["SHA256"] != shipped.sha256


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "zero-fill", "--checkpoint", "x.safetensors"], "zero-fill takes no checkpoint"),
        (["--method", "network", "--checkpoint", "x.safetensors"], "x.safetensors: cannot be read"),
        (["--method", "gaussian"], "no method is called gaussian; expected one of"),
        (["--method", "zero-fill", "--set", "factor=5"], "a whole number from 2 to 4, found 5"),
        (["--method", "zero-fill", "--set", "factor=1"], "a whole number from 2 to 4, found 1"),
    ],
)
def test_bad_choices_are_one_line_and_write_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert superres(folder, "scan.nii.gz", *options) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("napari-dwi:")]
    assert len(said) == 1
    assert message in said[0]
    assert files_below(folder / "out") == {}
