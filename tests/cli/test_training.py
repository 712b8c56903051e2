"""``train`` and ``search`` as a user runs them."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from napari_dwi.cli import main
from napari_dwi.cli.training import changed
from napari_dwi.errors import BadInputError
from napari_dwi.superres.training.history import read_history

RUN: dict[str, Any] = {
    "shapes": {"size": 24, "images": 3, "validation": 2, "test": 1, "per_epoch": 4},
    "network": {"widths": [2, 2]},
    "training": {"epochs": 2, "crop": 16, "batch_size": 2},
    "preview_epochs": 0,
}
PROTOCOL: dict[str, Any] = {
    "b_values": [0, 0, 10, 50, 100, 200, 400, 800],
    "snr": [20],
    "settings": {"training_voxels": 300, "steps": 60, "restart_steps": 30, "restarts": 2, "f_low": 0},
}


def config(folder: Path, said: dict[str, Any], name: str = "config.json") -> str:
    path = folder / name
    path.write_text(json.dumps(said))
    return str(path)


def test_settings_lead_through_a_configuration_by_dots() -> None:
    said = {"training": {"epochs": 3, "loss": "mse"}, "trials": 2}
    words = ["training.epochs=5", "training.loss=mae", "space.widths=[[2],[4]]", "start=shipped"]
    assert changed(said, words) == {
        "training": {"epochs": 5, "loss": "mae"},
        "trials": 2,
        "space": {"widths": [[2], [4]]},
        "start": "shipped",
    }
    assert said["training"] == {"epochs": 3, "loss": "mse"}
    with pytest.raises(BadInputError, match="leads to nothing"):
        changed(said, ["trials.epochs=2"])


def test_training_stopped_by_ctrl_c_goes_on_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = RUN | {"training": {"epochs": 30, "patience": 30, "crop": 16, "batch_size": 2}}
    run = tmp_path / "run"
    words = ["train", "superres", config(tmp_path, said), "--out", str(run), "--device", "cpu"]
    is_over = threading.Event()

    def press() -> None:
        while not read_history(run):
            if is_over.wait(0.005):
                return
        signal.raise_signal(signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        assert main([*words, "--threads", "1"]) == 130
    finally:
        is_over.set()
        pressing.join()
    before = read_history(run)
    assert 1 <= len(before) < 30
    assert f"stopped after epoch {len(before)}; the same command goes on" in capsys.readouterr().err
    assert main([*words, "--threads", "1"]) == 0
    after = read_history(run)
    assert len(after) == 30
    assert after[: len(before)] == before


def test_a_run_ends_with_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "denoise", config(tmp_path, RUN), "--out", str(tmp_path / "run"), "--threads", "1"]
    assert main([*words, "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "run" / "network.safetensors") in said
    assert "best epoch: " in said
    assert "test MSERatio: " in said
    network = json.loads((tmp_path / "run" / "network.json").read_text())["Network"]
    assert network["factor"] == 1


def test_networks_trained_for_a_protocol_are_those_a_fit_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_DWI_CACHE", str(tmp_path / "cache"))
    assert main(["train", "ivim", config(tmp_path, PROTOCOL), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert "held-out loss" in said.out
    kept = {path.name: path.read_bytes() for path in (tmp_path / "cache" / "networks").iterdir()}
    (copied,) = (tmp_path / "out").glob("*.safetensors")
    assert copied.read_bytes() == kept[copied.name]
    assert copied.with_suffix(".json").name in kept

    (tmp_path / "protocol.bval").write_text(" ".join(map(str, PROTOCOL["b_values"])))
    bval = ["--bval", str(tmp_path / "protocol.bval")]
    assert main(["simulate", "ivim", "--snr", "20", *bval, "--out", str(tmp_path / "scan")]) == 0
    (scan,) = (tmp_path / "scan").glob("*_dwi.nii.gz")
    settings = [f"--set={key}={value}" for key, value in PROTOCOL["settings"].items()]
    fit = ["fit", str(scan), "--method", "network-supervised-gt", *settings, "--out", str(tmp_path / "maps")]
    assert main(fit) == 0
    after = {path.name: path.read_bytes() for path in (tmp_path / "cache" / "networks").iterdir()}
    assert after == kept


@pytest.mark.parametrize(
    ("words", "said", "message"),
    [
        (["train", "superres"], {**RUN, "sede": 1}, "unknown key sede; expected one of pairs"),
        (
            ["train", "superres", "--set", "network.factor=1"],
            RUN,
            "expected factor 2, 3 or 4, found factor 1",
        ),
        (["train", "superres", "--set", "epochs"], RUN, "KEY=VALUE"),
        (["train", "superres", "--threads", "0"], RUN, "--threads"),
        (["train", "ivim"], {"b_values": [0, 800], "method": "bayes"}, "bayes trains no network"),
        (["train", "ivim"], {"b_values": [0, 800], "snr": [-1]}, "an SNR must be above 0"),
        (["train", "ivim"], {"b_values": [0, 800], "preset": "best"}, "has no preset best"),
        (["search"], {"run": RUN, "trails": 3}, "unknown key trails"),
        (["search", "--processes", "0"], {"run": RUN}, "at least one process"),
    ],
)
def test_what_cannot_be_used_ends_in_one_line(
    words: list[str],
    said: dict[str, Any],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main([*words, config(tmp_path, said), "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert code == 2
    assert message in error
    assert len(error.splitlines()) == 1
