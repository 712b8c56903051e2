"""Train the super-resolution network that comes with the package, on simulated scans of shapes alone.

Run ``python tools/train_superres_network.py OUT``. OUT becomes a run folder; when it is stopped, the same
command goes on from the last epoch. Then ``python benchmarks/superres.py --checkpoint
OUT/network.safetensors --record`` writes the scores into its JSON. ``network.safetensors`` and
``network.json`` are the files in ``src/napari_dwi/superres/weights``, under the name of the factor.

The defaults are how the network of factor 2 was made. Another factor is ``--factor N`` for both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from shape_training import NOISE, train_on_shapes

from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.examples import ShapeExamples

_STEPS_PER_EPOCH = 100


def main() -> None:
    """Train it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the run folder")
    parser.add_argument("--factor", type=int, default=2)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--guide", choices=["none", "nlm"], default="nlm", help="what it is told besides")
    parser.add_argument("--epochs", type=int, default=18, help=f"of {_STEPS_PER_EPOCH} steps each")
    parser.add_argument("--images", type=int, default=600, help="different images of shapes")
    parser.add_argument("--size", type=int, default=96, help="voxels along each side of an image")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    # With ReLU some networks die at this learning rate.
    network = NetworkConfig(
        widths=tuple(options.widths), activation="leaky-relu", factor=options.factor, guide=options.guide
    )
    training = TrainingConfig(
        balanced=True,
        learning_rate=options.rate,
        schedule="one-cycle",
        batch_size=4,
        crop=0,
        epochs=options.epochs,
        patience=options.epochs,
        seed=options.seed,
    )
    examples = ShapeExamples(
        size=options.size,
        n_images=options.images,
        noise=NOISE,
        per_epoch=_STEPS_PER_EPOCH * training.batch_size,
        factor=options.factor,
        seed=options.seed,
    )
    about = {"ImageSize": options.size, "Script": "tools/train_superres_network.py"}
    train_on_shapes(network, training, examples, options, about)


if __name__ == "__main__":
    main()
