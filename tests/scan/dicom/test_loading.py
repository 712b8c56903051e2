from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.scan.dicom import list_series, load_anatomy, load_dwi
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import Volume

from .assertions import assert_same_scan
from .builder import AXIAL, CORONAL, OBLIQUE, SAGITTAL, write_series
from .dialects import DIALECTS, mosaic, silent
from .test_folder import ANATOMY

ORIENTATIONS = pytest.mark.parametrize(
    "orientation", [AXIAL, SAGITTAL, CORONAL, OBLIQUE], ids=["axial", "sagittal", "coronal", "oblique"]
)


@ORIENTATIONS
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_no_voxel_moves_in_any_orientation(
    tmp_path: Path, orientation: Sequence[float], reverse: bool, enhanced: bool
) -> None:
    made = write_series(tmp_path, orientation=orientation, reverse_instances=reverse, enhanced=enhanced)
    loaded = load_dwi(tmp_path)
    assert loaded.grid.affine_source == "DICOM"
    assert_same_scan(loaded, made)


@ORIENTATIONS
def test_a_bright_corner_lands_at_the_position_of_the_header(
    tmp_path: Path, orientation: Sequence[float]
) -> None:
    write_series(tmp_path, orientation=orientation, position_mm=(-20.0, -15.0, 30.0))
    loaded = load_dwi(tmp_path)
    corner = np.unravel_index(np.argmax(loaded.signal[..., 0]), loaded.grid.shape)
    # ImagePositionPatient is the centre of that voxel, counted to the left and posterior.
    np.testing.assert_allclose(loaded.grid.to_mm(corner), (20.0, 15.0, 30.0), atol=0.01)


@ORIENTATIONS
@pytest.mark.parametrize("acquisition", ["2D", "3D"])
@pytest.mark.parametrize("sequence", ["EP", "GR"])
def test_the_listing_foretells_the_grid_of_the_loaded_series(
    tmp_path: Path, orientation: Sequence[float], acquisition: str, sequence: str
) -> None:
    kind = {"acquisition_type": acquisition, "scanning_sequence": sequence, "orientation": orientation}
    write_series(tmp_path, **kind)
    write_series(tmp_path, **(ANATOMY | kind))
    for info, load in zip(list_series(tmp_path), (load_anatomy, load_dwi), strict=True):
        loaded = load(tmp_path)
        array = loaded.data if isinstance(loaded, Volume) else loaded.signal
        assert info.shape == array.shape
        assert info.orientation == loaded.grid.orientation
        assert info.spacing_mm == pytest.approx(loaded.grid.spacing_mm, abs=1e-4)
        assert info.warnings == ()


def test_the_listing_names_series_as_the_user_may_name_them(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_series(tmp_path, **ANATOMY)
    anatomy, dwi = list_series(tmp_path)
    assert (anatomy.path, anatomy.role, anatomy.b_values) == (Path(f"{tmp_path}#5"), "anatomy", None)
    assert (dwi.path, dwi.role, dwi.b_values) == (Path(f"{tmp_path}#8"), "DWI", (0, 100, 400, 800))


def test_repeats_stay_separate_volumes(tmp_path: Path) -> None:
    made = write_series(tmp_path, b_values=(0, 0, 500, 500, 500))
    loaded = load_dwi(tmp_path)
    assert loaded.signal.shape == (16, 12, 4, 5)
    assert sorted(loaded.b_values.values) == [0, 0, 500, 500, 500]
    assert loaded.signal.sum(dtype=np.float64) == made.signal.sum()


def test_b_values_that_are_not_whole_are_kept(tmp_path: Path) -> None:
    write_series(tmp_path, dialect=DIALECTS["uih"], b_values=(1.25, 929.75))
    np.testing.assert_allclose(sorted(load_dwi(tmp_path).b_values.values), (1.25, 929.75))


def test_a_single_weighted_volume_keeps_its_b_value(tmp_path: Path) -> None:
    write_series(tmp_path, b_values=(2500,), dialect=DIALECTS["ge"])
    loaded = load_dwi(tmp_path)
    assert loaded.signal.shape == (16, 12, 4, 1)
    assert loaded.b_values.values.tolist() == [2500]


def test_where_converter_and_header_disagree_both_are_named(tmp_path: Path) -> None:
    write_series(tmp_path, dialect=DIALECTS["ge"])
    loaded = load_dwi(tmp_path)
    assert loaded.b_values.values.tolist() == [0, 100, 400, 800]
    assert any("0 100 400 800" in note and "0 0 0 0" in note for note in loaded.notes)


def test_unknown_b_values_are_asked_for_and_never_guessed(tmp_path: Path) -> None:
    write_series(tmp_path, dialect=silent)
    with pytest.raises(BadInputError, match="--bval FILE"):
        load_dwi(tmp_path)
    (info,) = list_series(tmp_path)
    assert info.b_values is None
    assert info.warnings


def test_b_values_may_be_given(tmp_path: Path) -> None:
    write_series(tmp_path / "in", dialect=silent)
    bval = tmp_path / "given.bval"
    bval.write_text("0 50 400 800\n")
    assert load_dwi(tmp_path / "in", bval=bval).b_values.values.tolist() == [0, 50, 400, 800]


def test_compressed_images_come_out_as_they_were(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=DIALECTS["ge"])
    for file in made.files:
        image = pydicom.dcmread(file)
        image.compress(RLELossless)
        image.save_as(file)
    assert_same_scan(load_dwi(tmp_path), made)


def test_mosaics_are_taken_apart(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=mosaic, shape=(32, 24, 1))
    (info,) = list_series(tmp_path)
    loaded = load_dwi(tmp_path)
    assert info.shape == loaded.signal.shape == (16, 12, 4, 4)
    assert info.orientation == loaded.grid.orientation
    assert loaded.b_values.values.tolist() == [0, 100, 400, 800]
    # The first slice is the upper left tile.
    tile = made.signal[:16, :12, 0]
    np.testing.assert_array_equal(loaded.signal[:, ::-1, 0], tile)


def test_a_slice_distance_with_a_sign_turns_nothing_around(tmp_path: Path) -> None:
    for file in write_series(tmp_path, shape=(16, 12, 1)).files:
        image = pydicom.dcmread(file)
        image.SpacingBetweenSlices = -5
        image.save_as(file)
    (info,) = list_series(tmp_path)
    assert info.orientation == load_dwi(tmp_path).grid.orientation


def test_voxels_without_size_are_unusable(tmp_path: Path) -> None:
    for file in write_series(tmp_path).files:
        image = pydicom.dcmread(file)
        image.PixelSpacing = [0, 0]
        image.save_as(file)
    (info,) = list_series(tmp_path)
    assert (info.role, info.orientation) == ("unusable", "unknown")
    with pytest.raises(BadInputError, match="do not say where they lie"):
        load_dwi(tmp_path, 8)


@pytest.mark.parametrize("damage", ["missing slice", "cut pixels", "cut header", "garbage"])
def test_a_damaged_series_is_refused_and_nothing_is_left(
    tmp_path: Path, temporary: Path, damage: str
) -> None:
    folder = tmp_path / "in"
    file = write_series(folder).file(slice_index=1, volume=2)
    content = file.read_bytes()
    if damage == "missing slice":
        file.unlink()
    else:
        file.write_bytes(
            {"cut pixels": content[:-100], "cut header": content[:700], "garbage": b"x" * 900}[damage]
        )
    with pytest.raises(BadInputError) as error:
        load_dwi(folder)
    said = str(error.value)
    assert "missing in b = 400" in said if damage in ("missing slice", "garbage") else file.name in said
    assert list(temporary.iterdir()) == []
    (info,) = list_series(folder)
    assert info.role == "DWI"
    assert info.warnings


def test_nothing_is_left_after_success(tmp_path: Path, temporary: Path) -> None:
    write_series(tmp_path / "in")
    load_dwi(tmp_path / "in")
    assert list(temporary.iterdir()) == []


def test_stopping_at_any_moment_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    write_series(tmp_path / "in", b_values=(0, 800))
    calls = itertools.count()
    load_dwi(tmp_path / "in", check=lambda: next(calls) and None)
    n_calls = next(calls)
    for moment in range(0, n_calls, 5):
        count = itertools.count()

        def check(moment: int = moment, count: itertools.count[int] = count) -> None:
            if next(count) == moment:
                raise Stopped

        with pytest.raises(Stopped):
            load_dwi(tmp_path / "in", check=check)
        assert list(temporary.iterdir()) == []


def test_hostile_and_foreign_names_do_no_harm(tmp_path: Path, temporary: Path) -> None:
    folder = tmp_path.joinpath("Größe (1) 画像", *"abcdefgh")
    made = write_series(folder, description="../../x;$(y)")
    before = sorted(tmp_path.rglob("*"))
    loaded = load_dwi(tmp_path)
    assert_same_scan(loaded, made)
    assert loaded.name == "x_y"
    assert sorted(tmp_path.rglob("*")) == before
    assert list(temporary.iterdir()) == []


def test_a_series_without_a_description_is_named_by_its_number(tmp_path: Path) -> None:
    write_series(tmp_path, description="")
    assert load_dwi(tmp_path).name == "series8"


def test_the_source_is_the_digest_of_all_files(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    source = load_dwi(tmp_path).source
    assert source is not None
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in made.files)
    assert source.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert source.size_bytes == sum(file.stat().st_size for file in made.files)
    assert source.path == Path(f"{tmp_path}#8")


def test_several_diffusion_series_are_offered_by_name(tmp_path: Path) -> None:
    write_series(tmp_path)
    write_series(tmp_path, number=9, prefix="X")
    with pytest.raises(BadInputError, match=r"#8 ep2d_diff_tra \(DWI\), .*#9"):
        load_dwi(tmp_path)
    assert load_dwi(tmp_path, 9).source == load_dwi(tmp_path, "9").source


def test_a_series_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(BadInputError, match="expected series 3"):
        load_dwi(tmp_path, 3)
    with pytest.raises(BadInputError, match="no such anatomical series"):
        load_anatomy(tmp_path)


@pytest.mark.parametrize(
    ("description", "image_type"),
    [("tra_ADC", ("DERIVED", "PRIMARY", "DIFFUSION", "ADC")), ("tra_CALC_BVAL", ("DERIVED", "PRIMARY"))],
)
def test_maps_of_the_scanner_are_volumes_and_never_series(
    tmp_path: Path, description: str, image_type: Sequence[str]
) -> None:
    write_series(tmp_path, b_values=(800,), description=description, image_type=image_type)
    with pytest.raises(BadInputError):
        load_dwi(tmp_path)
    with pytest.raises(BadInputError, match="not a diffusion acquisition"):
        load_dwi(tmp_path, 8)
    assert load_anatomy(tmp_path, 8).data.shape == (16, 12, 4)


def test_a_map_whose_slices_are_scaled_differently_is_refused(tmp_path: Path) -> None:
    made = write_series(tmp_path, b_values=(800,), image_type=("DERIVED", "PRIMARY", "DIFFUSION", "ADC"))
    for index, file in enumerate(made.files):
        image = pydicom.dcmread(file)
        image.RescaleSlope, image.RescaleIntercept = 1 + index, 0
        image.save_as(file)
    with pytest.raises(BadInputError, match="scaled differently"):
        load_anatomy(tmp_path, 8)


def test_several_volumes_are_no_anatomy(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(BadInputError, match="4 volumes"):
        load_anatomy(tmp_path, 8)


def test_real_prostate_with_t2(shared_data: Path) -> None:
    folder = shared_data / "prostatex_0218_t2_and_trace_dicom"
    anatomy, dwi = list_series(folder)
    assert (anatomy.shape, anatomy.role) == ((320, 320, 20), "anatomy")
    assert anatomy.spacing_mm == pytest.approx((0.625, 0.625, 3.6), abs=1e-3)
    assert (dwi.shape, dwi.role, dwi.b_values) == ((160, 130, 20, 4), "DWI", (0, 100, 400, 800))
    series, volume = load_dwi(folder), load_anatomy(folder)
    assert series.b_values.values.tolist() == [0, 100, 400, 800]
    for info, grid in ((dwi, series.grid), (anatomy, volume.grid)):
        assert info.orientation == grid.orientation
        assert info.shape[:3] == grid.shape
    means = series.signal.mean(axis=(0, 1, 2))
    assert (np.diff(means) < 0).all()
    assert "10042" not in repr((series.name, series.source, series.notes))


def test_real_enhanced_trace_series(shared_data: Path) -> None:
    folder = shared_data / "siemens_xa61_trace_dicom"
    infos = list_series(folder)
    assert [(info.role, info.shape, info.b_values) for info in infos] == [
        ("DWI", (100, 100, 10, 2), (0, 2000))
    ] * 2
    with pytest.raises(BadInputError, match="more than one diffusion series"):
        load_dwi(folder)
    for info in infos:
        series = load_dwi(folder, str(info.path).rpartition("#")[2])
        assert series.b_values.values.tolist() == [0, 2000]
        assert series.grid.same_as(Grid(series.grid.shape, series.grid.affine))
        assert series.grid.orientation == info.orientation
        assert series.signal[..., 1].mean() < series.signal[..., 0].mean()
