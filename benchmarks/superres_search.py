"""A search in two processes, of which one is killed and then the whole search: what becomes of it.

Run ``python benchmarks/superres_search.py [OUT]``. Twelve short trials on simulated shapes; one worker is
killed with SIGKILL in the middle of a trial, a moment later the command itself, and the same command is
run again. Then a search is stopped as Ctrl-C does, and the seconds until its last process is gone are
counted.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from napari_dwi.cli.training import trial_table
from napari_dwi.methods.method import Context
from napari_dwi.superres._inference import enhanced
from napari_dwi.superres.search.trials import TrialRecord, read_trials
from napari_dwi.superres.training.checkpoint import read_checkpoint

_CONFIG = {
    "run": {
        "shapes": {"size": 48, "images": 24, "validation": 6, "test": 4, "per_epoch": 48},
        "training": {"epochs": 10, "crop": 32, "balanced": False},
    },
    "space": {
        "widths": [[4, 8], [8, 16]],
        "learning_rate": [1e-5, 1e-1],
        "batch_size": [4, 8],
    },
    "trials": 12,
    "startup_trials": 3,
    "warmup_epochs": 2,
    "random_trials": 6,
}


def main() -> None:
    """Search, kill, and search again."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    out.mkdir(parents=True, exist_ok=True)
    config = out / "search.json"
    config.write_text(json.dumps(_CONFIG))
    study = out / "killed"

    command = _command(config, study)
    _wait(study, lambda trials: len(trials) >= 3 and any(_is_amid(trial) for trial in trials))
    worker = _workers(command)[0]
    print(f"SIGKILL of a worker; so far {_states(study)}")
    worker.kill()
    _wait(study, lambda trials: sum(trial.state in ("complete", "pruned") for trial in trials) >= 6)
    print(f"SIGKILL of the command and its workers; so far {_states(study)}")
    gone = _workers(command)
    command.kill()
    for process in gone:
        process.kill()
    command.wait()
    psutil.wait_procs(gone)
    print(f"left behind: {_states(study)}")
    again = _command(config, study)
    print(f"the same command again: exit code {again.wait()}")
    print(trial_table(read_trials(study)))
    _check(study)

    stopped = out / "stopped"
    command = _command(config, stopped)
    _wait(stopped, lambda trials: any(_is_amid(trial) for trial in trials))
    workers = _workers(command)
    started = time.monotonic()
    command.send_signal(signal.SIGINT)
    code = command.wait()
    psutil.wait_procs(workers, timeout=20)
    print(f"stopped by Ctrl-C: exit code {code}, all gone after {time.monotonic() - started:.2f} s")
    print(f"left behind: {_states(stopped)}")


def _command(config: Path, study: Path) -> psutil.Popen:
    words = ["search", str(config), "--out", str(study), "--processes", "2", "--threads", "1"]
    return psutil.Popen(
        [sys.executable, "-m", "napari_dwi", *words, "--device", "cpu"], stdout=subprocess.DEVNULL
    )


def _workers(command: psutil.Popen) -> list[psutil.Process]:
    return list(command.children())


def _is_amid(trial: TrialRecord) -> bool:
    return trial.state == "running" and len(trial.values) >= 1


def _wait(study: Path, until: Callable[[tuple[TrialRecord, ...]], bool]) -> None:
    while not until(read_trials(study)):
        time.sleep(0.05)


def _states(study: Path) -> str:
    states = [trial.state for trial in read_trials(study)]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _check(study: Path) -> None:
    """Load the best network and run it."""
    checkpoint = read_checkpoint(study / "best.safetensors")
    image = np.random.default_rng(0).random((50, 41, 2), dtype=np.float32)
    made = enhanced(checkpoint, image, 0.05, Context())
    about = checkpoint.about
    print(
        f"best: trial {about['Search']['Trial']}, test PSNR {about['Test']['PSNR']:.2f} dB, "
        f"MSE ratio {about['Test']['MSERatio']:.2f}; runs on {image.shape} -> {made.shape}, "
        f"finite: {bool(np.isfinite(made).all())}"
    )


if __name__ == "__main__":
    main()
