from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import CannotWriteError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.methods.session import Session
from napari_dwi.methods.session_folder import SessionFolder
from napari_dwi.methods.session_opening import OpenedSession, open_session
from napari_dwi.scan import DwiSeries, Volume, open_volume, resample_to, save
from napari_dwi.scan.regions import Regions

from ..synthetic import files_below, make_series, save_series


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    scan = make_series()
    series = save_series(scan.series, tmp_path / "data" / "scan" / "brain.nii.gz")
    save(scan.anatomy, tmp_path / "data" / "scan" / "T1.nii.gz")
    anatomy = resample_to(open_volume(tmp_path / "data" / "scan" / "T1.nii.gz"), series.grid)
    return Inputs(series, (anatomy,))


def gaussian(inputs: Inputs, **values: object) -> Result:
    method = find_method("gaussian")
    return run_method(method, method.parameters.from_values(values), inputs)


def regions_on(series: DwiSeries) -> Regions:
    codes = np.random.default_rng(3).choice([0, 1, 4], size=series.grid.shape).astype(np.float32)
    return Regions(Volume(codes, series.grid, "labels", name="regions"), {1: "lesion", 4: "muscle"})


def write(folder: Path, inputs: Inputs, *results: Result, regions: Regions | None = None) -> Session:
    files = SessionFolder(folder)
    session = Session(
        files.add_scan(inputs.series, inputs.anatomy),
        tuple(files.add_result(result, f"Result {n}") for n, result in enumerate(results)),
        None if regions is None else files.add_regions(regions),
    )
    files.write(session)
    return session


def assert_same_result(read: Result, made: Result) -> None:
    assert read.stem == made.stem
    assert [one.ending for one in read.output.images] == [one.ending for one in made.output.images]
    for one, other in zip(read.output.images, made.output.images, strict=True):
        assert (one.role, one.description, one.unit) == (other.role, other.description, other.unit)
        assert isinstance(one.image, DwiSeries)
        assert isinstance(other.image, DwiSeries)
        np.testing.assert_array_equal(one.image.signal, other.image.signal)
        np.testing.assert_array_equal(one.image.b_values.values, other.image.b_values.values)
        assert one.image.name == other.image.name


def opened(folder: Path) -> OpenedSession:
    found = open_session(folder)
    assert found.problems == ()
    return found


def test_a_session_comes_back_whole(tmp_path: Path, inputs: Inputs) -> None:
    made, regions = [gaussian(inputs), gaussian(inputs, targets=(400.0,))], regions_on(inputs.series)
    write(tmp_path / "session", inputs, *made, regions=regions)
    found = opened(tmp_path / "session")
    assert found.series is not None
    np.testing.assert_array_equal(found.series.signal, inputs.series.signal)
    np.testing.assert_array_equal(found.anatomy[0].data, inputs.anatomy[0].data)
    assert [entry.title for entry, _ in found.results] == ["Result 0", "Result 1"]
    for (_, read), result in zip(found.results, made, strict=True):
        assert_same_result(read, result)
        assert read.output.images[0].image.grid is found.series.grid
    assert found.regions is not None
    np.testing.assert_array_equal(found.regions.labels.data, regions.labels.data)
    assert found.regions.names == regions.names


def test_maps_come_back_with_all_that_makes_them_readable(tmp_path: Path, inputs: Inputs) -> None:
    method = next(method for method in methods_of("fit") if "adc" in method.models)
    made = run_method(method, method.parameters.from_values({"model": "adc"}), inputs)
    write(tmp_path / "session", inputs, made)
    ((_, read),) = opened(tmp_path / "session").results
    assert read.record.task == "fit"
    assert read.output.figures == made.output.figures
    for one, other in zip(read.output.images, made.output.images, strict=True):
        assert isinstance(one.image, Volume) == isinstance(other.image, Volume)
        assert (one.role, one.unit, one.display, one.aside) == (
            other.role,
            other.unit,
            other.display,
            other.aside,
        )
        assert one.facts == json.loads(json.dumps(dict(other.facts)))
        if isinstance(one.image, Volume) and isinstance(other.image, Volume):
            assert (one.image.kind, one.image.unit) == (other.image.kind, other.image.unit)
            np.testing.assert_array_equal(one.image.data, other.image.data)


@pytest.mark.parametrize("path", ["", "x" * 5000, "nul\0byte", "scan#8"])
def test_paths_that_lead_nowhere_are_named_and_the_rest_opened(
    tmp_path: Path, inputs: Inputs, path: str
) -> None:
    session = write(tmp_path / "session", inputs, regions=regions_on(inputs.series))
    assert session.scan is not None
    entry = replace(session.scan.series, path=path, elsewhere=path)
    SessionFolder(tmp_path / "session").write(replace(session, scan=replace(session.scan, series=entry)))
    found = open_session(tmp_path / "session")
    assert found.series is None
    assert len(found.problems) == 1
    assert found.regions is not None


def test_a_result_that_came_back_is_saved_as_the_one_it_was(tmp_path: Path, inputs: Inputs) -> None:
    made = gaussian(inputs)
    write(tmp_path / "session", inputs, made)
    ((_, read),) = opened(tmp_path / "session").results
    save_result(made, tmp_path / "out")
    before = files_below(tmp_path / "out")
    save_result(read, tmp_path / "out")
    assert files_below(tmp_path / "out") == before


def test_session_and_scan_may_move_together_or_the_session_alone(tmp_path: Path, inputs: Inputs) -> None:
    write(tmp_path / "data" / "session", inputs, gaussian(inputs))
    (tmp_path / "data").rename(tmp_path / "moved")
    assert opened(tmp_path / "moved" / "session").series is not None
    (tmp_path / "moved").rename(tmp_path / "data")
    (tmp_path / "data" / "session").rename(tmp_path / "session")
    assert opened(tmp_path / "session").series is not None


def test_typed_b_values_come_back(tmp_path: Path, inputs: Inputs) -> None:
    b_values = replace(inputs.series.b_values, values=np.array([0, 500, 1000]), origin="typed by the user")
    series = replace(inputs.series, b_values=b_values)
    write(tmp_path / "session", Inputs(series))
    found = opened(tmp_path / "session").series
    assert found is not None
    assert found.b_values.values.tolist() == [0, 500, 1000]
    assert found.b_values.origin == "typed by the user"


def test_a_scan_that_lies_in_no_file_goes_with_the_session(tmp_path: Path) -> None:
    scan = make_series()
    made = gaussian(Inputs(scan.series, (scan.anatomy,)))
    write(tmp_path / "session", Inputs(scan.series, (scan.anatomy,)), made)
    (tmp_path / "session").rename(tmp_path / "moved")
    found = opened(tmp_path / "moved")
    assert found.series is not None
    np.testing.assert_array_equal(found.series.signal, scan.series.signal)
    assert found.series.source is None
    assert_same_result(found.results[0][1], made)


@pytest.mark.parametrize("in_file", [True, False])
def test_a_single_image_comes_back_with_its_finer_result(tmp_path: Path, in_file: bool) -> None:
    anatomy = make_series().anatomy
    if in_file:
        save(anatomy, tmp_path / "T1.nii.gz")
        anatomy = open_volume(tmp_path / "T1.nii.gz")
    inputs = Inputs.of_volume(anatomy)
    method = find_method("zero-fill")
    made = run_method(method, method.settings(), inputs)
    write(tmp_path / "session", inputs, made)
    found = opened(tmp_path / "session")
    assert found.series is not None
    np.testing.assert_array_equal(found.series.signal, inputs.series.signal)
    fine, before = (one.output.image("super-resolved") for one in (found.results[0][1], made))
    assert isinstance(fine, Volume)
    assert isinstance(before, Volume)
    np.testing.assert_array_equal(fine.data, before.data)
    assert fine.grid.same_as(before.grid)
    assert found.grid is not None
    assert found.grid.same_as(anatomy.grid)


def test_without_the_scan_a_finer_result_does_not_set_the_grid(tmp_path: Path, inputs: Inputs) -> None:
    method = find_method("zero-fill")
    finer = run_method(method, method.settings(), Inputs(inputs.series))
    write(tmp_path / "session", inputs, finer, gaussian(inputs))
    assert inputs.series.source is not None
    inputs.series.source.path.unlink()
    found = open_session(tmp_path / "session")
    assert found.series is None
    assert found.grid is not None
    assert found.grid.same_as(inputs.series.grid)


@pytest.mark.parametrize("change", ["gone", "replaced"])
def test_a_changed_scan_is_named_and_the_rest_opened(tmp_path: Path, inputs: Inputs, change: str) -> None:
    made, regions = gaussian(inputs), regions_on(inputs.series)
    write(tmp_path / "session", inputs, made, regions=regions)
    assert inputs.series.source is not None
    file = inputs.series.source.path
    file.unlink()
    if change == "replaced":
        save(replace(inputs.series, signal=inputs.series.signal + 1), tmp_path / "other" / file.name)
        shutil.copy(tmp_path / "other" / file.name, file)
    found = open_session(tmp_path / "session")
    assert found.series is None
    (problem,) = found.problems
    assert file.name in problem
    assert ("gone" if change == "gone" else "not the file it was") in problem
    assert_same_result(found.results[0][1], made)
    assert found.regions is not None
    assert found.grid is not None
    assert found.grid.same_as(inputs.series.grid)


def test_changed_anatomy_and_a_damaged_result_are_named_and_the_rest_opened(
    tmp_path: Path, inputs: Inputs
) -> None:
    session = write(tmp_path / "session", inputs, gaussian(inputs), gaussian(inputs, sigma_mm=4.0))
    image = tmp_path / "session" / session.results[0].images[0].path
    image.write_bytes(image.read_bytes()[:100])
    assert inputs.anatomy[0].source is not None
    save(
        replace(inputs.anatomy[0], data=inputs.anatomy[0].data + 1, source=None),
        inputs.anatomy[0].source.path,
    )
    found = open_session(tmp_path / "session")
    assert found.series is not None
    assert found.anatomy == ()
    assert [entry.title for entry, _ in found.results] == ["Result 1"]
    assert len(found.problems) == 2
    assert "T1.nii.gz" in found.problems[0]
    assert "Result 0 is left out" in found.problems[1]


def test_parts_no_longer_named_are_removed_and_what_else_lies_there_is_kept(
    tmp_path: Path, inputs: Inputs
) -> None:
    folder = tmp_path / "session"
    (folder / "result-of-mine").mkdir(parents=True)
    files = SessionFolder(folder)
    first = files.add_result(gaussian(inputs), "first")
    files.write(Session(results=(first,)))
    second = files.add_result(gaussian(inputs), "second")
    files.write(Session(results=(second,)))
    kept = {Path(second.images[0].path).parts[0], "session.json", "result-of-mine"}
    assert {path.name for path in folder.iterdir()} == kept
    assert [entry.title for entry, _ in opened(folder).results] == ["second"]


def test_what_cannot_be_written_leaves_the_session_as_it_was(tmp_path: Path, inputs: Inputs) -> None:
    write(tmp_path / "session", inputs, gaussian(inputs))
    before = files_below(tmp_path / "session")
    files = SessionFolder(tmp_path / "session" / "session.json" / "below a file")
    with pytest.raises(CannotWriteError, match="cannot be written"):
        files.add_result(gaussian(inputs), "second")
    assert files_below(tmp_path / "session") == before


def test_nothing_in_the_json_but_what_it_is_for(tmp_path: Path, inputs: Inputs) -> None:
    write(tmp_path / "session", inputs)
    said = json.loads((tmp_path / "session" / "session.json").read_text())
    assert said["scan"]["series"]["path"] == "../data/scan/brain.nii.gz"
    assert set(said) == {
        "format", "version", "written_by", "scan", "results", "regions", "settings", "display", "saved_utc",
    }  # fmt: skip
