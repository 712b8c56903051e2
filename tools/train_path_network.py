"""Train the anchored-path network that comes with the package, on simulated scans of shapes alone.

Run ``python tools/train_path_network.py OUT --start NETWORK``. It grows out of a network that makes its
image at once (``tools/train_superres_network.py``), which sees where it stands on the path from now on. OUT
becomes a run folder; when it is stopped, the same command goes on from the last epoch. Its
``network.safetensors`` and ``network.json`` are the files in ``src/napari_dwi/superres/weights`` named
``shapes-path-x2``.

It is short: of what was trained longer, every single step was better, but walks of several steps strayed
further (docs/superres.md).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from shape_training import NOISE, train_on_shapes

from napari_dwi.superres.diffusion.path_config import PathConfig
from napari_dwi.superres.training.checkpoint import Checkpoint, read_checkpoint
from napari_dwi.superres.training.config import TrainingConfig
from napari_dwi.superres.training.examples import ShapeExamples

_FIRST, _LAST = "encoders.0.0.weight", ("last.weight", "last.bias")


def main() -> None:
    """Train it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the run folder")
    parser.add_argument("--start", type=Path, required=True, help="a network without a path")
    parser.add_argument("--epochs", type=int, default=2, help="of 100 steps each")
    parser.add_argument("--images", type=int, default=60, help="different images of shapes")
    parser.add_argument("--steps", type=int, default=20, help="T")
    parser.add_argument("--beta", type=float, default=0.5, help="in units of RMS(R)")
    parser.add_argument("--sees-anchor", action="store_true", help="show it the zero-filled slice, too")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    start = grown(
        read_checkpoint(options.start),
        PathConfig(n_steps=options.steps, beta=options.beta, sees_anchor=options.sees_anchor),
    )
    training = TrainingConfig(
        balanced=True,
        learning_rate=options.rate,
        schedule="one-cycle",
        batch_size=8,
        crop=64,
        epochs=options.epochs,
        patience=options.epochs,
        seed=options.seed,
    )
    examples = ShapeExamples(
        size=64 * start.config.factor,
        n_images=options.images,
        noise=NOISE,
        per_epoch=100 * training.batch_size,
        factor=start.config.factor,
        seed=options.seed,
    )
    about = {
        "Script": "tools/train_path_network.py",
        "GrownFrom": {"SHA256": start.sha256, **start.about},
    }
    train_on_shapes(start.config, training, examples, options, about, start)


def grown(start: Checkpoint, path: PathConfig) -> Checkpoint:
    """A network as it is, that stands on a path: at its end, without noise, it gives what it gave."""
    config = replace(start.config, path=path)
    weights = dict(start.weights)
    before = weights[_FIRST]
    # Of y, if it sees it, and of where it stands it knows nothing yet.
    new = np.zeros((before.shape[0], config.channels - 1, *before.shape[2:]), np.float32)
    weights[_FIRST] = np.concatenate([before[:, :1], new, before[:, 1:]], axis=1)
    # What was added to the image is now taken away.
    weights |= {name: -weights[name] for name in _LAST}
    weights["residual_bank"] = np.zeros((path.bank_tiles, path.bank_width, path.bank_width), np.float32)
    weights["residual_spread"] = np.zeros(2, np.float32)
    return replace(start, config=config, weights=weights)


if __name__ == "__main__":
    main()
