"""How close super-resolution comes to the truth, on simulated pairs of scans.

Run ``python benchmarks/superres.py``. Slices of the digital head and of the digital abdomen, neither of
which any network was trained on, are scanned with half the resolution and noise of 2, 5 and 10 % of the
brightest tissue; methods are told the noise. For every anatomy and noise level a table:

PSNR, SSIM  in tissue, against the noise-free slice of high resolution (dB; 1 is the same)
CNR         contrast of two tissues over the SD of the second
HF          of the true detail beyond half the Nyquist frequency of the quick scan, the share that is
            there (1 is all of it); noise neither adds nor takes
s/slice     seconds for a slice, one thread

At factor 2 APDDM stands for the anchored-path network that comes along, asked 1, 5 and 20 times, and
"fine-tuned" for the network after about 200 steps on pairs of scans of another head or abdomen. ``--rows``
names the rows to print, where not all are wanted.

``--factor 3``, ``--checkpoint FILE`` and ``--path-checkpoint FILE`` take another factor and other
networks; with ``--record`` the scores are written into the JSON of these. ``--volume FILE`` adds slices of
an image of your own, whose noise then counts as truth. ``--alignment`` trains two small networks, with an
aligned input and with voxels simply repeated, both with flips, and prints what the half voxel between the
two costs (some minutes). ``--speed`` prints how long a single slice of 300 x 300 takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from napari_dwi.measure.image_quality import psnr, ssim
from napari_dwi.methods.device import torch_threads
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.k_space import zero_filled
from napari_dwi.physics.pair_simulation import ImagePair, simulate_pair
from napari_dwi.physics.phantoms.abdomen import ABDOMEN
from napari_dwi.physics.phantoms.body import simulate_body
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.scan import Grid, Volume, open_volume
from napari_dwi.superres.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from napari_dwi.superres.training.shipped import shipped_checkpoint

_SIGMAS = (0.02, 0.05, 0.10)
_TISSUE = 0.1
_NOISE_SEED = 29
_B_VALUES = (0.0, 800.0)
# Seed of the head and of the abdomen for fine-tuning, and how that is done: 11 epochs of 18 steps.
_ANOTHER = 4
_FINE_TUNING_EPOCHS = 11
_FINE_TUNING_REPEATS = 6
_PATH = "APDDM"
_FINE_TUNED = "fine-tuned network"
_PATH_STEPS = (1, 5, 20)
_COMPARED = ("zero-fill", "zero-fill + NLM")


@dataclass(frozen=True)
class Anatomy:
    """Noise-free slices, in units of the brightest tissue, with two tissues to tell apart.

    ``another`` simulates slices of the same kind of another subject.
    """

    name: str
    truth: np.ndarray
    first: np.ndarray
    second: np.ndarray
    another: Callable[[], np.ndarray] | None = None

    @property
    def tissue(self) -> np.ndarray:
        """Where scores are taken."""
        return self.truth > _TISSUE

    def cropped(self, factor: int) -> Anatomy:
        """Without the last rows and columns that a scan of so much less resolution cannot have."""
        rows, columns = (slice(n - n % factor) for n in self.truth.shape[:2])
        truth, first, second = (one[rows, columns] for one in (self.truth, self.first, self.second))
        return replace(self, truth=truth, first=first, second=second)


def anatomies_of(volumes: list[Path]) -> Iterator[Anatomy]:
    """The head, the abdomen, and slices of images of one's own."""
    yield _of_simulation("head", _head(), "grey matter", "white matter", lambda: _head(_ANOTHER, 9, 4.0))
    yield _of_simulation("abdomen", _abdomen(), "kidney cortex", "liver", lambda: _abdomen(_ANOTHER, 9, 4.0))
    for path in volumes:
        yield _of_file(path)


def _head(seed: int = 7, n_slices: int = 3, apart_mm: float = 12.0) -> SimulatedScan:
    return simulate_brain(np.inf, 0, (176, 208, n_slices), (1.1, 1.1, apart_mm), _B_VALUES, head_seed=seed)


def _abdomen(seed: int = 21, n_slices: int = 3, apart_mm: float = 12.0) -> SimulatedScan:
    return simulate_body(
        ABDOMEN, np.inf, 0, (256, 208, n_slices), (1.5, 1.5, apart_mm), _B_VALUES, body_seed=seed
    )


def _of_simulation(
    name: str, scan: SimulatedScan, first: str, second: str, another: Callable[[], SimulatedScan]
) -> Anatomy:
    codes = {region: code for code, region in scan.label_names.items()}
    found = {
        wanted: next(code for region, code in codes.items() if wanted in region) for wanted in (first, second)
    }
    labels = scan.labels.data
    return Anatomy(
        name,
        _scaled(scan.truth.signal[..., 0]),
        labels == found[first],
        labels == found[second],
        lambda: _scaled(another().truth.signal[..., 0]),
    )


def _of_file(path: Path) -> Anatomy:
    """Three slices around the middle; the brightest and the middle third of the tissue are told apart."""
    volume = open_volume(path)
    data = np.moveaxis(volume.data, volume.grid.slice_axis, 2)
    even = [n - n % 2 for n in data.shape]
    middle = data.shape[2] // 2
    step = max(1, data.shape[2] // 12)
    truth = _scaled(np.nan_to_num(data[: even[0], : even[1], middle - step : middle + step + 1 : step]))
    low, high = np.percentile(truth[truth > _TISSUE], (33, 67))
    return Anatomy(path.name.split(".")[0], truth, truth > high, (truth > low) & (truth < high))


def _scaled(image: np.ndarray) -> np.ndarray:
    return (image / np.percentile(image[image > _TISSUE * image.max()], 99)).astype(np.float32)


def _through(name: str, **more: object) -> Callable[[ImagePair], np.ndarray]:
    """A method of the package, on slices of 1 mm."""
    method = find_method(name, "superres")

    def run(pair: ImagePair) -> np.ndarray:
        settings = {"edges": "periodic", "factor": pair.factor} | more
        if "noise_sigma" in method.settings().as_dict():
            settings["noise_sigma"] = pair.sigma_low
        volume = Volume(pair.low, Grid.from_spacing(pair.low.shape, (1, 1, 5)))
        parameters = method.parameters.from_values(settings)
        result = run_method(method, parameters, Inputs.of_volume(volume), device="cpu", threads=1)
        return result.output.image("super-resolved").data

    return run


def _cubic(pair: ImagePair) -> np.ndarray:
    """Cubic interpolation at the right places."""
    from scipy.ndimage import affine_transform

    matrix = np.diag([1 / pair.factor, 1 / pair.factor, 1.0])
    return affine_transform(pair.low, matrix, output_shape=pair.truth.shape, order=3, mode="grid-wrap")


def _repeated(pair: ImagePair) -> np.ndarray:
    """Every voxel repeated, half a fine voxel off."""
    return pair.low.repeat(pair.factor, axis=0).repeat(pair.factor, axis=1)


def _scores(anatomy: Anatomy, image: np.ndarray, factor: int) -> list[float]:
    second = image[anatomy.second]
    cnr = abs(float(image[anatomy.first].mean() - second.mean())) / float(second.std())
    peak = 1.0
    return [
        psnr(image, anatomy.truth, anatomy.tissue, peak),
        ssim(image, anatomy.truth, anatomy.tissue, peak),
        cnr,
        _detail(image, anatomy.truth, factor),
    ]


def _detail(image: np.ndarray, truth: np.ndarray, factor: int) -> float:
    """Share of the true high frequencies: their projection on those of the truth."""
    frequencies = [np.abs(np.fft.fftfreq(n)) for n in truth.shape[:2]]
    # In samples of the fine grid the quick scan ends at 1 / (2 factor).
    high = np.maximum(frequencies[0][:, None], frequencies[1]) > 0.25 / factor
    made, true = (np.fft.fft2(one, axes=(0, 1))[high] for one in (image, truth))
    return float(np.vdot(true, made).real / np.vdot(true, true).real)


def _row(title: str, scores: list[float], seconds: float) -> str:
    return f"{title:24}{scores[0]:8.2f}{scores[1]:8.3f}{scores[2]:8.2f}{scores[3]:8.3f}{seconds:10.3f}"


def _ways(
    factor: int, checkpoint: str = "", path_checkpoint: str = ""
) -> dict[str, Callable[[ImagePair], np.ndarray]]:
    """What makes an image of a pair, by the title of its row."""
    ways = {
        "repeated voxels": _repeated,
        "cubic": _cubic,
        "zero-fill": _through("zero-fill"),
        "zero-fill + NLM": _through("zero-fill-nlm"),
        "network": _through("network", checkpoint=checkpoint),
    }
    if factor == 2 or path_checkpoint:
        for steps in _PATH_STEPS:
            title = f"{_PATH}, {steps} step" + "s" * (steps > 1)
            ways[title] = _through("anchored-path", checkpoint=path_checkpoint, steps=steps)
    return ways


def _fine_tuned(anatomy: Anatomy, start: Checkpoint, folder: Path) -> Path:
    """The file of a network fine-tuned on pairs of another subject, at all noise levels at once."""
    from napari_dwi.superres.training._training import train
    from napari_dwi.superres.training.config import TrainingConfig
    from napari_dwi.superres.training.examples import Example, SliceExamples

    rng = np.random.default_rng(_ANOTHER)
    truth = anatomy.another()
    training, validation = [], []
    for sigma in _SIGMAS:
        pair = simulate_pair(truth, sigma, rng)
        image = zero_filled(pair.low, pair.factor)
        slices = [
            Example(image[..., z], pair.high[..., z], np.asarray(sigma, np.float32))
            for z in range(truth.shape[2])
        ]
        training += slices[1:]
        validation += slices[:1]
    config = TrainingConfig(
        epochs=_FINE_TUNING_EPOCHS,
        patience=_FINE_TUNING_EPOCHS,
        schedule="one-cycle",
        balanced=True,
    )
    begun = time.perf_counter()
    tuned = train(
        start.config,
        config,
        SliceExamples(_FINE_TUNING_REPEATS * training, validation),
        noise_range=start.noise_range,
        start=start,
    ).checkpoint
    print(f"\n{anatomy.name}: network fine-tuned in {time.perf_counter() - begun:.0f} s", flush=True)
    path = folder / f"{anatomy.name}.safetensors"
    write_checkpoint(tuned, path)
    return path


def _compare(
    anatomy: Anatomy, sigma: float, factor: int, ways: dict[str, Callable[[ImagePair], np.ndarray]]
) -> dict[str, list[float]]:
    """Print the table of an anatomy and a noise level; the scores by the title of the row."""
    rng = np.random.default_rng(_NOISE_SEED)
    pair = simulate_pair(anatomy.truth, sigma, rng, factor=factor)
    size = " x ".join(map(str, anatomy.truth.shape))
    print(f"\n{anatomy.name}, noise {100 * sigma:g} %, {size} voxels")
    print(f"{'':24}{'PSNR':>8}{'SSIM':>8}{'CNR':>8}{'HF':>8}{'s/slice':>10}")
    found = {}
    for title, run in ways.items():
        start = time.perf_counter()
        image = run(pair)
        seconds = (time.perf_counter() - start) / anatomy.truth.shape[2]
        found[title] = _scores(anatomy, image, factor)
        print(_row(title, found[title], seconds), flush=True)
    print(_row("the scan of high res.", _scores(anatomy, pair.high, factor), 0.0), flush=True)
    return found


def _record(path: Path, tables: dict[str, dict[str, list[float]]]) -> None:
    """Write what was found of a network, and of what it is compared with, into its JSON."""
    checkpoint = read_checkpoint(path)
    own = "network" if checkpoint.config.path is None else _PATH
    said = {
        name: {
            title: {"PSNR": round(row[0], 2), "SSIM": round(row[1], 3), "CNR": round(row[2], 2)}
            for title, row in found.items()
            if title in _COMPARED or title.startswith(own)
        }
        for name, found in tables.items()
    }
    about = {**checkpoint.about, "Scores": {"Script": "benchmarks/superres.py", **said}}
    write_checkpoint(replace(checkpoint, about=about), path)


def _alignment(anatomies: list[Anatomy], epochs: int) -> None:
    """Train with either input on shapes, and compare on the anatomies."""
    from napari_dwi.superres._inference import enhanced
    from napari_dwi.superres.training._training import train
    from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
    from napari_dwi.superres.training.examples import Example, SliceExamples
    from napari_dwi.superres.training.shape_images import shape_image

    sigma = 0.05
    rng = np.random.default_rng(0)
    pairs = [simulate_pair(shape_image(128, rng), sigma, rng) for _ in range(136)]
    inputs = {"aligned": lambda pair: zero_filled(pair.low, 2), "repeated voxels": _repeated}
    config = TrainingConfig(epochs=epochs, patience=epochs, schedule="one-cycle", learning_rate=2e-3)
    made = {}
    for title, upsampled in inputs.items():
        examples = [Example(upsampled(pair), pair.high, np.asarray(sigma, np.float32)) for pair in pairs]
        trained = train(
            NetworkConfig(), config, SliceExamples(examples[8:], examples[:8]), noise_range=(sigma, sigma)
        )
        made[title] = trained.checkpoint
    print(f"\nAlignment: networks trained with flips for {epochs} epochs of 16 steps, noise 5 %, PSNR (dB)")
    for anatomy in anatomies:
        pair = simulate_pair(anatomy.truth, sigma, np.random.default_rng(_NOISE_SEED))
        found = {
            title: psnr(
                enhanced(made[title], upsampled(pair), sigma, Context()), anatomy.truth, anatomy.tissue, 1.0
            )
            for title, upsampled in inputs.items()
        }
        lost = found["aligned"] - found["repeated voxels"]
        words = ", ".join(f"{title} {value:.2f}" for title, value in found.items())
        print(f"{anatomy.name:12}{words}, lost {lost:.2f}", flush=True)


def _speed(anatomy: Anatomy, ways: dict[str, Callable[[ImagePair], np.ndarray]]) -> None:
    """Print how long a slice of 300 x 300 takes, once all is loaded: seconds, and those of the processor."""
    truth = np.pad(anatomy.truth[..., :1], ((22, 22), (46, 46), (0, 0)))
    pair = simulate_pair(truth, 0.05, np.random.default_rng(_NOISE_SEED))
    print("\nOne slice of {} x {}, noise 5 %".format(*truth.shape))
    for title, run in ways.items():
        run(pair)
        start = time.perf_counter(), time.process_time()
        run(pair)
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
        print(f"{title:24}{seconds[0]:8.2f} s, {seconds[1]:.2f} s of the processor", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sigmas", type=float, nargs="*", default=list(_SIGMAS))
    parser.add_argument("--factor", type=int, default=2)
    parser.add_argument("--checkpoint", type=Path, help="instead of the network that comes along")
    parser.add_argument("--path-checkpoint", type=Path, help="instead of the one on a path that does")
    parser.add_argument("--record", action="store_true", help="write the scores into the checkpoints' JSON")
    parser.add_argument("--volume", type=Path, action="append", default=[])
    parser.add_argument("--alignment", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--epochs", type=int, default=25, help="of the networks of --alignment")
    parser.add_argument("--rows", nargs="+", default=[*_ways(2), _FINE_TUNED], help="all by default")
    options = parser.parse_args()
    given = [path for path in (options.checkpoint, options.path_checkpoint) if path is not None]
    if options.record and not given:
        parser.error("--record needs --checkpoint or --path-checkpoint")
    anatomies = list(anatomies_of(options.volume))
    checkpoint, path_checkpoint = (
        "" if path is None else str(path) for path in (options.checkpoint, options.path_checkpoint)
    )
    tables = {}
    with torch_threads(1), TemporaryDirectory() as folder:
        for anatomy in anatomies:
            ways = _ways(options.factor, checkpoint, path_checkpoint)
            if options.factor == 2 and anatomy.another is not None and _FINE_TUNED in options.rows:
                start = read_checkpoint(options.checkpoint) if checkpoint else shipped_checkpoint(2)
                tuned = _fine_tuned(anatomy, start, Path(folder))
                ways[_FINE_TUNED] = _through("network", checkpoint=str(tuned))
            chosen = {title: run for title, run in ways.items() if title in options.rows}
            for sigma in options.sigmas:
                name = f"{anatomy.name}, noise {100 * sigma:g} %"
                tables[name] = _compare(anatomy.cropped(options.factor), sigma, options.factor, chosen)
        if options.record:
            for path in given:
                _record(path, tables)
        if options.speed:
            abdomen = next(anatomy for anatomy in anatomies if anatomy.name == "abdomen")
            fixed = {title: run for title, run in _ways(2).items() if title in options.rows}
            _speed(abdomen, fixed)
        if options.alignment:
            _alignment(anatomies, options.epochs)


if __name__ == "__main__":
    main()
