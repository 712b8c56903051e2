"""Image networks in training: what they may see, when they stop, and that their signals become better."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_dwi.errors import Stopped
from napari_dwi.fit._image_fitting import start_training
from napari_dwi.fit._image_iterations import Rules, Truth, iterations, rms
from napari_dwi.fit._image_parameters import ImageNetworkParameters, RenewingParameters
from napari_dwi.fit._image_stack import ImageStack, image_stack
from napari_dwi.fit._image_training import Epoch, ImageTraining
from napari_dwi.fit._problem import Voxels
from napari_dwi.measure.signal_quality import (
    gap_grows_with_fitting_error,
    predictions_surpass_measurements,
    quality_by_fitting_error,
    signal_quality,
)
from napari_dwi.methods.device import torch_threads
from napari_dwi.methods.method import Context
from napari_dwi.physics.phantoms.tissue_patches import tissue_patches
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import IVIM

from ..watching import Watch
from .curves import B_VALUES
from .problems import make_problem

SNR = 12.0
SMALL = {"width": 12, "patch": 8, "learning_rate": 4e-3, "divided_by": "scan", "Dstar_high": 200.0}


class Scene:
    """Slices of tissue patches with noise, and what is known of them."""

    def __init__(self) -> None:
        truth = tissue_patches(IVIM, (16, 16, 3), seed=5)
        signal = IVIM.signal(B_VALUES, truth.values)
        noisy = add_rician_noise(signal, 1 / SNR, np.random.default_rng(5)).astype(np.float32)
        self.problem = make_problem("ivim", B_VALUES, sigma=1 / SNR)
        self.voxels = Voxels(np.ascontiguousarray(noisy[truth.inside]), truth.inside)
        self.stack = image_stack(self.voxels, self.problem, 2, "scan")
        self.clean = signal[truth.inside] / self.stack.scale[:, None]
        values = truth.values[truth.inside] / [1, 1, 1, self.stack.scale[0]]
        self.truth = Truth(*(as_maps(self.stack, array) for array in (self.clean, values)))

    def start(self, context: Context | None = None, **settings: object) -> ImageTraining:
        known = SMALL | settings
        kind = RenewingParameters if "keep_input" in known else ImageNetworkParameters
        return start_training(self.stack, self.problem, kind(**known), context or Context())


def as_maps(stack: ImageStack, values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(stack.as_maps(values.astype(np.float32)))


def unheard(*_: object) -> None:
    pass


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with torch_threads(1):
        yield


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="module")
def trained(scene: Scene) -> tuple[ImageTraining, list[tuple[int, object]]]:
    """A network after its warm-up, with the quality of its signals on the way."""
    training = scene.start(patience=1000)
    seen = []

    def look(number: int, _epoch: Epoch) -> None:
        if number in (1, 25):
            learnt, predicted = (
                scene.stack.at_voxels(signal.numpy()) for signal in (training.signal, training.predicted())
            )
            seen.append(signal_quality(scene.clean, learnt, predicted))

    training.train(25, look)
    return training, seen


def test_predictions_surpass_the_measurements_in_training(trained: tuple) -> None:
    assert predictions_surpass_measurements(trained[1])


def test_predictions_that_differ_much_from_the_measurement_are_the_better_ones(
    scene: Scene, trained: tuple
) -> None:
    training = trained[0]
    learnt, predicted = (
        scene.stack.at_voxels(signal.numpy()) for signal in (training.signal, training.predicted())
    )
    assert gap_grows_with_fitting_error(
        quality_by_fitting_error(scene.clean, learnt, predicted, [0, 0.05, 0.1, 0.2])
    )


def test_renewed_signals_are_closer_to_the_clean_ones(scene: Scene, trained: tuple) -> None:
    noise = rms(trained[0].signal - scene.truth.signal, trained[0].inside)
    errors = {}
    for around_diff in (None, 0.02):
        training = copy.deepcopy(trained[0])
        rules = Rules(around_diff=around_diff, limit=3, epochs=2, tolerance=0.0)
        record, why = iterations(training, rules, on_step=unheard, truth=scene.truth)
        errors[around_diff] = [one.signal_error for one in record]
        assert why == "limit"
        assert [one.number for one in record] == [1, 2, 3]
        assert all(len(one.epochs) == 2 for one in record)
        assert len(record[0].rmse) == 4
        assert record[0].change == pytest.approx(
            rms(renewed_once(trained[0], rules).signal - trained[0].signal, training.inside)
        )
    assert errors[0.02][-1] < errors[None][-1] < noise / 2


def renewed_once(trained: ImageTraining, rules: Rules) -> ImageTraining:
    training = copy.deepcopy(trained)
    iterations(training, replace(rules, limit=1, epochs=1), on_step=unheard)
    return training


def test_without_thresholds_nothing_changes_and_the_loop_ends(scene: Scene) -> None:
    training = scene.start()
    record, why = iterations(training, Rules(1e9, None, limit=9, epochs=1), on_step=unheard)
    assert why == "tolerance"
    assert [one.change for one in record] == [0.0]
    assert record[0].replaced == 0


def test_signals_outside_the_mask_stay_zero(trained: tuple) -> None:
    training = renewed_once(trained[0], Rules())
    assert not training.signal[(~training.inside)[:, None].expand_as(training.signal)].any()


def test_what_is_held_out_is_neither_input_nor_target(scene: Scene) -> None:
    """Other values in the samples held out change nothing but the error of their prediction."""
    training = scene.start(dropout=0.0)
    assert 0.03 < float(training.held_out.sum()) / scene.clean.size < 0.07
    spoilt = copy.deepcopy(scene)
    signal = torch.from_numpy(scene.stack.signal)
    spoilt.stack = replace(scene.stack, signal=torch.where(training.held_out, 5.0, signal).numpy())
    other = spoilt.start(dropout=0.0)
    (one,), (another,) = training.train(1, unheard), other.train(1, unheard)
    torch.testing.assert_close(training.signal, other.signal)
    torch.testing.assert_close(training.values(), other.values())
    assert one.loss == another.loss
    assert another.held_out_loss > 10 * one.held_out_loss


def test_few_samples_are_all_learnt_from(scene: Scene) -> None:
    training = scene.start(held_out=0.001)
    assert not training.held_out.any()
    (epoch,) = training.train(1, unheard)
    assert epoch.held_out_loss is None


def test_the_weights_that_predicted_held_out_samples_best_are_kept(scene: Scene) -> None:
    """With a learning rate far too high the last weights are bad."""
    training = scene.start(learning_rate=0.03, patience=1000)
    epochs = training.train(4, unheard)
    best = min(range(4), key=lambda n: epochs[n].held_out_loss)
    shorter = scene.start(learning_rate=0.03, patience=1000)
    shorter.train(best + 1, unheard)
    torch.testing.assert_close(training.values(), shorter.values())


def test_training_ends_when_the_loss_falls_no_more(scene: Scene) -> None:
    epochs = scene.start(patience=2, delta=0.9).train(50, unheard)
    assert len(epochs) == 3
    assert len(scene.start(patience=50).train(3, unheard)) == 3


def test_the_same_seed_gives_the_same_network_and_another_one_another(scene: Scene) -> None:
    def values(seed: int) -> torch.Tensor:
        training = scene.start(Context(seed=seed), dropout=0.2)
        training.train(1, unheard)
        return training.values()

    first = values(3)
    torch.rand(5)
    assert torch.equal(first, values(3))
    assert not torch.allclose(first, values(4))


def test_smaller_pieces_for_lack_of_memory_give_the_same_gradient(scene: Scene) -> None:
    whole, pieces = (scene.start(Context(chunk_scale=share), dropout=0.0) for share in (1.0, 1e-3))
    (one,), (other,) = whole.train(1, unheard), pieces.train(1, unheard)
    assert one.loss == pytest.approx(other.loss, rel=1e-4)
    torch.testing.assert_close(whole.values(), pieces.values(), rtol=1e-3, atol=1e-5)


def test_measured_signals_can_stay_the_input(scene: Scene) -> None:
    training = scene.start(keep_input=True)
    before = training.predicted()
    training.learn_from(torch.zeros_like(training.signal))
    torch.testing.assert_close(training.predicted(), before)
    renewing = scene.start()
    renewing.learn_from(torch.zeros_like(renewing.signal))
    assert not torch.allclose(renewing.predicted(), before)


def test_a_stop_is_heard_within_a_step(scene: Scene) -> None:
    undisturbed = Watch()
    scene.start(Context(undisturbed.progress))
    watch = Watch(stop_at=undisturbed.looks + 2)
    training = scene.start(Context(watch.progress))
    with pytest.raises(Stopped):
        training.train(1, unheard)
    assert watch.looks == undisturbed.looks + 2
