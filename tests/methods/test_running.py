from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch

import napari_dwi
from napari_dwi.errors import BadInputError, CannotWriteError, MethodFailedError, Stopped
from napari_dwi.methods.method import Context, Inputs, Method, Output, OutputImage
from napari_dwi.methods.parameters import Parameters, b_value_list, whole
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.scan import BValues, DwiSeries, Volume, open_series, open_volume, save

from ..synthetic import files_below, make_series, save_series


@dataclass(frozen=True, kw_only=True)
class Settings(Parameters):
    factor: int = whole(2, low=1, high=9, help="What to multiply by.")
    targets: tuple[float, ...] = b_value_list(help="b-values.")


def multiply(inputs: Inputs, parameters: Settings, context: Context) -> Output:
    """Multiply, and say everything that a method can say."""
    series = inputs.series
    context.progress.report(0.5, "multiplying")
    warnings.warn("numbers are large", RuntimeWarning, stacklevel=2)
    rng = np.random.default_rng(context.seed)
    product = series.signal * np.float32(parameters.factor) + np.float32(rng.random())
    product[0, 0, 0, 0] = np.nan
    images = (
        OutputImage("denoised", "desc-multiply_dwi", replace(series, signal=product), "Product", "au"),
        OutputImage("S0", "param-S0_dwimap", Volume(product[..., 0], series.grid, "map"), "Map", "1/s"),
    )
    return Output(images, {"factor (1)": float(parameters.factor)}, ("this is only a product",))


def method(run: Callable[..., Output] = multiply, *, uses_torch: bool = False) -> Method:
    return Method("multiply", "Multiply", "denoise", "-", "-", Settings, run, uses_torch=uses_torch)


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """A series, anatomy and mask that lie in files."""
    scan = make_series()
    folder = tmp_path / "in"
    series = save_series(scan.series, folder / "scan.nii.gz")
    save(scan.anatomy, folder / "T1.nii.gz")
    save(Volume(scan.tissue.astype(np.float32), series.grid, "mask"), folder / "mask.nii.gz")
    return Inputs(series, (open_volume(folder / "T1.nii.gz"),), open_volume(folder / "mask.nii.gz"))


def multiplied(inputs: Inputs) -> Result:
    return run_method(method(), Settings(factor=3), inputs, seed=5)


def sidecar(path: Path) -> dict[str, object]:
    said: dict[str, object] = json.loads(path.read_text())
    return said


def test_the_record_says_how_the_result_was_made(inputs: Inputs) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    noted = replace(inputs, series=replace(inputs.series, notes=("slices are thick",)))
    record = multiplied(noted).record
    assert (record.method, record.task) == ("multiply", "denoise")
    assert record.parameters == {"factor": 3, "targets": ()}
    assert record.series == inputs.series.source
    assert record.anatomy == (inputs.anatomy[0].source,)
    assert inputs.mask is not None
    assert record.mask == inputs.mask.source
    assert [part for part, _ in record.sources] == ["series", "anatomy", "mask"]
    assert record.b_values.values.tolist() == [0, 400, 800]
    assert (record.seed, record.device, record.threads, record.chunk_scale) == (5, "cpu", 1, 1.0)
    assert before <= datetime.fromisoformat(record.started_utc) <= datetime.now(UTC)
    assert record.seconds >= 0
    assert record.warnings == ("slices are thick", "this is only a product", "numbers are large")
    assert record.figures == {"factor (1)": 3.0}


def test_images_made_in_memory_have_no_sources() -> None:
    scan = make_series()
    record = multiplied(Inputs(scan.series, (scan.anatomy,))).record
    assert (record.series, record.anatomy, record.mask) == (None, (None,), None)
    assert record.sources == ()


def test_progress_runs_from_0_to_1(inputs: Inputs) -> None:
    heard: list[tuple[float, str]] = []
    progress = Progress(lambda fraction, phrase: heard.append((fraction, phrase)))
    run_method(method(), Settings(), inputs, progress=progress)
    assert heard == [(0.0, "starting"), (0.5, "multiplying"), (1.0, "done")]


def test_a_stop_before_the_start_computes_nothing(inputs: Inputs) -> None:
    def never(*_: object) -> Output:
        raise AssertionError

    with pytest.raises(Stopped):
        run_method(method(never), Settings(), inputs, progress=Progress(stop_asked=lambda: True))


def test_running_out_of_memory_ends_up_in_the_record(inputs: Inputs) -> None:
    def greedy(inputs: Inputs, parameters: Settings, context: Context) -> Output:
        np.empty(context.chunk(1 << 62) if context.chunk_scale > 0.25 else 1, np.uint8)
        return multiply(inputs, parameters, context)

    assert run_method(method(greedy), Settings(), inputs).record.chunk_scale == 0.25


def test_the_threads_asked_for_are_used_recorded_and_given_back(inputs: Inputs) -> None:
    used = []

    def count(inputs: Inputs, parameters: Settings, context: Context) -> Output:
        used.append(torch.get_num_threads())
        return multiply(inputs, parameters, context)

    before = torch.get_num_threads()
    record = run_method(method(count, uses_torch=True), Settings(), inputs, device="cpu", threads=3).record
    assert used == [3]
    assert (record.device, record.threads) == ("cpu", 3)
    assert torch.get_num_threads() == before


def test_a_method_without_torch_takes_the_cpu_whatever_device_is_asked_for(inputs: Inputs) -> None:
    assert run_method(method(), Settings(), inputs, device="cuda").record.device == "cpu"


def test_errors_of_the_method_pass(inputs: Inputs) -> None:
    def fail(*_: object) -> Output:
        raise MethodFailedError("did not converge")

    with pytest.raises(MethodFailedError, match="did not converge"):
        run_method(method(fail), Settings(), inputs)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**30])
def test_a_seed_that_no_generator_takes_is_refused(inputs: Inputs, seed: int) -> None:
    with pytest.raises(BadInputError, match="the seed cannot be used; expected a whole number from 0 to"):
        run_method(method(), Settings(), inputs, seed=seed)


def test_every_image_is_saved_with_what_belongs_beside_it(inputs: Inputs, tmp_path: Path) -> None:
    out = tmp_path / "out" / "deeper"
    result = multiplied(inputs)
    paths = save_result(result, out)
    assert paths == (out / "scan_desc-multiply_dwi.nii.gz", out / "scan_param-S0_dwimap.nii.gz")
    assert sorted(files_below(out)) == [
        "scan_desc-multiply_dwi.bval",
        "scan_desc-multiply_dwi.json",
        "scan_desc-multiply_dwi.nii.gz",
        "scan_param-S0_dwimap.json",
        "scan_param-S0_dwimap.nii.gz",
    ]
    saved = open_series(paths[0])
    denoised = result.output.image("denoised")
    assert isinstance(denoised, DwiSeries)
    np.testing.assert_array_equal(saved.signal, denoised.signal)
    np.testing.assert_array_equal(saved.b_values.values, inputs.series.b_values.values)
    assert saved.grid.same_as(inputs.series.grid)


def test_the_sidecar_says_it_all(inputs: Inputs, tmp_path: Path) -> None:
    result = multiplied(inputs)
    series_path, map_path = save_result(result, tmp_path / "out")
    said = sidecar(series_path.with_name("scan_desc-multiply_dwi.json"))
    versions = said.pop("SoftwareVersions")
    assert isinstance(versions, dict)
    assert {"python", "numpy", "torch", "nibabel"} <= set(versions)
    assert versions["numpy"] == np.__version__
    sources = said.pop("Sources")
    assert isinstance(sources, list)
    expected_sources = [("series", "scan.nii.gz"), ("anatomy", "T1.nii.gz"), ("mask", "mask.nii.gz")]
    for source, (part, name) in zip(sources, expected_sources, strict=True):
        content = (tmp_path / "in" / name).read_bytes()
        assert source["Part"] == part
        assert (tmp_path / "out" / source["Path"]).resolve() == (tmp_path / "in" / name).resolve()
        assert source["SHA256"] == hashlib.sha256(content).hexdigest()
        assert source["Bytes"] == len(content)
    assert said.pop("StartedUTC") == result.record.started_utc
    assert said.pop("Seconds") == pytest.approx(result.record.seconds, abs=0.001)
    n_values = inputs.series.signal.size
    assert said == {
        "Description": "Product",
        "Units": "au",
        "Role": "denoised",
        "GeneratedBy": [{"Name": "napari-dwi", "Version": napari_dwi.__version__}],
        "Task": "denoise",
        "Method": "multiply",
        "Parameters": {"factor": 3, "targets": []},
        "BValues": [0, 400, 800],
        "BValueOrigin": "scan.bval",
        "BVectors": None,
        "Seed": 5,
        "Device": "cpu",
        "Threads": 1,
        "ChunkScale": 1.0,
        "AffineSource": "sform",
        "Voxels": {"finite": n_values - 1, "NaN": 1},
        "Figures": {"factor (1)": 3.0},
        "Warnings": ["this is only a product", "numbers are large"],
    }
    of_map = sidecar(map_path.with_name("scan_param-S0_dwimap.json"))
    assert (of_map["Role"], of_map["Units"], of_map["Description"]) == ("S0", "1/s", "Map")
    assert of_map["Voxels"] == {"finite": n_values // 3 - 1, "NaN": 1}


def test_no_path_of_this_computer_gets_into_a_sidecar(inputs: Inputs, tmp_path: Path) -> None:
    save_result(multiplied(inputs), tmp_path / "out")
    for name, content in files_below(tmp_path / "out").items():
        if name.endswith(".json"):
            assert str(tmp_path) not in content.decode()


def test_sources_are_found_from_a_folder_behind_a_link(inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "far" / "away").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "far" / "away", target_is_directory=True)
    paths = save_result(multiplied(inputs), link / "out")
    sources = sidecar(paths[0].with_name("scan_desc-multiply_dwi.json"))["Sources"]
    assert isinstance(sources, list)
    assert all((link / "out" / source["Path"]).is_file() for source in sources)


def test_a_source_that_is_a_link_keeps_its_own_name(inputs: Inputs, tmp_path: Path) -> None:
    stored = (tmp_path / "in" / "scan.nii.gz").rename(tmp_path / "in" / "5f3a")
    (tmp_path / "in" / "scan.nii.gz").symlink_to(stored)
    paths = save_result(multiplied(inputs), tmp_path / "out")
    sources = sidecar(paths[0].with_name("scan_desc-multiply_dwi.json"))["Sources"]
    assert isinstance(sources, list)
    assert sources[0]["Path"] == str(Path("..", "in", "scan.nii.gz"))


def test_earlier_results_are_replaced(inputs: Inputs, tmp_path: Path) -> None:
    first = save_result(run_method(method(), Settings(factor=2), inputs), tmp_path)
    before = open_series(first[0]).signal
    assert save_result(run_method(method(), Settings(factor=4), inputs), tmp_path) == first
    assert not np.array_equal(open_series(first[0]).signal, before, equal_nan=True)


def test_where_one_file_cannot_be_written_none_is(inputs: Inputs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    save_result(run_method(method(), Settings(factor=2), inputs), out)
    (out / "scan_param-S0_dwimap.json").unlink()
    (out / "scan_param-S0_dwimap.json").mkdir()
    before = files_below(tmp_path)
    with pytest.raises(CannotWriteError, match="there is a folder of that name"):
        save_result(run_method(method(), Settings(factor=4), inputs), out)
    assert files_below(tmp_path) == before


def test_a_folder_that_cannot_be_made_leaves_nothing(inputs: Inputs, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    before = files_below(tmp_path)
    with pytest.raises(CannotWriteError, match="cannot be written"):
        save_result(multiplied(inputs), tmp_path / "file" / "out")
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("part", ["series", "anatomy", "mask"])
def test_a_result_never_replaces_an_input(inputs: Inputs, tmp_path: Path, part: str) -> None:
    out = tmp_path / "out"
    path = out / "scan_desc-multiply_dwi.nii.gz"
    if part == "series":
        # Called otherwise than its file, the series gives its result the name of that file.
        series = replace(save_series(inputs.series, path), name="scan")
        inputs = replace(inputs, series=series)
    else:
        save(inputs.anatomy[0], path)
        volume = open_volume(path)
        inputs = replace(inputs, **{part: (volume,) if part == "anatomy" else volume})
    before = files_below(tmp_path)
    with pytest.raises(CannotWriteError, match="one of the input files, which are never overwritten"):
        save_result(multiplied(inputs), out)
    assert files_below(tmp_path) == before


def test_files_named_besides_are_kept_too(inputs: Inputs, tmp_path: Path) -> None:
    bval = tmp_path / "scan_desc-multiply_dwi.bval"
    bval.write_text("0 400 800\n")
    with pytest.raises(CannotWriteError, match="never overwritten"):
        save_result(multiplied(inputs), tmp_path, never_over=[bval])
    assert bval.read_text() == "0 400 800\n"


def test_directions_go_with_the_volumes(inputs: Inputs, tmp_path: Path) -> None:
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8]])
    series = replace(inputs.series, b_values=BValues(inputs.series.b_values.values, directions))
    path, _ = save_result(multiplied(replace(inputs, series=series)), tmp_path)
    found = open_series(path).b_values.directions
    assert found is not None
    np.testing.assert_allclose(found, directions)
