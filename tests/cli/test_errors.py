"""What goes wrong ends in one line on stderr, an exit code, and nothing written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import napari_dwi
from napari_dwi.cli import main
from napari_dwi.errors import BadInputError

from ..synthetic import files_below


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def nothing(folder: Path) -> None:
    """Leave the folder as it is."""


def _denoise(folder: Path, *more: str, method: str = "gaussian", out: str = "out") -> list[str]:
    return ["denoise", f"{folder}/scan.nii.gz", "--method", method, "--out", f"{folder}/{out}", *more]


# What is done to the folder, the command, and what the line must say.
_CASES: dict[str, tuple[Callable[[Path], object], Callable[[Path], list[str]], str]] = {
    "too few b-values": (lambda f: (f / "scan.bval").write_text("0 800\n"), _denoise, "scan.bval"),
    "no b-values": (lambda f: (f / "scan.bval").unlink(), _denoise, "b-values of this series are not known"),
    "a single b-value": (
        lambda f: (f / "scan.bval").write_text("800 800 800\n"),
        _denoise,
        "at least two different b-values",
    ),
    "a truncated file": (lambda f: truncate(f / "scan.nii.gz"), _denoise, "scan.nii.gz"),
    "a truncated file, convert": (
        lambda f: truncate(f / "T1.nii.gz"),
        lambda f: ["convert", f"{f}/T1.nii.gz", f"{f}/new.nii.gz"],
        "T1.nii.gz",
    ),
    "no such file": (lambda f: (f / "scan.nii.gz").unlink(), _denoise, "scan.nii.gz"),
    "a folder without images": (
        lambda f: ((f / "empty").mkdir(), (f / "empty" / "notes.txt").write_text("no DICOM")),
        lambda f: ["info", f"{f}/empty"],
        "empty",
    ),
    "a folder without images, convert": (
        lambda f: (f / "empty").mkdir(),
        lambda f: ["convert", f"{f}/empty", f"{f}/new.nii.gz"],
        "empty",
    ),
    "a volume instead of a series": (
        nothing,
        lambda f: ["denoise", f"{f}/T1.nii.gz", "--method", "gaussian", "--out", f"{f}/out"],
        "a single volume, not a diffusion series",
    ),
    "output below a file": (
        lambda f: (f / "file").write_text(""),
        lambda f: _denoise(f, out="file/out"),
        "cannot be written",
    ),
    "convert onto its own input": (
        nothing,
        lambda f: ["convert", f"{f}/scan.nii.gz", f"{f}/scan.nii.gz"],
        "never overwritten",
    ),
    "convert onto its own b-values": (
        lambda f: (f / "scan.bval").rename(f / "new.bval"),
        lambda f: ["convert", f"{f}/scan.nii.gz", f"{f}/new.nii.gz", "--bval", f"{f}/new.bval"],
        "never overwritten",
    ),
    "convert to another kind of file": (
        nothing,
        lambda f: ["convert", f"{f}/scan.nii.gz", f"{f}/scan.mha"],
        "a name ending in .nii.gz",
    ),
    "denoise onto its own anatomy": (
        lambda f: (f / "T1.nii.gz").rename(f / "scan_desc-gaussian_dwi.nii.gz"),
        lambda f: _denoise(f, "--anatomy", f"{f}/scan_desc-gaussian_dwi.nii.gz", out=""),
        "never overwritten",
    ),
    "denoise onto its own b-values": (
        lambda f: (f / "scan.bval").rename(f / "scan_desc-gaussian_dwi.bval"),
        lambda f: _denoise(f, "--bval", f"{f}/scan_desc-gaussian_dwi.bval", out=""),
        "never overwritten",
    ),
    "measure onto its own regions": (
        nothing,
        lambda f: ["measure", f"{f}/T1.nii.gz", "--roi", f"{f}/rois.nii.gz", "--out", f"{f}/rois.nii.gz"],
        "never overwritten",
    ),
    "measure with an image for regions": (
        nothing,
        lambda f: ["measure", f"{f}/scan.nii.gz", "--roi", f"{f}/T1.nii.gz"],
        "not a label image",
    ),
    "measure against an unknown background": (
        nothing,
        lambda f: ["measure", f"{f}/T1.nii.gz", "--roi", f"{f}/rois.nii.gz", "--background", "liver"],
        "no region called liver; expected one of lesion, muscle",
    ),
    "an unknown method": (
        nothing,
        lambda f: _denoise(f, method="magic"),
        "no method is called magic; expected one of",
    ),
    "an unknown preset": (nothing, lambda f: _denoise(f, "--preset", "best"), "no preset best"),
    "an unknown parameter": (
        nothing,
        lambda f: _denoise(f, "--set", "width=3"),
        "unknown parameter width; expected one of sigma_mm",
    ),
    "a parameter out of bounds": (
        nothing,
        lambda f: _denoise(f, "--set", "sigma_mm=nan"),
        "expected a number from 0.1 to 20, found nan",
    ),
    "a parameter without a value": (nothing, lambda f: _denoise(f, "--set", "sigma_mm"), "KEY=VALUE"),
    "a b-value that is not there": (
        nothing,
        lambda f: _denoise(f, "--set", "targets=1000"),
        "no volume at b = 1000 s/mm2; expected one of 0 400 800",
    ),
    "a negative seed": (nothing, lambda f: _denoise(f, "--seed", "-1"), "the seed cannot be used"),
    "no threads": (nothing, lambda f: _denoise(f, "--threads", "0"), "--threads"),
    "a device that is no device": (nothing, lambda f: _denoise(f, "--device", "tpu"), "--device"),
    "an unknown argument": (nothing, lambda f: _denoise(f, "--speed", "high"), "--speed"),
    "a missing argument": (nothing, lambda f: ["denoise", f"{f}/scan.nii.gz"], "--method"),
    "an unknown command": (nothing, lambda _: ["enhance"], "enhance"),
    "no command": (nothing, lambda _: [], "COMMAND"),
    "repeat of no record": (
        lambda f: (f / "notes.json").write_text("{}"),
        lambda f: ["repeat", f"{f}/notes.json"],
        "not the sidecar of a result",
    ),
    "repeat of an image": (nothing, lambda f: ["repeat", f"{f}/T1.nii.gz"], "expected JSON"),
    "simulate without noise level": (
        nothing,
        lambda f: ["simulate", "brain", "--snr", "0", "--out", f"{f}/out"],
        "--snr must be positive",
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_bad_input_gives_one_line_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    spoil, command, what = _CASES[case]
    spoil(folder)
    before = files_below(folder)
    assert main(command(folder)) == 2
    said = capsys.readouterr()
    # Progress is no error; a run that fails only on saving has shown some.
    lines = [line for line in said.err.splitlines() if not re.match(r"\s*\d+ %  ", line)]
    assert len(lines) == 1, said.err
    assert lines[0].startswith("napari-dwi: ")
    assert what in lines[0]
    assert said.out == ""
    assert files_below(folder) == before
    assert not (folder / "out").exists()


def test_a_traceback_is_shown_only_on_request(folder: Path) -> None:
    with pytest.raises(BadInputError, match="no method is called magic"):
        main(["--debug", *_denoise(folder, method="magic")])
    with pytest.raises(BadInputError, match="no method is called magic"):
        main([*_denoise(folder, method="magic"), "--debug"])


@pytest.mark.parametrize("arguments", [["--help"], ["denoise", "--help"], ["--version"]], ids=" ".join)
def test_help_and_version_end_well(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    expected = napari_dwi.__version__ if arguments == ["--version"] else "napari-dwi"
    assert expected in capsys.readouterr().out


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "napari_dwi", *arguments], capture_output=True, text=True, check=False
    )


def test_the_real_command_hands_its_exit_code_and_line_to_the_shell(folder: Path) -> None:
    before = files_below(folder)
    ran = run("info", str(folder / "none.nii.gz"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("napari-dwi: ")
    assert files_below(folder) == before


def test_a_reader_that_goes_away_is_no_error() -> None:
    """As ``napari-dwi methods | head -1``."""
    command = [sys.executable, "-m", "napari_dwi", "methods", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""
    assert process.returncode == 0
