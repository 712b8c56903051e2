from __future__ import annotations

import json

import numpy as np
import pytest

from napari_dwi.denoise.auto import METHOD
from napari_dwi.methods.method import Inputs, Output
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method

from ..synthetic import Scan, make_series

PARTS = ("bl-inr", "patch-regression", "additive-regression")


@pytest.fixture(scope="module")
def scan() -> Scan:
    return make_series((28, 26, 6), sigma=150)


def output(name: str, scan: Scan, **settings: str) -> Output:
    method = find_method(name)
    quick = {"steps": "60"} if "fast" in method.presets else {}
    parameters = method.settings("fast" if quick else None).with_settings(quick | settings)
    return run_method(
        method, parameters, Inputs(scan.series, (scan.anatomy,)), device="cpu", threads=1
    ).output


@pytest.fixture(scope="module")
def auto(scan: Scan) -> Output:
    return output("auto", scan)


def error(made: Output, scan: Scan) -> float:
    image = made.image("denoised").signal  # type: ignore[union-attr]
    return float(np.square(image - scan.truth.signal)[scan.tissue].mean())


def test_it_is_about_as_close_to_the_truth_as_the_closest_of_its_parts(auto: Output, scan: Scan) -> None:
    assert error(auto, scan) < 1.1 * min(error(output(name, scan), scan) for name in PARTS)


def test_the_sidecar_says_what_the_mixture_is_made_of(auto: Output) -> None:
    volumes = auto.images[0].facts["Combination"]
    assert [volume["Volume"] for volume in volumes] == [0, 1, 2]
    for volume in volumes:
        assert set(volume["Weights"]) == set(PARTS)
        assert sum(volume["Weights"].values()) == pytest.approx(1)
        assert all(error > 0 for error in volume["MeanSquaredErrorAtUnseenVoxels"].values())
        assert all(factor >= 0 for factor in volume["AddedBackOfResidual"].values())
        figure = f"weight of bl-inr, volume {volume['Volume']}, b = "
        assert any(name.startswith(figure) for name in auto.figures)
    json.dumps(volumes)


def test_errors_at_unseen_voxels_are_at_least_the_noise(auto: Output, scan: Scan) -> None:
    noise = np.square(scan.series.signal - scan.truth.signal)[scan.tissue].mean(axis=0)
    for volume, expected in zip(auto.images[0].facts["Combination"], noise, strict=True):
        for found in volume["MeanSquaredErrorAtUnseenVoxels"].values():
            assert found > 0.7 * expected


def test_the_networks_disagreement_is_shown_aside(auto: Output) -> None:
    assert [image.role for image in auto.images] == ["denoised", "residual", "SD"]
    assert auto.images[2].aside


def test_nothing_is_added_back_unless_wanted(scan: Scan) -> None:
    made = output("auto", scan, add_back="no", steps="8", targets="800")
    (volume,) = made.images[0].facts["Combination"]
    assert not any(volume["AddedBackOfResidual"].values())


def test_it_is_found_by_its_name() -> None:
    assert find_method("auto") is METHOD
    assert METHOD.title == "Auto"
