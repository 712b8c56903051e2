from __future__ import annotations

import hashlib

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit._network_keeping import network_folder
from napari_dwi.methods.method import Output
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import Volume

from .curves import Curves, make_curves
from .settings import fast_settings

NETWORKS = [method.name for method in methods_of("fit") if method.name.startswith("network-")]


def run(name: str, curves: Curves, **settings: str) -> Result:
    method = find_method(name)
    return run_method(method, fast_settings(method, **settings), curves.inputs, device="cpu", threads=1)


def network_of(output: Output) -> dict[str, object]:
    return output.images[0].facts["Network"]


def map_of(output: Output, role: str) -> np.ndarray:
    image = output.image(role)
    assert isinstance(image, Volume)
    return image.data


def test_there_is_one_method_for_every_loss_of_the_paper() -> None:
    assert sorted(NETWORKS) == [
        "network-hybrid",
        "network-self-supervised",
        "network-supervised-gt",
        "network-supervised-mle",
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_image_says_which_weights_it_comes_from(name: str) -> None:
    output = run(name, make_curves("ivim-dfast", snr=60), noise_sigma="17").output
    digest = network_of(output)["SHA256"]
    files = [hashlib.sha256(file.read_bytes()).hexdigest() for file in network_folder().glob("*.safetensors")]
    assert digest in files
    assert all(image.facts["Network"]["SHA256"] == digest for image in output.images)


def test_scans_of_similar_snr_share_a_network_for_about_their_snr() -> None:
    curves = make_curves("ivim-dfast", snr=20)
    signal_at_lowest = float(np.median(curves.series.signal[..., 0]))
    trained_for = []
    for noise_sigma in (50.0, 49.5, 30.0):
        output = run("network-supervised-gt", curves, noise_sigma=f"{noise_sigma}", snr="0").output
        trained_for.append(network_of(output)["Recipe"]["snr"])
        assert trained_for[-1] == pytest.approx(signal_at_lowest / noise_sigma, rel=0.1)
    assert trained_for[0] == trained_for[1] != trained_for[2]


def test_the_snr_typed_is_the_one_trained_for() -> None:
    curves = make_curves("ivim-dfast", snr=20)
    output = run("network-supervised-gt", curves, noise_sigma="50", snr="33").output
    assert network_of(output)["Recipe"]["snr"] == 33


def test_an_snr_far_from_that_of_the_scan_is_noted() -> None:
    curves = make_curves("ivim-dfast", snr=60)
    said = run("network-supervised-gt", curves, noise_sigma="60").record.warnings
    assert any("trained for an SNR of 60; that of the scan is 1" in note for note in said)
    assert not run("network-supervised-gt", curves, noise_sigma="17").record.warnings


def test_the_ends_of_the_hybrid_are_the_other_two_networks() -> None:
    curves = make_curves("ivim-dfast", snr=60)
    for alpha, other in (("0", "network-supervised-gt"), ("1", "network-supervised-mle")):
        hybrid = run("network-hybrid", curves, noise_sigma="17", alpha=alpha)
        assert (
            network_of(hybrid.output)["SHA256"]
            == network_of(run(other, curves, noise_sigma="17").output)["SHA256"]
        )


def test_the_noise_model_of_the_labels_matters() -> None:
    curves = make_curves("ivim-dfast", snr=60)
    digests = {
        network_of(run("network-supervised-mle", curves, noise_sigma="17", label_noise=noise).output)[
            "SHA256"
        ]
        for noise in ("rician", "gaussian")
    }
    assert len(digests) == 2


def test_both_conventions_give_the_same_tissue() -> None:
    curves = make_curves("ivim-dfast")
    dfast = run("network-supervised-gt", curves, model="ivim-dfast", noise_sigma="1").output
    dstar = run("network-supervised-gt", curves, model="ivim", noise_sigma="1").output
    np.testing.assert_allclose(np.median(map_of(dfast, "f") / map_of(dstar, "f")), 1, atol=0.05)
    both = map_of(dfast, "D") + map_of(dfast, "Dfast")
    np.testing.assert_allclose(np.median(both / map_of(dstar, "Dstar")), 1, atol=0.1)


def test_scatter_grows_from_true_labels_over_the_hybrid_to_likelihood() -> None:
    curves = make_curves("ivim-dfast", snr=15, shape=(20, 20, 5))
    scatter = []
    for name in ("network-supervised-gt", "network-hybrid", "network-supervised-mle"):
        output = run(name, curves, noise_sigma="66", snr="15", training_voxels="10000").output
        error = map_of(output, "Dfast") - curves.truth[..., 2]
        scatter.append(error.std())
    assert scatter == sorted(scatter)
    assert scatter[2] > 1.3 * scatter[0]


def test_estimates_stay_within_the_bounds_and_are_marked_there() -> None:
    curves = make_curves("ivim-dfast", snr=60)
    output = run("network-supervised-gt", curves, noise_sigma="17", f_high="0.25").output
    f = map_of(output, "f")
    assert f.max() == np.float32(0.25)
    codes = next(image for image in output.images if image.role == "status").display.codes
    status = map_of(output, "status")[f == np.float32(0.25)]
    assert all("bound" in codes[int(code)] for code in status)


def test_a_range_that_leaves_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(BadInputError, match="range of f leaves nothing to train on"):
        find_method("network-hybrid").parameters.from_values({"f_trained_low": 0.5, "f_trained_high": 0.5})


def test_the_ranges_of_the_other_convention_are_idle() -> None:
    parameters = find_method("network-hybrid").parameters
    assert {"Dstar_trained_low", "Dstar_weight"} <= parameters.idle("ivim-dfast")
    assert {"Dfast_trained_low", "Dfast_weight"} <= parameters.idle("ivim")
