from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_dwi.errors import BadInputError, MethodFailedError, Stopped
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.training._optimising import optimiser_of, schedule_of
from napari_dwi.superres.training._training import Trained, train
from napari_dwi.superres.training.checkpoint import read_checkpoint
from napari_dwi.superres.training.config import Guide, NetworkConfig, TrainingConfig
from napari_dwi.superres.training.examples import Example, ShapeExamples, SliceExamples, augmented, batches
from napari_dwi.superres.training.stopping import EarlyStopping

from ...watching import Watch

NETWORK = NetworkConfig(widths=(2, 2))
BRIEF = TrainingConfig(epochs=3, batch_size=2, crop=16, learning_rate=2e-3)


def slices(n: int, seed: int = 0) -> list[Example]:
    """Squares in noise, and where they are."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        target = np.zeros((20, 24), np.float32)
        x, y = rng.integers(2, 12, 2)
        target[x : x + 6, y : y + 6] = 1
        noisy = target + rng.normal(0, 0.2, target.shape)
        made.append(Example(noisy.astype(np.float32), target, np.float32(0.2)))
    return made


EXAMPLES = SliceExamples(slices(6), slices(2, seed=1))


def trained(
    config: TrainingConfig = BRIEF, examples: Any = EXAMPLES, network: NetworkConfig = NETWORK, **more: Any
) -> Trained:
    return train(network, config, examples, noise_range=(0.1, 0.3), **more)


def bytes_of(result: Trained) -> bytes:
    return b"".join(result.checkpoint.weights[name].tobytes() for name in sorted(result.checkpoint.weights))


@pytest.mark.parametrize(
    ("losses", "stop", "best"),
    [
        # The best is epoch 2; six epochs without a better one are over before the tenth.
        ([5, 1, *[2] * 20], 10, 2),
        # Still better at epoch 7, so 13 = 7 + 6.
        ([9, 8, 7, 6, 5, 4, 3, *[3] * 20], 13, 7),
        # A little better again at epoch 12.
        ([9, 8, 7, 6, 5, 4, 3, 3, 3, 3, 3, 2.9, *[3] * 20], 18, 12),
        # NaN is never better.
        ([1, *[float("nan")] * 20], 10, 1),
    ],
)
def test_training_ends_at_the_exact_epoch(losses: list[float], stop: int, best: int) -> None:
    stopping = EarlyStopping(patience=6, fewest_epochs=10)
    epochs = 0
    for loss in losses:
        stopping.add(loss)
        epochs += 1
        if stopping.is_over:
            break
    assert (epochs, stopping.best_epoch) == (stop, best)


@pytest.mark.parametrize(
    ("schedule", "losses", "expected"),
    [
        ("constant", [1, 1, 1], [1, 1, 1]),
        ("exponential", [1, 1, 1], [0.5, 0.25, 0.125]),
        ("step", [1, 2, 3, 4], [1, 0.5, 0.5, 0.25]),
        # The plateau looks at the loss alone: better, better, then three that are not.
        ("plateau", [3, 2, 2, 2, 2], [1, 1, 1, 1, 0.5]),
    ],
)
def test_schedules_count_epochs_and_the_plateau_sees_the_loss(
    schedule: Any, losses: list[float], expected: list[float]
) -> None:
    config = TrainingConfig(schedule=schedule, decay=0.5, decay_epochs=2, learning_rate=1.0, optimiser="sgd")
    optimiser = optimiser_of(torch.nn.Linear(1, 1), config)
    watched = schedule_of(optimiser, config, 1)
    optimiser.step()
    found = []
    for loss in losses:
        watched.after_step()
        watched.after_epoch(loss)
        found.append(optimiser.param_groups[0]["lr"])
    assert found == pytest.approx(expected)


def test_one_cycle_rises_and_falls_from_step_to_step() -> None:
    config = TrainingConfig(schedule="one-cycle", epochs=4, learning_rate=1.0, optimiser="sgd")
    optimiser = optimiser_of(torch.nn.Linear(1, 1), config)
    schedule = schedule_of(optimiser, config, 10)
    rates = []
    for _ in range(40):
        optimiser.step()
        rates.append(optimiser.param_groups[0]["lr"])
        schedule.after_step()
    assert max(rates) == pytest.approx(1.0, rel=0.01)
    assert rates[0] == pytest.approx(0.04)
    assert rates[-1] < 1e-3


@pytest.mark.parametrize("flips", [True, False])
def test_examples_change_within_the_slice_only(flips: bool, rng: np.random.Generator) -> None:
    image = rng.random((3, 1, 10, 12)).astype(np.float32)
    example = Example(image, image + 1, np.zeros(3, np.float32))
    config = TrainingConfig(crop=0, flips=flips)
    seen = set()
    for _ in range(60):
        changed = augmented(example, config, rng)
        np.testing.assert_array_equal(changed.target, changed.image + 1)
        matches = [
            (rows, columns)
            for rows in (1, -1)
            for columns in (1, -1)
            if np.array_equal(changed.image, image[..., ::rows, ::columns])
        ]
        assert len(matches) == 1
        seen.add(matches[0])
    assert seen == ({(1, 1), (1, -1), (-1, 1), (-1, -1)} if flips else {(1, 1)})


def test_crops_lie_anywhere_in_the_slice_and_at_the_same_place_in_both(rng: np.random.Generator) -> None:
    image = np.arange(240, dtype=np.float32).reshape(12, 20)
    config = TrainingConfig(crop=8, flips=False)
    corners = set()
    for _ in range(400):
        changed = augmented(Example(image, -image, np.float32(0)), config, rng)
        assert changed.image.shape == (8, 8)
        np.testing.assert_array_equal(changed.target, -changed.image)
        corners.add(float(changed.image[0, 0]))
    assert len(corners) == 5 * 13


def test_validation_sees_whole_slices_as_they_are_and_the_last_one_too() -> None:
    seen: list[Example] = []

    class Watched(SliceExamples):
        def validation(self) -> Iterator[Example]:
            for example in super().validation():
                seen.append(example)
                yield example

    kept = slices(3, seed=1)
    trained(replace(BRIEF, epochs=1), Watched(slices(4), kept))
    assert len(seen) % 3 == 0
    for example, before in zip(seen, kept * (len(seen) // 3), strict=True):
        np.testing.assert_array_equal(example.image, before.image)


def test_batches_hold_slices_of_one_size_and_lose_none() -> None:
    sizes = [8, 8, 8, 6, 6, 8]
    examples = [Example(np.full((n, n), n, np.float32), np.zeros((n, n)), np.float32(n)) for n in sizes]
    found = [batch.image.shape for batch in batches(iter(examples), 2)]
    assert found == [(2, 1, 8, 8), (1, 1, 8, 8), (2, 1, 6, 6), (1, 1, 8, 8)]


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimiser_learns_and_goes_on_where_it_was_stopped(tmp_path: Path, optimiser: Any) -> None:
    config = replace(BRIEF, optimiser=optimiser, schedule="exponential", decay=0.9)
    whole = trained(config)
    assert whole.history[-1].training_loss < whole.history[0].training_loss
    stop_after = [False]

    def report(_fraction: float, phrase: str) -> None:
        stop_after[0] = phrase.startswith("epoch 2/3, validation")

    with pytest.raises(Stopped):
        trained(config, folder=tmp_path, progress=Progress(report, lambda: stop_after[0]))
    metrics = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in metrics] == [1, 2]
    assert not (tmp_path / "network.safetensors").exists()
    resumed = trained(config, folder=tmp_path)
    assert resumed.history == whole.history
    assert bytes_of(resumed) == bytes_of(whole)
    kept = read_checkpoint(tmp_path / "network.safetensors")
    assert kept.about["Epochs"] == 3
    assert kept.about["Training"]["optimiser"] == optimiser


def test_a_run_killed_while_its_state_is_written_goes_on(tmp_path: Path) -> None:
    """The tensors of the next epoch have their name, and the state that would name them has not."""
    trained(replace(BRIEF, epochs=2), folder=tmp_path)
    (state,) = tmp_path.glob("state*.safetensors")
    other = {"state-even": "state-odd", "state-odd": "state-even"}[state.stem]
    (tmp_path / f"{other}.safetensors").write_bytes(b"of an epoch that nothing tells of")
    assert len(trained(replace(BRIEF, epochs=2), folder=tmp_path).history) == 2
    assert len(list(tmp_path.glob("state*"))) <= 3


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    result = trained(replace(BRIEF, epochs=4, learning_rate=0.3))
    losses = [record.validation_loss for record in result.history]
    assert result.checkpoint.about["BestEpoch"] == 1 + int(np.argmin(losses))
    assert result.checkpoint.about["ValidationLoss"] == min(losses)


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    trained(replace(BRIEF, epochs=1), folder=tmp_path)
    with pytest.raises(BadInputError, match="a run with other settings"):
        trained(replace(BRIEF, epochs=1, batch_size=3), folder=tmp_path)
    with pytest.raises(BadInputError, match="a run with another network"):
        trained(replace(BRIEF, epochs=1), folder=tmp_path, network=NetworkConfig(widths=(2, 3)))
    with pytest.raises(BadInputError, match="other images or pairs"):
        trained(replace(BRIEF, epochs=1), folder=tmp_path, about={"Pairs": ["another"]})


def test_a_stop_is_noticed_before_the_next_step() -> None:
    undisturbed = Watch()
    trained(progress=undisturbed.progress)
    # Every step and every validation slice is a look.
    assert undisturbed.looks >= 3 * (3 + 2)
    stopped = Watch(stop_at=undisturbed.looks // 2)
    with pytest.raises(Stopped):
        trained(progress=stopped.progress)
    assert stopped.looks == undisturbed.looks // 2


@pytest.mark.parametrize("guide", ["none", "nlm"])
def test_a_network_that_gives_back_its_input_or_guide_is_not_taken_for_trained(guide: Guide) -> None:
    config, network = replace(BRIEF, epochs=1), replace(NETWORK, guide=guide)
    dead = trained(config, network=network).checkpoint
    weights = {name: np.zeros_like(one) for name, one in dead.weights.items()}
    with pytest.raises(MethodFailedError, match="learnt to give back its input"):
        trained(replace(config, learning_rate=1e-8), network=network, start=replace(dead, weights=weights))


def test_a_loss_that_is_no_number_ends_training_with_a_remedy() -> None:
    broken = [replace(one, target=one.target * np.float32(1e30)) for one in slices(2)]
    with pytest.raises(MethodFailedError, match=r"no longer a number.*Lower the learning rate"):
        trained(replace(BRIEF, learning_rate=10.0), SliceExamples(broken, broken))


def test_training_goes_on_from_another_network() -> None:
    first = trained()
    second = trained(replace(BRIEF, epochs=1, learning_rate=1e-8), start=first.checkpoint)
    for name, weights in first.checkpoint.weights.items():
        np.testing.assert_allclose(second.checkpoint.weights[name], weights, atol=1e-4)


def test_the_same_seed_gives_the_same_network() -> None:
    first, again, other = (bytes_of(trained(replace(BRIEF, epochs=1, seed=seed))) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": 1.5}, "alpha cannot be used; expected a number from 0 to 1, found 1.5"),
        ({"learning_rate": float("nan")}, "learning_rate cannot be used"),
        ({"epochs": 0}, "epochs cannot be used"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        TrainingConfig(**settings)


def test_nothing_to_train_on_is_said() -> None:
    with pytest.raises(BadInputError, match=r"nothing to train on.*found 3 and 0"):
        SliceExamples(slices(3), [])


def test_shapes_are_scanned_anew_each_epoch_and_the_same_again() -> None:
    examples = ShapeExamples(size=32, n_images=3, n_validation=2, per_epoch=2, noise=(0.05, 0.06))
    first, again, other = (next(examples.training(epoch)) for epoch in (1, 1, 2))
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    assert first.image.shape == first.target.shape == (32, 32)
    validation = list(examples.validation())
    assert len(validation) == 2
    for example in validation:
        error = example.image - example.target
        # The target has the noise floor of the input, so that the mean stays.
        assert abs(error.mean()) < 0.01
        assert 0.04 < error.std() < 0.15
