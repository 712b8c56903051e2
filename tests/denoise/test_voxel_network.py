from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from napari_dwi.denoise._encodings import make_encoding
from napari_dwi.denoise._voxel_features import Columns, VoxelFeatures
from napari_dwi.denoise._voxel_network import Trained, Training, VoxelNetwork, predict, train
from napari_dwi.methods.method import Context
from napari_dwi.methods.progress import Progress

SHAPE = (14, 12, 6)
QUICK = {
    "width": 32, "members": 1, "steps": 0, "epochs": 1, "batch_size": 128, "learning_rate": 4e-3,
    "held_out": 0.2, "averaging": 0.0,
}  # fmt: skip


class Problem:
    """Pure noise to be predicted from pure noise: all that can be learnt is the mean, then heart."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        images = rng.normal(size=(2, *SHAPE)).astype(np.float32)
        self.features = VoxelFeatures(images, Columns.of_patches(range(2), 3, [[]]))
        self.target = torch.from_numpy(rng.normal(1, 0.5, images[0].size).astype(np.float32))
        self.samples = torch.from_numpy(rng.permutation(images[0].size))
        self.phrases: list[str] = []

    def train(self, *, seed: int = 1, zero_start: bool = False, **settings: float) -> Trained:
        def make_network(member_seed: int) -> VoxelNetwork:
            encoding = make_encoding("band-limited", SHAPE, 20.0, 4, member_seed)
            return VoxelNetwork(encoding, self.features.n_features, training.width, zero_start=zero_start)

        training = Training(**(QUICK | settings))  # type: ignore[arg-type]
        context = Context(Progress(lambda _, phrase: self.phrases.append(phrase)))
        return train(self.features, make_network, self.target, self.samples, training, context, seed)

    def predicted(self, trained: Trained) -> torch.Tensor:
        samples = torch.arange(len(self.target))
        return torch.cat([said for _, said in predict(trained.members, self.features, samples, Context())], 1)

    def losses(self) -> list[float]:
        found = [re.search(r"held-out loss (\S+)", phrase) for phrase in self.phrases]
        return [float(match[1]) for match in found if match]


@pytest.fixture
def problem() -> Problem:
    return Problem()


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("members", [1, 3])
def test_the_networks_of_the_best_look_at_held_out_voxels_are_kept(
    problem: Problem, averaging: float, members: int
) -> None:
    trained = problem.train(epochs=30, members=members, averaging=averaging)
    said = problem.predicted(trained)
    errors = [
        float((one[fold] - problem.target[fold]).square().sum())
        for one, fold in zip(said, trained.held_out, strict=True)
    ]
    loss = sum(errors) / sum(len(fold) for fold in trained.held_out)
    assert loss == pytest.approx(min(problem.losses()), rel=1e-3)
    assert loss == pytest.approx(trained.held_out_error, rel=1e-5)
    assert min(problem.losses()) < 0.95 * problem.losses()[-1]


def test_every_network_holds_out_voxels_of_its_own(problem: Problem) -> None:
    folds = problem.train(members=4, held_out=0.25).held_out
    assert len(torch.cat(folds).unique()) == pytest.approx(len(problem.target), abs=4)


def test_without_held_out_voxels_the_last_network_is_kept(problem: Problem) -> None:
    losses = []
    for epochs in (1, 40):
        said = problem.predicted(problem.train(epochs=epochs, held_out=0.0))
        losses.append(float((said[0] - problem.target).square().mean()))
    assert losses[1] < losses[0]
    assert not problem.losses()
    assert any(re.search(r"step \d+/\d+, loss \d", phrase) for phrase in problem.phrases)


def test_steps_are_counted_whatever_the_number_of_voxels(problem: Problem) -> None:
    problem.train(steps=7, epochs=100)
    assert any(phrase.startswith("step 7/7") for phrase in problem.phrases)
    assert not any("/8" in phrase for phrase in problem.phrases)


def test_a_network_may_begin_at_zero(problem: Problem) -> None:
    trained = problem.train(zero_start=True, steps=1, learning_rate=1e-6)
    assert float(problem.predicted(trained).abs().max()) < 1e-3


def test_averaged_weights_lag_behind(problem: Problem) -> None:
    newest, averaged = (
        problem.predicted(problem.train(steps=20, held_out=0.0, averaging=averaging, zero_start=True))
        for averaging in (0.0, 0.99)
    )
    assert float(averaged.mean()) < float(newest.mean())


def test_training_does_not_depend_on_what_was_random_before(problem: Problem) -> None:
    states = []
    for _ in range(2):
        torch.rand(3)
        trained = problem.train(seed=4, steps=3)
        states.append([parameter.detach().numpy().tobytes() for parameter in trained.members.parameters()])
    assert states[0] == states[1]
