from __future__ import annotations

from pathlib import Path

import pytest

from napari_dwi.cli import main
from napari_dwi.scan import open_series, open_volume
from napari_dwi.scan.regions import read_regions


@pytest.mark.slow
def test_a_simulated_brain_is_a_scan_with_its_truth_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "brain", "--snr", "8", "--seed", "3", "--out", str(tmp_path)]) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert all(path.is_file() for path in written)
    (scan,) = [path for path in written if path.parent == tmp_path and path.name.endswith("_dwi.nii.gz")]
    (truth,) = [path for path in written if path.name.endswith("_desc-truth_dwi.nii.gz")]
    noisy, clean = open_series(scan), open_series(truth)
    assert truth.parent == tmp_path / "truth"
    assert noisy.grid.same_as(clean.grid)
    assert (noisy.signal != clean.signal).any()
    (regions,) = [path for path in written if path.name.endswith("_dseg.nii.gz")]
    assert read_regions(regions).labels.grid.same_as(noisy.grid)
    anatomy = [path for path in written if path.name.endswith("w.nii.gz")]
    assert anatomy
    assert all(open_volume(path).data.any() for path in anatomy)


def test_squares_of_known_ivim_parameters_come_with_their_maps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--snr", "40", "--noisy", "clean-priors", "--noisy-b", "800", "--correlated"]
    assert main(["simulate", "ivim", *options, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.err == "Squares of known f, D and D*: SNR 40 of the squares is sigma 25\n"
    written = {Path(line).name: Path(line) for line in told.out.splitlines()}
    noisy, clean = (open_series(written[f"ivim_{end}.nii.gz"]) for end in ("dwi", "desc-truth_dwi"))
    spread = (noisy.signal - clean.signal).std(axis=(0, 1, 2))
    assert spread[-1] == pytest.approx(25, rel=0.1)
    assert (spread[:-1] < 22).all()
    assert {f"ivim_model-ivim_param-{name}_dwimap.nii.gz" for name in ("D", "f", "Dstar", "S0")} < set(
        written
    )


def test_a_protocol_of_ones_own_is_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "protocol.bval").write_text("0 30 200 900\n")
    command = ["simulate", "tubes", "--bval", str(tmp_path / "protocol.bval"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert open_series(tmp_path / "out" / "tubes_dwi.nii.gz").b_values.values.tolist() == [0, 30, 200, 900]
    (tmp_path / "protocol.bval").write_text("")
    capsys.readouterr()
    assert main(command) == 2
    assert "the file is empty" in capsys.readouterr().err


def test_only_what_can_be_simulated_is(tmp_path: Path) -> None:
    assert main(["simulate", "knee", "--out", str(tmp_path)]) == 2
    assert main(["simulate", "tubes", "--snr", "0", "--out", str(tmp_path)]) == 2
