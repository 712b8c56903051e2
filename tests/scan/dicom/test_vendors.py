"""Every vendor's way of saying b: the right b-value for every volume, or none at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom import list_series, load_anatomy, load_dwi
from napari_dwi.scan.unlabelled import UnknownBValuesError

from .assertions import assert_same_scan
from .builder import Made, pattern, write_series
from .dialects import (
    DIALECTS,
    ENHANCED,
    Dialect,
    Direction,
    ge,
    ge_tensor,
    mosaic,
    named,
    philips,
    silent,
    uih,
)

B_VALUES = (0, 50, 400, 400, 400, 800)
DIRECTIONS: tuple[Direction, ...] = (
    None,
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 0.0),
    (0.0, 0.0, 1.0),
    (0.6, 0.8, 0.0),
    (0.0, 0.6, 0.8),
)
DIRECTIONAL = pytest.mark.parametrize("directions", [None, DIRECTIONS], ids=["trace", "directional"])


def assert_all_volumes(folder: Path, made: Made) -> None:
    """Every volume of a series with repeated b-values came out once, with its own b-value."""
    loaded = load_dwi(folder)
    found = sorted(
        (float(b), np.sort(loaded.signal[..., index], axis=None).tolist())
        for index, b in enumerate(loaded.b_values.values)
    )
    expected = sorted(
        (b, np.sort(made.signal[..., index], axis=None).tolist()) for index, b in enumerate(made.b_values)
    )
    assert found == expected


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
@DIRECTIONAL
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_classic_series_of_every_vendor(
    tmp_path: Path, dialect: Dialect, directions: tuple[Direction, ...] | None, reverse: bool
) -> None:
    made = write_series(
        tmp_path,
        dialect=dialect,
        b_values=B_VALUES,
        directions=directions,
        shape=(12, 10, 3),
        reverse_instances=reverse,
    )
    assert_all_volumes(tmp_path, made)


@pytest.mark.parametrize("dialect", ENHANCED.values(), ids=ENHANCED.keys())
@DIRECTIONAL
def test_enhanced_series_of_every_vendor_that_writes_them(
    tmp_path: Path, dialect: Dialect, directions: tuple[Direction, ...] | None
) -> None:
    made = write_series(
        tmp_path,
        dialect=dialect,
        b_values=B_VALUES,
        directions=directions,
        shape=(12, 10, 3),
        enhanced=True,
    )
    assert_all_volumes(tmp_path, made)


@pytest.mark.parametrize("name", ["siemens", "ge", "philips", "uih", "canon"])
@pytest.mark.parametrize("single", [800, 2500])
def test_a_series_of_one_weighted_volume_keeps_its_b_value(tmp_path: Path, name: str, single: float) -> None:
    made = write_series(tmp_path, dialect=DIALECTS[name], b_values=(single,))
    assert_same_scan(load_dwi(tmp_path), made)


@pytest.mark.parametrize("dialect", [ge, philips, named("Philips")], ids=["ge", "philips", "standard"])
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_volumes_that_look_alike_are_told_apart_by_their_files(
    tmp_path: Path, dialect: Dialect, enhanced: bool
) -> None:
    # As a phantom whose volumes repeat the same pixels: no comparison of pixels can help.
    alike = np.broadcast_to(pattern((12, 10, 3, 1), (0,)), (12, 10, 3, 4))
    write_series(
        tmp_path,
        dialect=named("GE MEDICAL SYSTEMS") if enhanced and dialect is ge else dialect,
        signal=alike,
        shape=(12, 10, 3),
        b_values=(400, 0, 800, 0),
        enhanced=enhanced and dialect is not philips,
    )
    loaded = load_dwi(tmp_path)
    assert sorted(loaded.b_values.values) == [0, 0, 400, 800]
    for index in range(4):
        assert loaded.signal[..., index].sum() == alike[..., 0].sum()


def test_volumes_of_one_b_value_may_look_alike(tmp_path: Path) -> None:
    alike = np.ones((12, 10, 3, 3), dtype=np.uint16)
    write_series(tmp_path, dialect=ge, signal=alike, shape=(12, 10, 3), b_values=(500, 500, 500))
    assert load_dwi(tmp_path).b_values.values.tolist() == [500, 500, 500]


def test_what_is_known_is_filled_in_where_some_images_are_silent(tmp_path: Path) -> None:
    made = write_series(tmp_path, b_values=(0, 100, 400, 800))
    for index in range(4):
        file = made.file(slice_index=index, volume=2)
        image = pydicom.dcmread(file)
        del image[0x0019, 0x100C]
        image.save_as(file)
    with pytest.raises(UnknownBValuesError, match=r"not certain which volume .* found 3 of them") as error:
        load_dwi(tmp_path)
    series = error.value.series
    assert sorted(series.b_values, key=str) == [0, 100, 800, None]
    unknown = series.b_values.index(None)
    assert series.signal[..., unknown].sum() == made.signal[..., 2].sum()
    completed = [400 if b is None else b for b in series.b_values]
    assert_same_scan(series.with_b_values(completed), made)


def test_a_series_without_any_b_value_brings_its_volumes(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=silent)
    with pytest.raises(UnknownBValuesError, match="--bval FILE") as error:
        load_dwi(tmp_path)
    series = error.value.series
    assert series.b_values == (None,) * 4
    assert series.signal.sum(dtype=np.float64) == made.signal.sum()
    assert series.source is not None
    assert series.source.path == Path(f"{tmp_path}#8")


def test_siemens_zeros_that_the_sequence_name_denies_are_unknown(tmp_path: Path) -> None:
    for file in write_series(tmp_path, b_values=(0, 0, 800)).files:
        image = pydicom.dcmread(file)
        image.SequenceName = f"*ep_b{({1: 0, 2: 10, 3: 800})[image.AcquisitionNumber]}t"
        image.save_as(file)
    with pytest.raises(UnknownBValuesError) as error:
        load_dwi(tmp_path)
    assert sorted(error.value.series.b_values, key=str) == [0, 800, None]


def test_philips_numbers_repeats_in_the_third_decimal(tmp_path: Path) -> None:
    write_series(tmp_path, dialect=philips, b_values=(0, 1000, 0.001, 1000, 0.002))
    assert sorted(load_dwi(tmp_path).b_values.values) == [0, 0, 0, 1000, 1000]


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_philips_mean_of_the_directions_is_offered_apart(tmp_path: Path, enhanced: bool) -> None:
    directions = (None, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), None)
    made = write_series(
        tmp_path,
        dialect=named("Philips") if enhanced else philips,
        b_values=(0, 800, 800, 800, 800),
        directions=directions,
        enhanced=enhanced,
    )
    dwi, mean = list_series(tmp_path)
    assert (dwi.role, dwi.b_values) == ("DWI", (0, 800, 800, 800))
    assert (mean.role, mean.path) == ("scanner map", Path(f"{tmp_path}#8mean"))
    loaded = load_dwi(tmp_path)
    assert loaded.signal.sum(dtype=np.float64) == made.signal[..., :4].sum()
    assert any("computed, not measured" in note for note in loaded.notes)
    assert load_anatomy(tmp_path, "8mean").data.sum(dtype=np.float64) == made.signal[..., 4].sum()


def test_philips_trace_images_alone_are_the_series(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=philips)
    assert len(list_series(tmp_path)) == 1
    assert_same_scan(load_dwi(tmp_path), made)


def test_philips_volumes_of_different_scaling_come_to_one_scale(tmp_path: Path) -> None:
    scaling = [(1.5, 0.0, 0.01), (2.5, 0.0, 0.02), (1.5, 10.0, 0.04)]
    made = write_series(tmp_path, dialect=philips, b_values=(0, 400, 800), scaling=scaling)
    loaded = load_dwi(tmp_path)
    assert loaded.b_values.values.tolist() == [0, 400, 800]
    for volume, (slope, intercept, scale) in enumerate(scaling):
        # Chenevert 2014: what was measured, from what is stored.
        measured = (made.signal[..., volume] * slope + intercept) / (slope * scale)
        assert loaded.signal[..., volume].mean() == pytest.approx(measured.mean(), rel=1e-5)


def test_scaling_that_changes_within_a_volume_is_refused(tmp_path: Path) -> None:
    for index, file in enumerate(write_series(tmp_path, dialect=philips).files):
        image = pydicom.dcmread(file)
        image.RescaleSlope, image.RescaleIntercept = 1 + index, 0
        image.save_as(file)
    with pytest.raises(BadInputError, match="scaled differently"):
        load_dwi(tmp_path)


@pytest.mark.parametrize("enhanced", [False, True])
def test_ge_adds_a_billion_in_private_and_in_public(tmp_path: Path, enhanced: bool) -> None:
    def biased(header: pydicom.Dataset, b_value: float, direction: Direction) -> None:
        named("GE MEDICAL SYSTEMS")(header, b_value + 1e9 if b_value else 0, direction)

    made = write_series(tmp_path, dialect=biased, enhanced=enhanced)
    assert load_dwi(tmp_path).b_values.values.tolist() == list(made.b_values)


def test_uih_grids_lie_where_their_slices_say(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=uih, b_values=(1.25, 929.75), shape=(24, 16, 1))
    places = [(-20.0, -15.0, 30.0 + 4.5 * index) for index in range(6)]
    for file in made.files:
        image = pydicom.dcmread(file)
        image.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
        del image.ImagePositionPatient
        block = image.private_block(0x0065, "Image Private Header")
        block.add_new(0x50, "DS", "6")
        items = []
        for place in places:
            item = pydicom.Dataset()
            item.ImagePositionPatient = list(place)
            items.append(item)
        block.add_new(0x51, "SQ", pydicom.Sequence(items))
        image.SpacingBetweenSlices = 4.5
        image.save_as(file)
    (info,) = list_series(tmp_path)
    loaded = load_dwi(tmp_path)
    assert info.shape == loaded.signal.shape == (8, 8, 6, 2)
    assert loaded.b_values.values.tolist() == [1.25, 929.75]
    # The first tile is the lowest slice; its first voxel lies where its item says, in RAS.
    np.testing.assert_allclose(loaded.grid.to_mm((0, 7, 0)), (20.0, 15.0, 30.0), atol=0.01)
    np.testing.assert_array_equal(loaded.signal[:, ::-1, 0, 0], made.signal[:8, :8, 0, 0])
    np.testing.assert_array_equal(loaded.signal[:, ::-1, 5, 1], made.signal[16:, 8:, 0, 1])


def test_a_mosaic_of_many_directions(tmp_path: Path) -> None:
    directions: list[Direction] = [
        None,
        *((float(np.cos(angle)), float(np.sin(angle)), 0.0) for angle in np.linspace(0, 3, 64)),
    ]
    made = write_series(
        tmp_path, dialect=mosaic, b_values=(0,) + (1000,) * 64, directions=directions, shape=(16, 12, 1)
    )
    loaded = load_dwi(tmp_path)
    assert loaded.signal.shape == (8, 6, 4, 65)
    assert sorted(loaded.b_values.values) == [0] + [1000] * 64
    zero = int(np.argmin(loaded.b_values.values))
    assert loaded.signal[..., zero].sum() == made.signal[..., 0].sum()


def test_the_same_images_as_classic_and_as_enhanced_files_count_once(tmp_path: Path) -> None:
    made = write_series(tmp_path, dialect=named("CANON_MEC"))
    write_series(tmp_path, dialect=named("CANON_MEC"), enhanced=True, prefix="E")
    (info,) = list_series(tmp_path)
    assert any("same images" in warning for warning in info.warnings)
    assert_same_scan(load_dwi(tmp_path), made)


@pytest.mark.parametrize(
    ("image_type", "number"), [("P", "8phase"), ("PHASE MAP", "8phase"), ("ADC", "8map")]
)
def test_phases_and_maps_in_the_same_series_are_no_volumes_of_it(
    tmp_path: Path, image_type: str, number: str
) -> None:
    made = write_series(
        tmp_path, dialect=philips, b_values=(0, 800, 800), image_type=("ORIGINAL", "PRIMARY", "M_SE", "M")
    )
    for index in range(4):
        file = made.file(slice_index=index, volume=2)
        image = pydicom.dcmread(file)
        image.ImageType = ["ORIGINAL", "PRIMARY", "X", image_type]
        image.save_as(file)
    dwi, other = list_series(tmp_path)
    assert (dwi.role, dwi.b_values) == ("DWI", (0, 800))
    assert (other.role, other.path) == ("scanner map", Path(f"{tmp_path}#{number}"))
    assert load_dwi(tmp_path).signal.sum(dtype=np.float64) == made.signal[..., :2].sum()


def test_ge_combined_images_beside_directions_are_offered_apart(tmp_path: Path) -> None:
    def both(header: pydicom.Dataset, b_value: float, direction: Direction) -> None:
        (ge_tensor if direction is not None else ge)(header, b_value, direction)

    directions = (None, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), None)
    write_series(tmp_path, dialect=both, b_values=(0, 800, 800, 800, 800), directions=directions)
    dwi, mean = list_series(tmp_path)
    assert (dwi.b_values, mean.role) == ((0, 800, 800, 800), "scanner map")
    assert load_dwi(tmp_path).b_values.values.tolist() == [0, 800, 800, 800]


def test_a_series_of_phases_is_a_map(tmp_path: Path) -> None:
    write_series(tmp_path, image_type=("ORIGINAL", "PRIMARY", "P", "ND"))
    (info,) = list_series(tmp_path)
    assert info.role == "scanner map"
    with pytest.raises(BadInputError, match="not a diffusion acquisition"):
        load_dwi(tmp_path, 8)


def test_b_values_told_of_the_volumes_once_are_those_of_the_same_volumes_when_read_again(
    tmp_path: Path,
) -> None:
    # Mirrored volumes have the same sums: they are told apart by their files, b-value by b-value.
    one = pattern((12, 10, 3, 1), (0,))[..., 0]
    mirrored = np.stack((one, one[::-1], one[:, ::-1], one[::-1, ::-1]), axis=-1)
    write_series(tmp_path, dialect=ge, signal=mirrored, shape=(12, 10, 3), b_values=(0, 800, 0, 800))
    first = load_dwi(tmp_path)
    assert first.b_values.values.tolist() == [0, 0, 800, 800]
    again = load_dwi(tmp_path, bval=first.b_values)
    np.testing.assert_array_equal(again.signal, first.signal)
    np.testing.assert_array_equal(again.b_values.values, first.b_values.values)


def test_a_list_of_b_values_belongs_to_the_volumes_as_the_converter_orders_them(tmp_path: Path) -> None:
    one = pattern((12, 10, 3, 1), (0,))[..., 0]
    mirrored = np.stack((one, one[::-1], one[:, ::-1], one[::-1, ::-1]), axis=-1)
    write_series(tmp_path, dialect=ge, signal=mirrored, shape=(12, 10, 3), b_values=(0, 800, 0, 800))
    bval = tmp_path / "converted.bval"
    bval.write_text("0 800 0 800")
    listed, by_header = load_dwi(tmp_path, bval=bval), load_dwi(tmp_path)
    for b_value in (0, 800):
        np.testing.assert_array_equal(
            listed.signal[..., listed.b_values.indices(b_value)],
            by_header.signal[..., by_header.b_values.indices(b_value)],
        )
