from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from napari_dwi.errors import Stopped
from napari_dwi.fit._network_files import packed
from napari_dwi.fit._network_keeping import CACHE_VARIABLE, kept_network, network_folder
from napari_dwi.methods.progress import Progress

from ..watching import Watch
from .recipes import labelled, small_recipe

QUIET = Progress()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path


def kept_files() -> dict[str, bytes]:
    folder = network_folder()
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


def test_a_network_is_trained_once(cache: Path) -> None:
    watch = Watch()
    first = kept_network(small_recipe(), watch.progress)
    assert network_folder() == cache / "networks"
    before = kept_files()
    assert {Path(name).suffix for name in before} == {".safetensors", ".json"}
    again = Watch()
    second = kept_network(small_recipe(), again.progress)
    assert (watch.looks > 5, again.looks) == (True, 0)
    assert packed(first.trained.network) == packed(second.trained.network)
    assert first.trained.sha256 == second.trained.sha256
    assert first.trained.held_out_loss == second.trained.held_out_loss
    assert kept_files() == before


def test_a_network_trained_again_elsewhere_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_network(small_recipe(), QUIET)
    before = kept_files()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    kept_network(small_recipe(), QUIET)
    assert kept_files() == before


@pytest.mark.parametrize(
    "changes",
    [{"snr": 15.0}, {"seed": 4}, {"width": 9}, {"b_values": (0.0, 10, 20, 30, 50, 80, 100, 200, 400, 900)}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_recipe_is_another_network(changes: dict[str, object]) -> None:
    kept_network(small_recipe(), QUIET)
    kept_network(replace(small_recipe(), **changes), QUIET)
    assert len(kept_files()) == 4


def test_the_networks_of_a_protocol_share_their_start() -> None:
    kept_network(labelled(start=small_recipe()), QUIET)
    kept_network(labelled(label_noise="gaussian", start=small_recipe()), QUIET)
    assert len(kept_files()) == 2 * 3


def test_progress_rises_through_start_labels_and_training() -> None:
    watch = Watch()
    kept_network(labelled(start=small_recipe()), watch.progress)
    assert watch.fractions == sorted(watch.fractions)
    assert watch.fractions[0] >= 0
    assert watch.fractions[-1] == pytest.approx(1)


def test_a_kept_file_that_cannot_be_used_is_replaced_with_a_note() -> None:
    first = kept_network(small_recipe(), QUIET)
    (weights,) = network_folder().glob("*.safetensors")
    weights.write_bytes(b"\x80\x04 no weights")
    second = kept_network(small_recipe(), QUIET)
    (note,) = second.notes
    assert "trained again" in note
    assert second.trained.sha256 == first.trained.sha256
    assert kept_network(small_recipe(), QUIET).notes == ()


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(cache: Path) -> None:
    (cache / "networks").write_text("in the way")
    found = kept_network(small_recipe(), QUIET)
    (note,) = found.notes
    assert "could not be kept" in note
    assert found.trained.held_out_loss > 0


@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_a_stop_keeps_nothing_half_trained(share: float) -> None:
    watch = Watch()
    kept_network(labelled(seed=8), watch.progress)
    before = kept_files()
    stopped = Watch(stop_at=max(1, round(share * watch.looks)))
    with pytest.raises(Stopped):
        kept_network(labelled(seed=9), stopped.progress)
    assert kept_files() == before


def test_without_the_variable_networks_lie_in_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    assert "napari-dwi" in network_folder().parts
