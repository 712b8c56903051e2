from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main
from napari_dwi.measure.regions import measure_regions, statistics_table
from napari_dwi.scan import Volume, open_series, open_volume, resample_to, save
from napari_dwi.scan.regions import read_regions

from ..synthetic import files_below, make_series


def test_the_table_is_that_of_the_library(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = [str(folder / "scan.nii.gz"), str(folder / "T1.nii.gz")]
    roi = folder / "rois.nii.gz"
    assert main(["measure", *images, "--roi", str(roi), "--background", "muscle"]) == 0
    regions = read_regions(roi)
    rows = [
        *measure_regions(open_series(folder / "scan.nii.gz"), regions.labels, regions.names, "muscle"),
        *measure_regions(open_volume(folder / "T1.nii.gz"), regions.labels, regions.names, "muscle"),
    ]
    said = capsys.readouterr()
    assert said.out == statistics_table(tuple(rows))
    assert said.err == ""
    assert {row.region for row in rows} == {"lesion", "muscle"}


def test_the_table_can_be_kept(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "stats.tsv"
    arguments = ["measure", str(folder / "scan.nii.gz"), "--roi", str(folder / "rois.nii.gz")]
    assert main([*arguments, "--out", str(out)]) == 0
    assert out.read_text() == capsys.readouterr().out
    assert list(files_below(out.parent)) == ["stats.tsv"]


def test_regions_drawn_on_another_grid_are_brought_over(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finer = make_series((40, 36, 8), spacing_mm=(1.0, 1.25, 2.5))
    save(Volume(finer.tissue.astype(np.float32), finer.series.grid, "labels"), folder / "fine.nii.gz")
    assert main(["measure", str(folder / "scan.nii.gz"), "--roi", str(folder / "fine.nii.gz")]) == 0
    said = capsys.readouterr()
    series = open_series(folder / "scan.nii.gz")
    labels = resample_to(read_regions(folder / "fine.nii.gz").labels, series.grid)
    assert said.out == statistics_table(measure_regions(series, labels, {1: "1"}))
    assert said.err.splitlines() == ["scan.nii.gz: regions resampled to its grid, nearest voxel"]


def test_after_denoising_the_spread_of_a_region_is_smaller(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan, out = folder / "scan.nii.gz", tmp_path / "out"
    assert main(["denoise", str(scan), "--method", "gaussian", "--out", str(out)]) == 0
    capsys.readouterr()
    denoised = out / "scan_desc-gaussian_dwi.nii.gz"
    assert main(["measure", str(scan), str(denoised), "--roi", str(folder / "rois.nii.gz")]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    spread = {tuple(cells[:4]): float(cells[7]) for cells in (line.split("\t") for line in lines)}
    assert spread["scan_desc-gaussian_dwi", "2", "800", "lesion"] < spread["scan", "2", "800", "lesion"]
