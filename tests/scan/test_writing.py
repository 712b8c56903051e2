from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError, CannotWriteError
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume, open_image, open_series, open_volume, save

from .builder import (
    ORIENTATIONS,
    affine_of,
    las_grid,
    names_in,
    oblique_grid,
    random_series,
    random_volume,
    rotation,
    write_nifti,
    write_series,
)

BOTH_KINDS = pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])


def labels(largest: int) -> Volume:
    data = np.zeros((6, 5, 4), np.float32)
    data[1:3, 2, 1], data[4, 4, 3] = 1, largest
    return Volume(data, las_grid(), "labels")


@BOTH_KINDS
def test_a_series_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    series = random_series((0, 929.75, 1000))
    save(series, tmp_path / name)
    read = open_series(tmp_path / name)
    np.testing.assert_array_equal(read.signal, series.signal)
    np.testing.assert_allclose(read.grid.affine, series.grid.affine, rtol=1e-6)
    assert read.b_values.values.tolist() == [0, 929.75, 1000]
    assert read.notes == ()
    assert names_in(tmp_path) == ["out.bval", name]


def test_directions_are_written_beside_and_read_back(tmp_path: Path) -> None:
    directions = np.array([[0, 0, 0], [1, 0, 0], [0, 0.6, 0.8]])
    save(
        replace(random_series(), b_values=BValues(np.array([0, 100, 800]), directions)), tmp_path / "a.nii.gz"
    )
    read = open_series(tmp_path / "a.nii.gz").b_values.directions
    np.testing.assert_allclose(read, directions, atol=1e-6)


def test_a_series_of_one_volume_can_be_written(tmp_path: Path) -> None:
    series = random_series((500,))
    save(series, tmp_path / "a.nii.gz")
    read = open_image(tmp_path / "a.nii.gz")
    assert isinstance(read, DwiSeries)
    np.testing.assert_array_equal(read.signal, series.signal)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_place_in_the_patient_survives_in_every_orientation(tmp_path: Path, name: str) -> None:
    matrix = rotation() @ ORIENTATIONS[name] @ np.diag([1.5, 2.0, 4.0])
    grid = Grid((6, 5, 4), affine_of(matrix, (120, -80, 40)))
    save(replace(random_volume(), grid=grid), tmp_path / "a.nii")
    read = open_volume(tmp_path / "a.nii")
    assert read.grid.same_as(grid, 1e-4)
    assert read.notes == ()


def test_an_unknown_orientation_stays_unknown(tmp_path: Path) -> None:
    grid = Grid.from_spacing((6, 5, 4), (2, 2.5, 5))
    save(replace(random_volume(), grid=grid), tmp_path / "a.nii.gz")
    read = open_volume(tmp_path / "a.nii.gz").grid
    assert not read.orientation_known
    assert read.same_as(grid)


@BOTH_KINDS
@pytest.mark.parametrize("kind", ["anatomy", "map", "residual"])
def test_values_are_stored_as_float32_without_scaling(tmp_path: Path, name: str, kind: str) -> None:
    data = random_volume().data * 1e-6
    data[0, 0, 0], data[1, 1, 1], data[2, 2, 2] = np.nan, np.inf, -1e30
    save(replace(random_volume(), data=data, kind=kind), tmp_path / name)  # type: ignore[arg-type]
    image = nib.load(tmp_path / name)
    assert image.get_data_dtype() == np.float32
    assert image.header.get_slope_inter()[0] in (None, 1.0)
    np.testing.assert_array_equal(open_volume(tmp_path / name).data, data)


@pytest.mark.parametrize(
    ("largest", "dtype"), [(1, np.uint8), (255, np.uint8), (256, np.uint16), (70_000, np.uint32)]
)
def test_labels_are_stored_as_whole_numbers_that_hold_them_all(
    tmp_path: Path, largest: int, dtype: type
) -> None:
    save(labels(largest), tmp_path / "roi.nii.gz")
    image = nib.load(tmp_path / "roi.nii.gz")
    assert image.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asarray(image.dataobj), labels(largest).data)


@pytest.mark.parametrize("value", [0.5, -1, np.nan, np.inf])
def test_labels_that_are_not_whole_numbers_are_refused(tmp_path: Path, value: float) -> None:
    bad = labels(3)
    bad.data[0, 0, 0] = value
    with pytest.raises(BadInputError, match="whole numbers"):
        save(bad, tmp_path / "roi.nii.gz")
    assert names_in(tmp_path) == []


def test_nothing_of_the_header_of_the_input_is_carried_over(tmp_path: Path) -> None:
    image = nib.Nifti1Image(random_volume().data, las_grid().affine)
    image.header["descrip"] = b"SURNAME^GIVEN"
    image.header["aux_file"] = b"SURNAME.dat"
    image.header["intent_name"] = b"SURNAME"
    image.header["db_name"] = b"SURNAME"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"SURNAME^GIVEN 19700101"))
    nib.save(image, tmp_path / "in.nii")
    assert (tmp_path / "in.nii").read_bytes().count(b"SURNAME") == 5
    save(open_volume(tmp_path / "in.nii"), tmp_path / "out.nii", sidecar={"Description": "copy"})
    assert b"SURNAME" not in (tmp_path / "out.nii").read_bytes()
    assert b"SURNAME" not in (tmp_path / "out.json").read_bytes()
    assert len(nib.load(tmp_path / "out.nii").header.extensions) == 0


def test_the_name_of_the_file_does_not_stand_in_the_gzip_stream(tmp_path: Path) -> None:
    save(random_volume(), tmp_path / "SURNAME.nii.gz")
    assert b"SURNAME" not in (tmp_path / "SURNAME.nii.gz").read_bytes()


@BOTH_KINDS
def test_the_same_image_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    for folder in ("one", "other"):
        save(random_series(), tmp_path / folder / name, sidecar={"Units": "1"})
    assert names_in(tmp_path / "one") == ["out.bval", "out.json", name]
    for file in names_in(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()


def test_the_order_of_the_array_in_memory_does_not_matter(tmp_path: Path) -> None:
    series = random_series()
    save(series, tmp_path / "c.nii")
    save(replace(series, signal=np.asfortranarray(series.signal)), tmp_path / "f.nii")
    save(replace(series, signal=np.repeat(series.signal, 2, axis=1)[:, ::2]), tmp_path / "strided.nii")
    assert (tmp_path / "c.nii").read_bytes() == (tmp_path / "f.nii").read_bytes()
    assert (tmp_path / "c.nii").read_bytes() == (tmp_path / "strided.nii").read_bytes()


def test_the_sidecar_is_plain_json(tmp_path: Path) -> None:
    said = {"Description": "Diffusionskoeffizient – ADC", "Units": "mm^2/s", "BValues": [0, 800]}
    save(random_volume(), tmp_path / "a.nii.gz", sidecar=said)
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == said


@pytest.mark.parametrize("name", ["Größe (1) [x] 'q'.nii.gz", "x" * 244 + ".nii.gz", "A.NII.GZ"])
def test_names_of_any_script_and_length_can_be_written(tmp_path: Path, name: str) -> None:
    save(random_volume(), tmp_path / name)
    np.testing.assert_array_equal(open_volume(tmp_path / name).data, random_volume().data)


@pytest.mark.parametrize("name", ["out", "out.img", "out.gz", "out.nii.bz2"])
def test_only_names_of_nifti_are_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match=r"expected a name ending in \.nii\.gz"):
        save(random_volume(), tmp_path / "new" / name)
    assert names_in(tmp_path) == []


@BOTH_KINDS
def test_the_image_that_was_read_is_never_overwritten(tmp_path: Path, name: str) -> None:
    path = write_series(tmp_path / name)
    before = path.read_bytes()
    with pytest.raises(CannotWriteError, match="never overwritten"):
        save(open_series(path), path)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["out.bval", name]


@pytest.mark.parametrize("beside", ["in.bval", "in.bvec", "in.json"])
def test_what_lies_beside_the_image_that_was_read_is_never_overwritten(tmp_path: Path, beside: str) -> None:
    write_series(tmp_path / "in.nii.gz", "0 99.999 800")
    (tmp_path / "in.bvec").write_text("0 0 0\n0 0 0\n0 0 0\n")
    (tmp_path / "in.json").write_text('{"EchoTime": 0.07}')
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}
    series = open_series(tmp_path / "in.nii.gz")
    for other in {"in.bval", "in.bvec"} - {beside}:
        (tmp_path / other).unlink()
    with pytest.raises(CannotWriteError, match="never overwritten"):
        save(series, tmp_path / "in.nii", sidecar={})
    assert (tmp_path / beside).read_bytes() == before[beside]
    assert not (tmp_path / "in.nii").exists()


def test_other_inputs_are_never_overwritten(tmp_path: Path) -> None:
    mask = write_nifti(tmp_path / "mask.nii.gz")
    before = mask.read_bytes()
    with pytest.raises(CannotWriteError, match="never overwritten"):
        save(random_volume(), mask, never_over=[mask])
    assert mask.read_bytes() == before


def test_an_input_that_is_gone_does_not_stop_saving(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in.nii")
    series = open_series(path)
    path.unlink()
    save(series, tmp_path / "out.nii")
    np.testing.assert_array_equal(open_series(tmp_path / "out.nii").signal, series.signal)


def test_a_result_that_does_not_fit_leaves_all_earlier_files_as_they_were(tmp_path: Path) -> None:
    save(random_series(), tmp_path / "out.nii.gz")
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}
    (tmp_path / "out.json").mkdir()
    with pytest.raises(CannotWriteError, match="folder of that name"):
        save(random_series((0, 50, 1000)), tmp_path / "out.nii.gz", sidecar={})
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert names_in(tmp_path) == [*sorted(before)[:1], "out.json", *sorted(before)[1:]]


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("old")
    with pytest.raises(CannotWriteError, match="cannot be written"):
        save(random_volume(), tmp_path / "plain" / "out.nii.gz")
    assert (tmp_path / "plain").read_text() == "old"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@BOTH_KINDS
def test_a_full_disk_leaves_the_earlier_image_as_it_was(tmp_path: Path, name: str) -> None:
    save(random_volume(), tmp_path / name)
    before = (tmp_path / name).read_bytes()
    script = """
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from napari_dwi.errors import CannotWriteError
        from napari_dwi.scan import Grid, Volume, save

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        noise = np.random.default_rng(0).normal(size=(32, 32, 32)).astype(np.float32)
        try:
            save(Volume(noise, Grid(noise.shape, np.eye(4))), Path(sys.argv[1]))
        except CannotWriteError as err:
            sys.exit(str(err))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / name)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / name}: cannot be written; found File too large")
    assert (tmp_path / name).read_bytes() == before
    assert names_in(tmp_path) == [name]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(*[st.integers(1, 5)] * 3),
    values=st.lists(st.floats(width=32), min_size=1, max_size=8),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
)
def test_every_image_of_any_size_and_values_comes_back(
    tmp_path: Path, shape: tuple[int, int, int], values: list[float], suffix: str
) -> None:
    data = np.resize(np.array(values, np.float32), shape)
    save(Volume(data, Grid(shape, oblique_grid().affine), "map"), tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(open_volume(tmp_path / f"a{suffix}").data, data)
