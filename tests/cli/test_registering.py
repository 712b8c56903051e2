from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("SimpleITK")

from napari_dwi.cli import main
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, save

from ..synthetic import make_grid

OFFSET_MM = 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A series, and anatomy of it whose header is 5 mm wrong along x."""
    grid = make_grid((48, 40, 16), (2.0, 2.0, 4.0))
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, n) for n in grid.shape], indexing="ij")
    tissue = np.zeros(grid.shape)
    for cx, cy, cz in np.random.default_rng(3).uniform(-0.7, 0.7, (25, 3)):
        tissue += 500 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / 0.03)
    signal = np.stack([tissue, tissue / 2], axis=-1).astype(np.float32)
    save(DwiSeries(signal, grid, BValues(np.array([0.0, 800.0]))), tmp_path / "scan.nii.gz")
    affine = grid.affine.copy()
    affine[0, 3] += OFFSET_MM
    wrong = Grid(grid.shape, affine, "sform")
    save(Volume(np.sqrt(tissue).astype(np.float32), wrong), tmp_path / "T2.nii.gz")
    return tmp_path


def test_anatomy_is_aligned_only_when_asked_recorded_and_repeated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["denoise", str(folder / "scan.nii.gz"), "--method", "gaussian", "--device", "cpu"]
    command += ["--threads", "1", "--anatomy", str(folder / "T2.nii.gz")]
    assert main([*command, "--out", str(folder / "as-is")]) == 0
    assert "aligned" not in capsys.readouterr().err
    out = folder / "aligned"
    assert main([*command, "--register", "--out", str(out)]) == 0
    assert "T2: aligned to the series: moved by" in capsys.readouterr().err
    (sidecar,) = out.glob("*_desc-gaussian_dwi.json")
    sources = {source["Part"]: source for source in json.loads(sidecar.read_text())["Sources"]}
    alignment = np.array(sources["anatomy"]["Alignment"])
    np.testing.assert_allclose(alignment[:3, 3], (-OFFSET_MM, 0, 0), atol=1)
    assert main(["repeat", str(sidecar)]) == 0
    assert "DIFFERENT" not in capsys.readouterr().out
