"""What BL-INR costs: time, memory, arithmetic, and what it gives for it, beside the paper's own network.

Run ``python benchmarks/blinr_speed.py``. Three tables:

1. A simulated head of 256 x 256 x 30 voxels at b = 0, 50, 400 and 800 with T1 and T2, all four volumes
   denoised: seconds on the wall and of the CPU (they differ on a computer that does other things), the
   longest time without a look whether to stop, peak memory of the process, and PSNR in the brain against
   the expected magnitude. The longest time counts the thread's own. GPU rows are added where there is
   one, with its name.
2. Arithmetic of *paper* at that size, by a model: 3 passes (forward, and backward for weights and for
   activations) over every voxel in 20 epochs, two operations for each weight. A sample of steps is timed,
   and the whole estimated from it. "of 4 h" in the first table is against four hours, a round figure for
   *paper* at this size on a desktop computer.
3. At 96 x 96 x 8 voxels *paper* is trained in full; it is measured when stopped at the epoch that is best
   against the truth, which nobody can know at home, and compared with *balanced*.
"""

from __future__ import annotations

import argparse
import threading
import time

import numpy as np

from napari_dwi.measure.image_quality import psnr
from napari_dwi.methods.device import available_devices, device_name
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.rician import rician_mean
from napari_dwi.scan import resample_to

_LARGE, _LARGE_MM = (256, 256, 30), (0.9, 0.9, 4.0)
_SMALL = (96, 96, 8)
_PAPER_HOURS = 4.0
_EPOCHS = (1, 2, 3, 5, 8, 12, 20)
_TIMED_STEPS = 10


def _inputs(scan: SimulatedScan) -> Inputs:
    return Inputs(scan.series, tuple(resample_to(volume, scan.series.grid) for volume in scan.anatomy))


def _brain(scan: SimulatedScan) -> np.ndarray:
    tissue = [code for code, name in scan.label_names.items() if name != "CSF"]
    return np.isin(scan.labels.data, tissue)


def _psnr(scan: SimulatedScan, signal: np.ndarray, volumes: list[int]) -> list[float]:
    """PSNR (dB) of each volume in the brain against the expected magnitude."""
    brain, scores = _brain(scan), []
    for step, volume in enumerate(volumes):
        clean = scan.truth.signal[..., volume]
        expected = rician_mean(clean, scan.sigma).astype(np.float32)
        scores.append(psnr(signal[..., step], expected, brain, float(clean[brain].max())))
    return scores


class _PeakMemory:
    """The most memory this process held within the block, GB."""

    def __enter__(self) -> _PeakMemory:
        import psutil

        self._process, self._done, self.gigabytes = psutil.Process(), threading.Event(), 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.gigabytes = max(self.gigabytes, self._process.memory_info().rss / 1e9)

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _run(
    name: str, parameters: Parameters, inputs: Inputs, device: str, threads: int | None
) -> tuple[np.ndarray, float, float, float]:
    """The denoised volumes, seconds on the wall and of the CPU, and the longest time without a look."""
    last, longest = time.thread_time(), 0.0

    def asked() -> bool:
        nonlocal last, longest
        now = time.thread_time()
        last, longest = now, max(longest, now - last)
        return False

    start, cpu = time.monotonic(), time.process_time()
    result = run_method(
        find_method(name),
        parameters,
        inputs,
        device=device,
        threads=threads,
        progress=Progress(stop_asked=asked),
    )
    wall, cpu = time.monotonic() - start, time.process_time() - cpu
    return result.output.image("denoised").signal, wall, cpu, longest


def _large(snr: float, threads: int | None, methods: list[str]) -> None:
    scan = simulate_brain(snr=snr, seed=0, shape=_LARGE, spacing_mm=_LARGE_MM)
    inputs = _inputs(scan)
    print(f"\n1. {_LARGE} voxels, 4 b-values, T1 and T2, SNR {snr:g}")
    titles = ("device", "threads", "wall s", "CPU s", "of 4 h", "peak GB", "gap s", "mean dP")
    print(f"{'method':16}{titles[0]:>16}" + "".join(f"{title:>9}" for title in titles[1:]))
    print(f"{'noisy':86}{np.mean(_psnr(scan, scan.series.signal, [0, 1, 2, 3])):9.2f}", flush=True)
    for device in available_devices():
        for title in methods:
            name, _, preset = title.partition(" ")
            if preset == "paper" and device == "cpu":
                continue
            with _PeakMemory() as memory:
                signal, seconds, cpu, gap = _run(
                    name, find_method(name).settings(preset or None), inputs, device, threads
                )
            dp = np.mean(_psnr(scan, signal, [0, 1, 2, 3]))
            label = "CPU" if device == "cpu" else device_name(device)[:15]
            cells = (
                f"{threads or 'auto':>9}{seconds:9.0f}{cpu:9.0f}{f'1/{_PAPER_HOURS * 3600 / seconds:.0f}':>9}"
                f"{memory.gigabytes:9.1f}{gap:9.2f}{dp:9.2f}"
            )
            print(f"{title:16}{label:>16}{cells}", flush=True)


def _weights(n_features: int, width: int) -> int:
    return n_features * width + 2 * width * width + width


def _paper_arithmetic(threads: int | None) -> None:
    """The model and a timed sample."""
    import torch

    from napari_dwi.methods.device import torch_threads

    n_features = 3 * 2 * 20 + 27 * 5
    weights = _weights(n_features, 1024)
    voxels = int(np.prod(_LARGE))
    operations = 20 * voxels * 3 * 2 * weights
    print(f"\n2. paper at {_LARGE}: {weights / 1e6:.2f} M weights, {operations / 1e12:.0f} TFLOP a volume")
    rng = torch.Generator().manual_seed(0)
    layers = torch.nn.Sequential(
        torch.nn.Linear(n_features, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU(),
        torch.nn.Linear(1024, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1),
    )  # fmt: skip
    rows = torch.rand(1024, n_features, generator=rng)
    optimiser = torch.optim.Adam(layers.parameters(), lr=4e-4)
    with torch_threads(threads) as used:
        start = time.monotonic()
        for _ in range(_TIMED_STEPS):
            optimiser.zero_grad()
            layers(rows).square().mean().backward()
            optimiser.step()
        seconds = (time.monotonic() - start) / _TIMED_STEPS
    rate = 1024 * 3 * 2 * weights / seconds
    hours = 4 * 20 * voxels / 1024 * seconds / 3600
    print(
        f"a step of 1024 voxels takes {seconds:.3f} s with {used} thread(s), {rate / 1e9:.0f} GFLOP/s: "
        f"{hours:.1f} h for four volumes here, features not counted"
    )


def _against_paper(snr: float, b_values: list[float], all_epochs: list[int]) -> None:
    scan = simulate_brain(snr=snr, seed=0, shape=_SMALL)
    inputs = _inputs(scan)
    volumes = [int(scan.series.b_values.indices(b)[0]) for b in b_values]
    targets = {"targets": ",".join(f"{b:g}" for b in b_values)}
    method = find_method("bl-inr")
    print(f"\n3. {_SMALL} voxels, SNR {snr:g}, PSNR (dB) at b = {targets['targets']}")
    signal, _, seconds, _ = _run("bl-inr", method.settings().with_settings(targets), inputs, "cpu", 1)
    balanced = _psnr(scan, signal, volumes)
    print(f"balanced            {_cells(balanced)}{seconds:8.0f} s", flush=True)
    found = []
    for epochs in all_epochs:
        settings = method.settings("paper").with_settings(targets | {"epochs": str(epochs)})
        signal, _, seconds, _ = _run("bl-inr", settings, inputs, "cpu", 1)
        found.append(_psnr(scan, signal, volumes))
        print(f"paper, {epochs:2d} epochs    {_cells(found[-1])}{seconds:8.0f} s", flush=True)
    best = np.max(found, axis=0)
    print(f"paper, best epoch   {_cells(best)}")
    print(f"balanced less paper {_cells(np.array(balanced) - best)}")


def _cells(values: list[float] | np.ndarray) -> str:
    return "".join(f"{value:9.2f}" for value in values)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", nargs="*", default=["bl-inr", "bl-inr fast", "auto", "bl-inr paper"])
    parser.add_argument("--b-values", nargs="*", type=float, default=[0.0, 800.0], help="of the third table")
    parser.add_argument("--epochs", nargs="*", type=int, default=list(_EPOCHS), help="of the third table")
    parser.add_argument("--tables", nargs="*", type=int, default=[1, 2, 3])
    options = parser.parse_args()
    if 1 in options.tables:
        _large(options.snr, options.threads, options.methods)
    if 2 in options.tables:
        _paper_arithmetic(options.threads)
    if 3 in options.tables:
        _against_paper(options.snr, options.b_values, options.epochs)


if __name__ == "__main__":
    main()
