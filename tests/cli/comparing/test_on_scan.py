from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import Volume, open_volume, save

from ...fit.curves import Curves, make_curves
from ...synthetic import files_below, make_series, save_series


def compare(folder: Path, *words: str, scan: str = "scan.nii.gz") -> int:
    out = ["--out", str(folder / "out"), "--device", "cpu", "--threads", "1"]
    return main(["compare", str(folder / scan), *out, *words])


def table(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.fixture(scope="module")
def curves() -> Curves:
    return make_curves("sivim", snr=40, shape=(12, 12, 2))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, curves: Curves) -> Path:
    """Two fits of simplified IVIM in two regions, held against the true maps."""
    folder = tmp_path_factory.mktemp("fits")
    grid = curves.series.grid
    save(curves.series, folder / "scan_dwi.nii.gz")
    for n, name in enumerate(("f", "D", "S0")):
        truth = Volume(curves.truth[..., n].astype(np.float32), grid, "map")
        save(truth, folder / "truth" / f"scan_model-sivim_param-{name}_dwimap.nii.gz")
    regions = np.ones(grid.shape, np.float32)
    regions[6:] = 2
    sidecar = {"Labels": {"1": "left", "2": "right"}}
    save(Volume(regions, grid, "labels"), folder / "rois.nii.gz", sidecar=sidecar)
    save(Volume(np.ones(grid.shape, np.float32), grid, "mask"), folder / "mask.nii.gz")
    words = ["--model", "sivim", "--methods", "least-squares,quick=segmented"]
    words += ["--roi", str(folder / "rois.nii.gz"), "--mask", str(folder / "mask.nii.gz")]
    words += ["--reference", str(folder / "truth")]
    assert compare(folder, *words, "--set", "quick.sd_maps=no", scan="scan_dwi.nii.gz") == 0
    return folder


def test_each_method_has_its_maps_in_a_folder_of_its_own(fitted: Path) -> None:
    written = files_below(fitted / "out")
    for label, method in (("least-squares", "least-squares"), ("quick", "segmented")):
        stem = f"{label}/scan_model-sivim_param-D_dwimap"
        assert f"{stem}.nii.gz" in written
        assert json.loads(written[f"{stem}.json"])["Method"] == method
    assert "least-squares/scan_model-sivim_param-D_desc-sd_dwimap.nii.gz" in written
    assert "quick/scan_model-sivim_param-D_desc-sd_dwimap.nii.gz" not in written


def test_the_maps_are_those_of_a_fit_alone(fitted: Path, tmp_path: Path) -> None:
    words = ["--model", "sivim", "--method", "least-squares", "--mask", str(fitted / "mask.nii.gz")]
    assert main(["fit", str(fitted / "scan_dwi.nii.gz"), *words, "--out", str(tmp_path)]) == 0
    for name in ("f", "D"):
        file = f"scan_model-sivim_param-{name}_dwimap.nii.gz"
        assert (tmp_path / file).read_bytes() == (fitted / "out" / "least-squares" / file).read_bytes()


def test_the_table_says_what_the_maps_hold(fitted: Path, curves: Curves) -> None:
    rows = table(fitted / "out" / "table.tsv")
    assert len(rows) == 2 * 2 * 3
    (row,) = [
        row
        for row in rows
        if (row["method"], row["region"], row["parameter"]) == ("least-squares", "right", "f")
    ]
    found = open_volume(fitted / "out" / "least-squares" / "scan_model-sivim_param-f_dwimap.nii.gz").data[6:]
    known = found[np.isfinite(found)]
    error = (known - curves.truth[6:, ..., 0][np.isfinite(found)]).astype(float)
    assert int(row["n"]) == known.size
    expected = [known.mean(), known.std(ddof=1), np.median(known), error.mean(), np.sqrt((error**2).mean())]
    said = [float(row[name]) for name in ("mean", "sd", "median", "bias", "rmse")]
    np.testing.assert_allclose(said, expected, rtol=1e-4)
    assert float(row["psnr_db"]) > 5
    assert 0 <= float(row["at_bound"]) <= 1


def test_the_sidecar_says_how_it_was_made(fitted: Path) -> None:
    said = json.loads((fitted / "out" / "table.json").read_text())
    assert said["Methods"]["quick"]["Method"] == "segmented"
    assert said["Methods"]["quick"]["Parameters"]["sd_maps"] is False
    assert said["Regions"] == {"left": 144, "right": 144}
    assert said["Reference"]["Maps"] == ["f", "D", "S0"]
    assert len(said["Sources"][0]["SHA256"]) == 64
    assert set(table(fitted / "out" / "table.tsv")[0]) == set(said["Columns"])


def test_pairs_of_methods_agree_or_not(fitted: Path) -> None:
    rows = table(fitted / "out" / "agreement.tsv")
    assert {(row["first"], row["second"]) for row in rows} == {("least-squares", "quick")}
    for row in rows:
        low, middle, high = (float(row[name]) for name in ("lower_limit", "mean_difference", "upper_limit"))
        assert low < middle < high


def test_there_are_pictures_of_decays_maps_bars_and_agreement(fitted: Path) -> None:
    pytest.importorskip("matplotlib")
    written = files_below(fitted / "out")
    stems = ("decay", "maps", "bars", "errors", "agreement_f", "agreement_D")
    assert {name for name in written if name.endswith(".png")} == {f"{stem}.png" for stem in stems}


def test_denoisers_are_compared_with_the_input_and_a_clean_series(folder: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.nii.gz"
    save(make_series().truth, truth)
    words = ["--methods", "gaussian,median", "--roi", str(folder / "rois.nii.gz"), "--reference", str(truth)]
    assert compare(folder, *words) == 0
    rows = table(folder / "out" / "table.tsv")
    assert {row["method"] for row in rows} == {"input", "gaussian", "median"}
    assert {row["parameter"] for row in rows} == {"b=0", "b=400", "b=800"}
    lesion = [row for row in rows if (row["region"], row["parameter"]) == ("lesion", "b=800")]
    scatter = {row["method"]: float(row["error_sd"]) for row in lesion}
    assert max(scatter["gaussian"], scatter["median"]) < 0.5 * scatter["input"]
    written = files_below(folder / "out")
    assert "gaussian/scan_desc-gaussian_dwi.bval" in written
    pytest.importorskip("matplotlib")
    assert {"maps.png", "residuals.png", "bars.png"} <= set(written)


@pytest.mark.usefixtures("no_pictures")
def test_a_series_with_less_noise_is_a_reference_for_fits(folder: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.nii.gz"
    save(make_series().truth, truth)
    words = ["--model", "adc", "--methods", "log-linear", "--reference", str(truth)]
    assert compare(folder, *words, "--mask", str(folder / "mask.nii.gz")) == 0
    rows = {row["parameter"]: row for row in table(folder / "out" / "table.tsv")}
    assert abs(float(rows["ADC"]["bias"])) < 0.1e-3
    said = json.loads((folder / "out" / "table.json").read_text())
    assert said["Reference"]["FitOfASeries"] == "least-squares"
    assert not (folder / "out" / "agreement.tsv").exists()


@pytest.mark.usefixtures("no_pictures")
def test_all_fits_are_told_one_noise_level_unless_the_user_typed_one(tmp_path: Path) -> None:
    # Blanked around the tissue, so that there are repeats and no air.
    scan = make_series(b_values=(0, 0, 0, 400, 800))
    signal = np.where(scan.tissue[..., None], scan.series.signal, np.float32(0))
    save(replace(scan.series, signal=signal), tmp_path / "scan.nii.gz")
    words = ["--model", "adc", "--methods", "log-linear,a=least-squares,b=least-squares"]
    assert compare(tmp_path, *words, "--set", "b.noise_sigma=7") == 0
    said = json.loads((tmp_path / "out" / "table.json").read_text())
    told = {label: method["Parameters"]["noise_sigma"] for label, method in said["Methods"].items()}
    assert said["NoiseSigma"] == told["log-linear"] == told["a"] == pytest.approx(60, rel=0.2)
    assert told["b"] == 7


@pytest.mark.usefixtures("no_pictures")
def test_a_method_that_fails_leaves_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "adc", "--methods", "log-linear,least-squares", "--set", "least-squares.b_values=0"]
    assert compare(folder, *words) == 1
    assert "least-squares: without diffusion weighting there is nothing to fit" in capsys.readouterr().err
    said = json.loads((folder / "out" / "table.json").read_text())
    assert "nothing to fit" in said["Methods"]["least-squares"]["Failed"]
    assert not (folder / "out" / "least-squares").exists()
    assert (folder / "out" / "log-linear").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "least-squares"], "no method is called least-squares"),
        (["--model", "ivim", "--methods", "least-squares"], "too few b-values for IVIM"),
        (["--methods", "gaussian", "--snr", "15"], "--snr needs known truth; expected no SERIES"),
        (["--methods", "gaussian", "--threads", "0"], "--threads must be at least 1"),
        (
            ["--methods", "gaussian", "--reference", "T1.nii.gz"],
            "nothing that the methods find; expected a series",
        ),
        (
            ["--model", "adc", "--methods", "log-linear", "--reference", "."],
            "there are no maps in this folder",
        ),
        (["--methods", "gaussian", "--roi", "missing.nii.gz"], "missing.nii.gz"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_writes_nothing(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(folder)
    before = files_below(folder)
    assert compare(folder, *words) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("napari-dwi:")]
    assert message in line
    assert files_below(folder) == before


def test_a_reference_on_another_grid_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_series(make_series((10, 9, 2)).series, tmp_path / "small.nii.gz")
    assert compare(folder, "--methods", "gaussian", "--reference", str(tmp_path / "small.nii.gz")) == 2
    assert "does not lie on the grid of the series; expected size (20, 18, 4)" in capsys.readouterr().err


@pytest.mark.parametrize("on", ["a scan", "known truth"])
def test_a_stop_leaves_nothing_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], on: str
) -> None:
    heard: list[str] = []

    @contextmanager
    def impatient() -> Iterator[Progress]:
        # Asks for a stop as soon as the second method is at work.
        def on_report(_fraction: float, phrase: str) -> None:
            heard.append(phrase)

        yield Progress(on_report, lambda: any("least-squares: " in phrase for phrase in heard))

    for module in ("on_scan", "on_truth"):
        monkeypatch.setattr(f"napari_dwi.cli.comparing.{module}.terminal_progress", impatient)
    words = ["--model", "adc", "--methods", "log-linear,least-squares", "--out", str(folder / "out")]
    series = [str(folder / "scan.nii.gz")] if on == "a scan" else ["--repeats", "5"]
    assert main(["compare", *series, *words]) == 130
    assert any("log-linear: " in phrase for phrase in heard)
    assert not (folder / "out").exists()
    assert "stopped, nothing was written" in capsys.readouterr().err


def test_inputs_are_never_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files_below(folder)
    (folder / "table.tsv").write_bytes((folder / "scan.bval").read_bytes())
    words = ["--methods", "gaussian", "--bval", str(folder / "table.tsv"), "--out", str(folder)]
    assert main(["compare", str(folder / "scan.nii.gz"), *words]) == 2
    assert "never overwritten" in capsys.readouterr().err
    (folder / "table.tsv").unlink()
    assert files_below(folder) == before
