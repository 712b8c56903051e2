from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.repeating import read_recipe, repeat
from napari_dwi.methods.running import run_method, save_result
from napari_dwi.scan import BValues, DwiSeries, Volume, open_volume, resample_to, save
from napari_dwi.scan.averaging import take_volumes

from ..synthetic import make_series, save_series
from .settings import fast_settings

_RESULT = "scan_desc-gaussian_dwi"


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """Files of a series, and of anatomy and a mask on another grid, brought over."""
    scan = make_series()
    series = save_series(scan.series, tmp_path / "scan.nii.gz")
    finer = make_series((24, 25, 6), spacing_mm=(1.7, 1.8, 3.5))
    save(finer.anatomy, tmp_path / "T1.nii.gz")
    mask = Volume(finer.tissue.astype(np.float32), finer.series.grid, "mask")
    save(mask, tmp_path / "mask.nii.gz")
    anatomy = resample_to(open_volume(tmp_path / "T1.nii.gz"), series.grid)
    read = open_volume(tmp_path / "mask.nii.gz")
    mask = resample_to(Volume(read.data, read.grid, "mask", source=read.source), series.grid)
    return Inputs(series, (anatomy,), mask)


@pytest.fixture
def record(inputs: Inputs, tmp_path: Path) -> Path:
    """The sidecar of a saved result."""
    method = find_method("gaussian")
    save_result(run_method(method, method.settings(), inputs), tmp_path / "out")
    return tmp_path / "out" / f"{_RESULT}.json"


def changed(record: Path, **values: Any) -> Path:
    said = json.loads(record.read_text())
    for name, value in values.items():
        if value is None:
            del said[name]
        else:
            said[name] = value
    record.write_text(json.dumps(said))
    return record


# BM4D is no part of what the tests install.
_INSTALLED = [method for method in methods_of("denoise") if method.name != "bm4d"]


@pytest.mark.parametrize("method", _INSTALLED, ids=lambda method: method.name)
def test_a_repeated_result_has_the_same_bytes(method: Method, inputs: Inputs, tmp_path: Path) -> None:
    settings = fast_settings(method, targets="400,800")
    first = run_method(method, settings, inputs, seed=3, device="cpu", threads=1)
    paths = save_result(first, tmp_path / "out")
    for path in paths:
        recipe = read_recipe(path.with_name(path.name.replace(".nii.gz", ".json")))
        assert (recipe.method, recipe.seed, recipe.threads, recipe.device) == (method.name, 3, 1, "cpu")
        again = save_result(repeat(recipe), tmp_path / "again")
        assert [file.name for file in again] == [file.name for file in paths]
        assert [file.read_bytes() for file in again] == [file.read_bytes() for file in paths]


def test_the_b_values_are_those_of_then(inputs: Inputs, record: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.bval").write_text("5 6 7\n")
    again = repeat(read_recipe(record))
    assert again.record.b_values.values.tolist() == inputs.series.b_values.values.tolist()


def test_a_result_of_trace_weighted_volumes_is_made_again_from_the_directions(tmp_path: Path) -> None:
    b_values = (0, 0, 800, 800, 800)
    scan = make_series((12, 10, 2), b_values)
    directed = BValues(np.array(b_values), np.vstack([np.zeros((2, 3)), np.eye(3)]))
    series = save_series(replace(scan.series, b_values=directed), tmp_path / "scan.nii.gz")
    trace = take_volumes(series, "trace-geometric")
    method = find_method("gaussian")
    first = run_method(method, method.settings(), Inputs(trace), device="cpu")
    save_result(first, tmp_path / "out")
    again = repeat(read_recipe(tmp_path / "out" / f"{_RESULT}.json"))
    for one, other in zip(first.output.images, again.output.images, strict=True):
        assert isinstance(one.image, DwiSeries)
        assert isinstance(other.image, DwiSeries)
        assert one.image.signal.shape == (12, 10, 2, 2)
        assert one.image.signal.tobytes() == other.image.signal.tobytes()


@pytest.mark.parametrize("name", ["scan", "T1", "mask"])
def test_a_changed_input_is_refused(record: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.nii.gz"
    volume = open_volume(path) if name != "scan" else save_series(make_series(seed=1).series, path)
    if isinstance(volume, Volume):
        kind = "mask" if name == "mask" else "anatomy"
        save(Volume(1 - np.minimum(volume.data, 1), volume.grid, kind), path)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="this is not the file the result was made from") as caught:
        repeat(read_recipe(record))
    assert caught.value.file is not None
    assert Path(caught.value.file).name == path.name


@pytest.mark.parametrize("name", ["scan", "T1", "mask"])
def test_a_missing_input_is_named(record: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.nii.gz").unlink()
    with pytest.raises(BadInputError, match=rf"{name}\.nii\.gz"):
        repeat(read_recipe(record))


def test_a_result_whose_series_is_no_file_cannot_be_repeated(tmp_path: Path) -> None:
    method = find_method("gaussian")
    save_result(run_method(method, method.settings(), Inputs(make_series().series)), tmp_path)
    with pytest.raises(BadInputError, match="does not say which file the series came from") as caught:
        read_recipe(tmp_path / f"{_RESULT}.json")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{}", "not the sidecar of a result"),
        (b"{", "not a JSON file"),
        (b'{"EchoTime": 0.08, "ConversionSoftware": "dcm2niix"}', "not the sidecar of a result"),
        (b'{"Description": "", "Sources": [{"SHA256": "ab", "Bytes": 1}]}', "not the sidecar of a result"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=problem):
        read_recipe(path)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.json: cannot be read"):
        read_recipe(tmp_path / "none.json")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_recipe(tmp_path)


@pytest.mark.parametrize("field", ["Sources", "Method", "Parameters", "Seed", "Threads", "Device", "BValues"])
def test_a_record_that_lacks_something_is_refused(record: Path, field: str) -> None:
    with pytest.raises(BadInputError, match="not the sidecar of a result"):
        read_recipe(changed(record, **{field: None}))


@pytest.mark.parametrize(
    "values",
    [
        {"Seed": "five"},
        {"Seed": float("inf")},
        {"BValues": ["low", "high"]},
        {"Parameters": 5},
        {"Sources": [{"Part": "series", "Path": 7, "SHA256": "", "Bytes": 1}]},
    ],
    ids=str,
)
def test_a_record_with_values_of_another_kind_is_refused(record: Path, values: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="not the sidecar of a result"):
        read_recipe(changed(record, **values))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"Method": "magic"}, "no method is called magic"),
        ({"Parameters": {"sigma_mm": 1e9}}, "parameter sigma_mm cannot be used"),
        ({"Parameters": {"sigma": 1}}, "unknown parameter sigma"),
        ({"BValues": [0, 800]}, "the number of b-values does not match"),
        ({"Seed": -1}, "the seed cannot be used"),
    ],
    ids=str,
)
def test_a_record_of_what_cannot_be_done_is_refused(
    record: Path, values: dict[str, Any], problem: str
) -> None:
    with pytest.raises(BadInputError, match=problem):
        repeat(read_recipe(changed(record, **values)))
