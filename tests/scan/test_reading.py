from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import BadInputError
from napari_dwi.scan import (
    BValues,
    DwiSeries,
    Grid,
    Volume,
    list_series,
    open_image,
    open_series,
    open_volume,
    save,
)
from napari_dwi.scan.allowances import ALLOWANCES
from napari_dwi.scan.unlabelled import UnknownBValuesError

from ..synthetic import make_series
from .builder import (
    las_grid,
    names_in,
    random_series,
    random_volume,
    write_bytes,
    write_nifti,
    write_series,
)


@pytest.mark.parametrize("name", ["dwi.nii", "dwi.nii.gz", "DWI.NII"])
def test_a_series_takes_the_b_values_beside_it(tmp_path: Path, name: str) -> None:
    series = open_series(write_series(tmp_path / name))
    np.testing.assert_array_equal(series.signal, random_series().signal)
    assert series.b_values.distinct == (0, 100, 800)
    assert series.b_values.origin == f"{name.split('.')[0]}.bval"
    assert series.name == name.split(".")[0]
    assert series.source is not None
    assert series.source.path == tmp_path / name
    assert series.grid.same_as(las_grid())


def test_b_values_can_be_given_as_a_file_or_as_numbers(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    (tmp_path / "other.bval").write_text("0 50 1000")
    assert open_series(path, bval=tmp_path / "other.bval").b_values.distinct == (0, 50, 1000)
    assert open_series(path, bval=BValues(np.array([5, 6.5, 9]))).b_values.distinct == (5, 6.5, 9)


def test_directions_beside_the_b_values_are_read(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    (tmp_path / "dwi.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    directions = open_series(path).b_values.directions
    assert directions is not None
    assert directions.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("opened", [open_image, open_series])
def test_missing_b_values_are_said_with_what_to_do(tmp_path: Path, opened: object) -> None:
    path = write_series(tmp_path / "dwi.nii.gz", None)
    with pytest.raises(BadInputError, match=r"expected dwi\.bval beside it with 3 values.*--bval") as caught:
        opened(path)  # type: ignore[operator]
    assert caught.value.file == path


@pytest.mark.parametrize("text", ["0 800", "0 100 400 800"])
def test_b_values_of_another_series_name_both_numbers(tmp_path: Path, text: str) -> None:
    path = write_series(tmp_path / "dwi.nii", text)
    with pytest.raises(BadInputError, match=f"expected 3 b-values, found {len(text.split())}"):
        open_series(path)
    with pytest.raises(BadInputError, match=f"for 3 volumes, found {len(text.split())}"):
        open_series(path, bval=BValues(np.array(text.split(), float)))


@pytest.mark.parametrize("text", ["800 800 800", "0 0 0", "929.75 930 930"])
def test_a_single_b_value_makes_no_series(tmp_path: Path, text: str) -> None:
    path = write_series(tmp_path / "dwi.nii", text)
    with pytest.raises(BadInputError, match="at least two different b-values; found only b = "):
        open_series(path)
    assert isinstance(open_image(path), DwiSeries)


def test_a_single_volume_makes_no_series(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "t2.nii")
    with pytest.raises(BadInputError, match=r"single volume, not a diffusion series.* Open it as anatomy"):
        open_series(path)
    image = open_image(path)
    assert isinstance(image, Volume)
    np.testing.assert_array_equal(image.data, random_volume().data)


def test_a_single_volume_with_a_b_value_keeps_it(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "trace.nii")
    (tmp_path / "trace.bval").write_text("2500")
    image = open_image(path)
    assert isinstance(image, DwiSeries)
    assert image.signal.shape == (6, 5, 4, 1)
    assert image.b_values.distinct == (2500,)


def test_a_singleton_axis_before_the_volumes_is_dropped(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii")
    path = write_nifti(tmp_path / "dwi.nii", random_series().signal[:, :, :, None])
    np.testing.assert_array_equal(open_series(path).signal, random_series().signal)


def test_several_volumes_are_no_anatomy(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="several volumes; expected a single volume, found 3 volumes"):
        open_volume(write_series(tmp_path / "dwi.nii"))


def test_voxels_without_a_number_or_below_zero_are_counted(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    signal = random_series().signal.copy()
    signal[0, 0, 0, :2], signal[1, 1, 1, 0], signal[2, 2, 2, 1] = np.nan, np.inf, -4
    write_nifti(path, signal)
    series = open_series(path)
    assert series.notes == (
        "3 values are NaN or infinite and will be left out",
        "1 values are negative, which magnitude images cannot be",
    )
    np.testing.assert_array_equal(series.signal, signal)


def test_a_negative_slope_is_flagged(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    write_nifti(path, np.ones((6, 5, 4, 3), np.int16), scl_slope=-1)
    assert open_series(path).notes == (
        "the header's slope is negative (-1): bright and dark may be exchanged",
        "360 values are negative, which magnitude images cannot be",
    )


def test_the_notes_of_the_file_come_with_the_series(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    write_nifti(path, random_series().signal, sform_code=0)
    series = open_series(path)
    assert [note.split(":")[0] for note in series.notes] == ["orientation unknown"]
    assert not series.grid.orientation_known


def test_everything_is_in_memory_once_opened(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii")
    series = open_series(path)
    path.write_bytes(b"")
    path.unlink()
    np.testing.assert_array_equal(series.signal, random_series().signal)


@pytest.mark.parametrize("opened", [open_image, open_series, open_volume, list_series])
@pytest.mark.parametrize("name", ["absent.nii", "absent#5", "absent.nii#5"])
def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, opened: object, name: str) -> None:
    with pytest.raises(BadInputError) as caught:
        opened(tmp_path / name)  # type: ignore[operator]
    assert str(tmp_path / "absent") in str(caught.value)


def test_the_one_series_of_a_folder_is_opened(tmp_path: Path) -> None:
    write_series(tmp_path / "dwi.nii.gz")
    write_nifti(tmp_path / "t2.nii")
    assert open_series(tmp_path).name == "dwi"
    assert open_volume(tmp_path).name == "t2"
    assert open_image(tmp_path).name == "dwi"


def test_a_folder_of_several_series_is_refused_with_their_names(tmp_path: Path) -> None:
    for name in ("one.nii", "two.nii"):
        write_series(tmp_path / name)
    with pytest.raises(BadInputError, match=r"cannot tell which .*one\.nii .*two\.nii .*Name one of them"):
        open_series(tmp_path)


def test_a_folder_without_such_an_image_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    write_nifti(tmp_path / "t2.nii")
    with pytest.raises(BadInputError, match=r"no such series .*found t2\.nii t2 \(anatomy\)"):
        open_series(tmp_path)


@pytest.mark.parametrize("opened", [open_image, open_series, open_volume, list_series])
def test_an_empty_folder_is_refused(tmp_path: Path, opened: object) -> None:
    with pytest.raises(BadInputError):
        opened(tmp_path)  # type: ignore[operator]
    assert names_in(tmp_path) == []


def test_arrays_that_do_not_fit_their_grid_make_no_image() -> None:
    grid = Grid((6, 5, 4), np.eye(4))
    with pytest.raises(BadInputError, match=r"size of its grid; expected \(6, 5, 4\), found \(5, 6, 4\)"):
        Volume(np.zeros((5, 6, 4), np.float32), grid)
    with pytest.raises(BadInputError, match="3-dimensional float32, found 3-dimensional float64"):
        Volume(np.zeros((6, 5, 4)), grid)
    with pytest.raises(BadInputError, match="4-dimensional float32, found 3-dimensional"):
        DwiSeries(np.zeros((6, 5, 4), np.float32), grid, BValues(np.array([0])))


def test_some_volumes_of_a_series_keep_their_b_values() -> None:
    series = random_series()
    part = series.volumes([2, 0])
    assert part.b_values.values.tolist() == [800, 0]
    np.testing.assert_array_equal(part.signal, series.signal[..., [2, 0]])


def test_unknown_b_values_come_with_the_volumes_that_need_them(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii.gz", None)
    with pytest.raises(UnknownBValuesError) as caught:
        open_series(path)
    waiting = caught.value.series
    assert waiting.b_values == (None, None, None)
    series = waiting.with_b_values([0, 50, 900])
    np.testing.assert_array_equal(series.signal, random_series().signal)
    assert series.b_values.distinct == (0, 50, 900)
    assert (series.name, series.source, series.grid) == ("dwi", waiting.source, waiting.grid)


def test_b_values_that_do_not_fit_are_said_before_the_voxels_are_read(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii", "0 100")
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(BadInputError, match="expected 3 b-values, found 2"):
        open_series(path)


def test_what_was_allowed_is_remembered_with_the_source(tmp_path: Path) -> None:
    path = write_series(tmp_path / "dwi.nii", "0 1.5 8")
    with pytest.raises(BadInputError) as caught:
        open_series(path)
    assert caught.value.offers == ("b-in-s/mm2", "b-in-ms/um2")
    series = open_series(path, allow=("b-in-ms/um2",))
    np.testing.assert_allclose(series.b_values.values, [0, 1500, 8000])
    assert series.source is not None
    assert series.source.allowed == ("b-in-ms/um2",)
    assert any("times 1000" in note for note in series.notes)
    assert open_series(path, allow=("b-in-s/mm2",)).b_values.values.tolist() == [0, 1.5, 8]


@pytest.mark.parametrize("text", ["nan nan nan\n0 0 0\n1 1 1\n", "1 0\n", "word\n", "9 9 9\n9 9 9\n9 9 9\n"])
def test_bad_directions_never_refuse_a_series(tmp_path: Path, text: str) -> None:
    path = write_series(tmp_path / "dwi.nii")
    (tmp_path / "dwi.bvec").write_text(text)
    series = open_series(path)
    assert series.b_values.distinct == (0, 100, 800)
    assert series.b_values.directions is None
    assert any(note.startswith("directions left out") for note in series.notes)


def test_missing_numbers_are_counted_in_single_volumes_too(tmp_path: Path) -> None:
    data = random_volume().data.copy()
    data[0, 0, :2], data[1, 1, 1] = np.nan, -5
    volume = open_volume(write_nifti(tmp_path / "t2.nii", data))
    assert volume.notes == ("2 values are NaN or infinite and will be left out",)


@pytest.mark.parametrize(
    ("content", "name", "note"),
    [
        ("plain", "scan.nii.gz", "the file is not gzipped"),
        ("gzip", "scan.nii", "the file is gzipped although not called .gz"),
        ("gzip", "scan.gz", "the file is called .gz and holds NIfTI"),
        ("plain", "scan.img", "the file is called .img and holds NIfTI"),
        ("plain", "scan", "the file is called without a suffix and holds NIfTI"),
        ("plain", "scan.dcm", "the file is called .dcm and holds NIfTI"),
    ],
)
def test_a_wrong_suffix_is_said_and_read(tmp_path: Path, content: str, name: str, note: str) -> None:
    made = write_nifti(tmp_path / ("made.nii.gz" if content == "gzip" else "made.nii"))
    volume = open_volume(made.rename(tmp_path / name))
    np.testing.assert_array_equal(volume.data, random_volume().data)
    assert volume.notes == (note,)
    assert volume.name == "scan"


_ODD_NAMES = [
    "Größe 1 (b=800) [x].nii.gz",
    "日本 語.nii",
    "a;$(touch x)&.nii.gz",
    "-rf.nii",
    "#.nii",
    "n" * 240 + ".nii",
]


@pytest.mark.parametrize("name", _ODD_NAMES)
def test_names_with_blanks_brackets_and_foreign_letters_work(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Ordner mit Ümlaut"
    folder.mkdir()
    path = write_series(folder / name)
    stem = name.removesuffix(".gz").removesuffix(".nii")
    # The builder cuts the name of the .bval at its first point.
    (folder / f"{stem}.bval").write_text("0 100 800")
    series = open_series(path)
    assert series.name == stem
    assert list_series(folder)[0].b_values == (0, 100, 800)


def test_a_path_too_long_for_the_system_is_a_message(tmp_path: Path) -> None:
    for path in (tmp_path / ("x" * 300 + ".nii"), tmp_path.joinpath(*["folder" * 20] * 60, "x.nii")):
        for opened in (open_image, open_series, open_volume, list_series):
            with pytest.raises(BadInputError, match="cannot be read"):
                opened(path)


def test_one_b_value_opens_as_anatomy(tmp_path: Path) -> None:
    trace = write_nifti(tmp_path / "trace.nii")
    (tmp_path / "trace.bval").write_text("2500")
    volume = open_volume(trace)
    assert volume.notes == ("b = 2500 s/mm2",)
    np.testing.assert_array_equal(volume.data, random_volume().data)
    repeats = write_series(tmp_path / "repeats.nii", "800 800 800")
    mean = open_volume(repeats)
    np.testing.assert_allclose(mean.data, random_series().signal.mean(axis=3), rtol=1e-5)
    assert "b = 800 s/mm2, mean of 3 volumes" in mean.notes
    assert [info.warnings[-1] for info in list_series(tmp_path)] == ["only one b-value: opens as anatomy"] * 2


def test_of_a_folder_the_series_with_several_b_values_is_meant(tmp_path: Path) -> None:
    write_series(tmp_path / "one.nii", "800 800 800")
    write_series(tmp_path / "many.nii")
    assert open_series(tmp_path).name == "many"


_OF_THE_ABDOMEN = (0, 10, 25, 50, 100, 200, 300, 400, 500)
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not here")
@pytest.mark.parametrize(
    ("path", "shape", "b_values"),
    [
        (
            "abdomen_volunteer1/dwi_mean_per_b.nii.gz",
            (96, 100, 1, 9),
            (0, 10, 25, 50, 100, 200, 300, 400, 500),
        ),
        (
            "abdomen_volunteer1/dwi_repeats.nii.gz",
            (96, 100, 1, 108),
            (0, 10, 25, 50, 100, 200, 300, 400, 500),
        ),
        ("spinalcord_ivim_7t", (128, 134, 6, 11), (5, 10, 20, 30, 50, 75, 150, 250, 600, 700, 800)),
        ("prostate_repeats", (104, 128, 20, 65), (0, 800)),
        ("water_phantom", (92, 92, 25, 22), (0, 100, 700, 1400, 2000)),
        ("spinalcord_dmri/dmri/dmri.nii.gz", (40, 42, 5, 7), (0, 750)),
        ("spinalcord_dmri", (40, 42, 5, 7), (0, 750)),
    ],
)
def test_real_scans_load_as_their_readme_says(
    path: str, shape: tuple[int, ...], b_values: tuple[float, ...]
) -> None:
    series = open_series(REAL / path)
    assert series.signal.shape == shape
    assert series.b_values.distinct == b_values
    assert np.isfinite(series.signal).all()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 347), st.integers(0, 255)), min_size=1, max_size=6),
    bval=st.text("0123456789.,+-en \t\r\n", max_size=20),
    bvec=st.text("0123456789.,+-en \t\r\n", max_size=30),
    packed=st.booleans(),
)
def test_no_damage_gives_anything_but_an_image_or_a_message(
    tmp_path: Path, changes: list[tuple[int, int]], bval: str, bvec: str, packed: bool
) -> None:
    path = tmp_path / ("a.nii.gz" if packed else "a.nii")
    content = bytearray(write_nifti(tmp_path / "whole.nii", random_series().signal).read_bytes())
    for place, value in changes:
        content[place] = value
    write_bytes(path, bytes(content))
    (tmp_path / "a.bval").write_text(bval or "0 100 800")
    (tmp_path / "a.bvec").write_text(bvec)
    for opened in (list_series, open_image):
        for allow in ((), ALLOWANCES):
            with contextlib.suppress(BadInputError):
                opened(path, allow=allow)


def test_a_path_may_be_text(tmp_path: Path) -> None:
    scan = make_series((6, 5, 3), (0, 800))
    save(scan.series, tmp_path / "scan.nii.gz")
    save(scan.anatomy, tmp_path / "T2.nii.gz")
    assert open_series(str(tmp_path / "scan.nii.gz")).b_values.values.tolist() == [0, 800]
    assert open_volume(str(tmp_path / "T2.nii.gz")).data.shape == (6, 5, 3)
    assert len(list_series(str(tmp_path))) == 2
