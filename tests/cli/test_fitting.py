from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.scan import open_volume

from ..fit.curves import Curves, make_curves
from ..synthetic import files_below, save_series


@pytest.fixture
def curves(tmp_path: Path) -> Curves:
    """IVIM voxels, saved as ``scan_dwi``; nothing of them is air."""
    curves = make_curves("ivim", snr=40)
    save_series(curves.series, tmp_path / "scan_dwi.nii.gz")
    return curves


def fit(folder: Path, *more: str) -> int:
    arguments = ["fit", str(folder / "scan_dwi.nii.gz"), "--out", str(folder / "out"), "--device", "cpu"]
    return main([*arguments, *more])


def test_fit_writes_maps_with_sidecars_that_name_the_convention(
    curves: Curves, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(tmp_path, "--model", "ivim", "--method", "least-squares") == 0
    written = files_below(tmp_path / "out")
    for name in ("f", "D", "Dstar", "S0"):
        for ending in ("", "_desc-sd"):
            stem = f"scan_model-ivim_param-{name}{ending}_dwimap"
            assert {f"{stem}.nii.gz", f"{stem}.json"} <= set(written)
    said = json.loads(written["scan_model-ivim_param-Dstar_dwimap.json"])
    assert said["Units"] == "mm2/s"
    assert said["Formula"] == "S = S0 [(1 - f) exp(-b D) + f exp(-b D*)]"
    assert said["Bounds"]["Dstar"] == pytest.approx([5e-3, 0.3])
    assert said["Method"] == "least-squares"
    assert "voxels: fitted: " in capsys.readouterr().out
    adc = open_volume(tmp_path / "out" / "scan_model-ivim_param-D_dwimap.nii.gz").data
    assert np.median(np.abs(adc / curves.truth[..., 1] - 1)) < 0.2


@pytest.mark.usefixtures("curves")
def test_the_method_chooses_the_model_unless_told(tmp_path: Path) -> None:
    assert fit(tmp_path, "--method", "log-linear") == 0
    assert "scan_model-adc_param-ADC_dwimap.nii.gz" in files_below(tmp_path / "out")


@pytest.mark.usefixtures("curves")
def test_presets_settings_and_a_mask_are_used(curves: Curves, tmp_path: Path) -> None:
    from napari_dwi.scan import Volume, save

    mask = np.zeros(curves.series.grid.shape, np.float32)
    mask[:4] = 1
    save(Volume(mask, curves.series.grid, "mask"), tmp_path / "mask.nii.gz")
    settings = ["--preset", "seed-004", "--set", "D_high=3", "--set", "sd_maps=no"]
    mask_options = ["--mask", str(tmp_path / "mask.nii.gz")]
    assert fit(tmp_path, "--method", "least-squares", *settings, *mask_options) == 0
    written = files_below(tmp_path / "out")
    said = json.loads(written["scan_model-ivimdfast_param-Dfast_dwimap.json"])
    assert said["Bounds"]["D"] == pytest.approx([1e-5, 3e-3])
    assert said["Voxels"]["finite"] == mask.sum()
    assert not any("desc-sd" in name for name in written)


@pytest.mark.usefixtures("curves")
def test_a_repeated_fit_is_identical(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(tmp_path, "--method", "segmented") == 0
    capsys.readouterr()
    assert main(["repeat", str(tmp_path / "out" / "scan_model-ivim_param-f_dwimap.json")]) == 0
    said = capsys.readouterr().out
    assert "identical" in said
    assert "DIFFERENT" not in said


@pytest.mark.usefixtures("curves")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--model", "ivim", "--method", "log-linear"],
            "log-linear does not know the model ivim; expected one of adc. Methods that know it: ",
        ),
        (["--model", "dki", "--method", "least-squares"], "invalid choice: 'dki'"),
        (["--method", "gaussian"], "no method is called gaussian"),
        (
            ["--method", "least-squares", "--set", "b_values=0,800"],
            "too few b-values for IVIM (D* is the whole fast decay); expected at least 4 different b-values",
        ),
        (["--method", "least-squares", "--set", "b_values=0,700"], "no volume at b = 700"),
        (["--method", "least-squares", "--set", "D_high=0"], "the bounds of D leave nothing to fit"),
    ],
)
def test_bad_choices_are_one_line_and_write_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert fit(tmp_path, *options) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("napari-dwi:")]
    assert len(said) == 1
    assert message in said[0]
    assert files_below(tmp_path / "out") == {}


def test_means_of_regions_come_as_a_table(
    curves: Curves, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from napari_dwi.scan import Volume, save

    labels = np.ones(curves.series.grid.shape, np.float32)
    labels[4:] = 2
    save(Volume(labels, curves.series.grid, "labels"), tmp_path / "organs_dseg.nii.gz")
    (tmp_path / "organs_dseg.json").write_text('{"Labels": {"1": "liver", "2": "spleen"}}')
    regions = ("--means-of", str(tmp_path / "organs_dseg.nii.gz"))
    assert fit(tmp_path, "--method", "least-squares", *regions) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split()[:3] == ["region", "n", "f"]
    assert [line.split()[0] for line in said[1:3]] == ["liver", "spleen"]
    written = files_below(tmp_path / "out")
    lines = written["scan_model-ivim_desc-means_dwimap.tsv"].decode().splitlines()
    row = dict(zip(lines[0].split("\t"), lines[2].split("\t"), strict=True))
    assert row["region"] == "spleen"
    assert row["n"] == "96"
    assert float(row["D (mm2/s)"]) == pytest.approx(1.2e-3, rel=0.2)
    record = json.loads(written["scan_model-ivim_desc-means_dwimap.json"])
    assert [source["Part"] for source in record["Sources"]] == ["series", "regions"]
    assert main(["repeat", str(tmp_path / "out" / "scan_model-ivim_desc-means_dwimap.json")]) == 2
    assert fit(tmp_path, "--method", "least-squares", *regions, "--mask", regions[1]) == 2
