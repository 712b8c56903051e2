from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.cli import main

from ...synthetic import files_below


def compare(out: Path, *more: str) -> int:
    quick = ["--points", "3", "--repeats", "12"]
    return main(["compare", "--out", str(out), *quick, *more])


def table(path: Path) -> list[dict[str, str]]:
    header, *lines = path.read_text().splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Least squares and the posterior mean at two noise levels."""
    folder = tmp_path_factory.mktemp("compared")
    words = ["--methods", "least-squares,bayes", "--set", "atoms=1500", "--snr", "15,60"]
    with pytest.MonkeyPatch.context() as patch:
        # Pictures take most of the time, and have a test of their own.
        patch.setitem(sys.modules, "matplotlib", None)
        assert compare(folder, *words) == 0
    return folder


def test_every_method_noise_level_and_parameter_has_its_row(out: Path) -> None:
    rows = table(out / "table.tsv")
    assert [row["parameter"] for row in rows] == ["f", "D", "Dstar"] * 4
    assert {row["snr"] for row in rows} == {"15", "60"}
    assert [row["method"] for row in rows[:6]] == ["least-squares"] * 3 + ["bayes"] * 3
    said = json.loads((out / "table.json").read_text())
    assert list(said["Columns"]) == list(rows[0])
    assert said["Methods"]["bayes"]["Parameters"]["atoms"] == 1500
    assert said["BValues"][:3] == [0, 10, 20]
    assert said["TrueValues"]["f"] == pytest.approx([0.1, 0.3, 0.5])
    assert "never rank methods on RMSE alone" in said["Note"]


def test_errors_fall_with_the_noise_and_the_limit_does_too(out: Path) -> None:
    rows = {(row["snr"], row["method"], row["parameter"]): row for row in table(out / "table.tsv")}
    for method in ("least-squares", "bayes"):
        for parameter in ("f", "D", "Dstar"):
            noisy, quiet = rows["15", method, parameter], rows["60", method, parameter]
            assert float(quiet["rmse"]) < float(noisy["rmse"])
            ratio = float(noisy["lowest_unbiased_sd"]) / float(quiet["lowest_unbiased_sd"])
            assert ratio == pytest.approx(4, rel=0.25)


def test_marginals_average_what_stands_for_every_tissue(out: Path) -> None:
    tissues = [row for row in table(out / "tissues_snr-15.tsv") if row["method"] == "bayes"]
    assert len(tissues) == 27
    marginal = [
        row
        for row in table(out / "marginal_snr-15.tsv")
        if row["method"] == "bayes" and row["parameter"] == "D"
    ]
    for row in marginal:
        same = [t for t in tissues if np.isclose(float(t["true_D"]), float(row["true"]))]
        assert len(same) == 9
        bias = np.mean([float(t["mean_D"]) for t in same]) - float(row["true"])
        assert bias == pytest.approx(float(row["bias"]), abs=1e-8)


def test_there_is_a_picture_of_everything_and_nothing_half_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    words = ["--model", "sivim", "--methods", "least-squares,quick=segmented", "--snr", "15"]
    assert compare(tmp_path, *words) == 0
    written = files_below(tmp_path)
    tables = {
        f"{stem}.{end}" for stem in ("table", "marginal_snr-15", "tissues_snr-15") for end in ("tsv", "json")
    }
    stems = ("marginal_snr-15", "arrows_snr-15", "tissues_snr-15_quick_against_least-squares")
    pictures = {f"{stem}.png" for stem in stems}
    assert set(written) == tables | pictures
    assert all(written[name].startswith(b"\x89PNG") for name in pictures)


@pytest.mark.usefixtures("no_pictures")
def test_the_same_seed_gives_the_same_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "adc", "--methods", "log-linear", "--snr", "20", "--seed"]
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert compare(tmp_path / name, *words, seed) == 0
    first, same, other = ((tmp_path / name / "tissues_snr-20.tsv").read_text() for name in "abc")
    assert first == same != other
    captured = capsys.readouterr()
    assert "ADC (10⁻³ mm²/s)" in captured.out
    assert "never rank methods on RMSE alone" in captured.err


@pytest.mark.usefixtures("no_pictures")
def test_protocol_and_tissues_can_be_chosen(tmp_path: Path) -> None:
    bval = tmp_path / "own.bval"
    bval.write_text("0 0 500 1000\n")
    words = ["--model", "adc", "--methods", "least-squares", "--bval", str(bval), "--snr", "30"]
    assert compare(tmp_path / "out", *words, "--range", "ADC=0.5e-3:1e-3") == 0
    said = json.loads((tmp_path / "out" / "table.json").read_text())
    assert said["BValues"] == [0, 0, 500, 1000]
    assert said["TrueValues"]["ADC"] == pytest.approx([0.5e-3, 0.75e-3, 1e-3])


@pytest.mark.usefixtures("no_pictures")
def test_without_the_drawing_library_there_are_tables_and_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(tmp_path, "--model", "adc", "--methods", "log-linear", "--snr", "20") == 0
    assert not any(name.endswith(".png") for name in files_below(tmp_path))
    assert "marginal_snr-20.tsv" in files_below(tmp_path)
    assert 'pip install "napari-dwi[figures]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "bayes", "--snr", "15,none"], "--snr takes positive numbers"),
        (["--methods", "bayes", "--snr", "0"], "--snr takes positive numbers"),
        (["--methods", "bayes", "--repeats", "1"], "--repeats must be at least 2"),
        (["--methods", "bayes", "--points", "0"], "expected at least 1, found 0"),
        (["--methods", "bayes", "--range", "D:1-2"], "--range takes NAME=LOW:HIGH"),
        (["--methods", "bayes", "--range", "ADC=1e-3:2e-3"], "ivim has no parameter ADC"),
        (["--methods", "bayes", "--roi", "r.nii"], "--roi needs a scan; expected a SERIES"),
        (["--methods", "bayes", "--device", "cpu"], "--device needs a scan; expected a SERIES"),
        (["--methods", "gaussian"], "no method is called gaussian"),
        (["--methods", "image-cnn"], "image-cnn looks at neighbours, and single signals have none"),
        (["--methods", "bayes", "--bval", "missing.bval"], "missing.bval"),
    ],
)
def test_what_cannot_be_simulated_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert compare(tmp_path / "out", *words) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_too_few_b_values_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "three.bval").write_text("0 100 800\n")
    assert compare(tmp_path / "out", "--methods", "bayes", "--bval", str(tmp_path / "three.bval")) == 2
    assert "expected at least 4, found 3" in capsys.readouterr().err
