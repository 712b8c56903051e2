from __future__ import annotations

import math
from dataclasses import astuple, replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.regions import (
    COLUMNS,
    RegionStatistics,
    measure_regions,
    statistics_table,
)
from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

from ..synthetic import make_grid, make_series

NAMES = {1: "lesion", 2: "muscle", 3: "bone"}


@pytest.fixture
def series() -> DwiSeries:
    return make_series().series


@pytest.fixture
def labels() -> Volume:
    """Two boxes and a single voxel."""
    grid = make_grid()
    data = np.zeros(grid.shape, np.float32)
    data[5:9, 4:8, 1:3] = 1
    data[11:16, 9:13, :] = 2
    data[2, 2, 0] = 3
    return Volume(data, grid, "labels", name="regions")


def row(rows: tuple[RegionStatistics, ...], region: str, volume: int = 0) -> RegionStatistics:
    (found,) = [row for row in rows if (row.region, row.volume) == (region, volume)]
    return found


def with_values(series: DwiSeries, value: float, where: object) -> DwiSeries:
    signal = series.signal.copy()
    signal[where] = value  # type: ignore[index]
    return replace(series, signal=signal)


def test_numbers_are_those_of_the_voxels_drawn_on(series: DwiSeries, labels: Volume) -> None:
    rows = measure_regions(series, labels, NAMES)
    assert len(rows) == 3 * len(NAMES)
    for volume in range(3):
        for code, name in NAMES.items():
            voxels = series.signal[..., volume][labels.data == code].astype(np.float64)
            found = row(rows, name, volume)
            assert (found.image, found.b_value) == ("scan", series.b_values.values[volume])
            assert (found.n, found.n_missing) == (voxels.size, 0)
            assert found.mean == pytest.approx(voxels.mean(), rel=1e-12)
            assert (found.minimum, found.maximum) == (voxels.min(), voxels.max())
            if voxels.size > 1:
                assert found.std == pytest.approx(voxels.std(ddof=1), rel=1e-12)
                assert found.cv == pytest.approx(voxels.std(ddof=1) / voxels.mean(), rel=1e-12)


def test_rows_come_volume_by_volume(series: DwiSeries, labels: Volume) -> None:
    rows = measure_regions(series, labels, NAMES)
    assert [(row.volume, row.region) for row in rows] == [
        (n, name) for n in range(3) for name in NAMES.values()
    ]


def test_one_voxel_has_a_mean_but_no_spread(series: DwiSeries, labels: Volume) -> None:
    found = row(measure_regions(series, labels, NAMES), "bone")
    assert found.n == 1
    assert found.mean == found.minimum == found.maximum == series.signal[2, 2, 0, 0]
    assert math.isnan(found.std)
    assert math.isnan(found.cv)


def test_a_bright_offset_does_not_spoil_the_spread(series: DwiSeries, labels: Volume) -> None:
    """The mean of squares minus the square of the mean would lose all digits here."""
    signal = np.full(series.signal.shape, 1e7, np.float32)
    signal[::2] += 1
    found = row(measure_regions(replace(series, signal=signal), labels, NAMES), "muscle")
    voxels = signal[..., 0][labels.data == 2].astype(np.float64)
    assert found.std == pytest.approx(voxels.std(ddof=1), rel=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_value_are_left_out_and_counted(
    series: DwiSeries, labels: Volume, value: float
) -> None:
    rows = measure_regions(with_values(series, value, np.s_[5, 4:8, 1, 1]), labels, NAMES)
    voxels = series.signal[..., 1].copy()
    voxels[5, 4:8, 1] = np.nan
    voxels = voxels[(labels.data == 1) & np.isfinite(voxels)].astype(np.float64)
    found = row(rows, "lesion", 1)
    assert (found.n, found.n_missing) == (28, 4)
    assert found.mean == pytest.approx(voxels.mean())
    assert found.std == pytest.approx(voxels.std(ddof=1))
    assert (found.minimum, found.maximum) == (voxels.min(), voxels.max())
    assert row(rows, "lesion", 0).n_missing == 0


def test_a_region_without_voxels_has_no_numbers(series: DwiSeries, labels: Volume) -> None:
    found = row(measure_regions(series, labels, NAMES | {4: "empty"}, "muscle"), "empty")
    assert (found.n, found.n_missing) == (0, 0)
    numbers = (found.mean, found.std, found.cv, found.minimum, found.maximum, found.cnr)
    assert all(math.isnan(number) for number in numbers)


def test_a_region_of_missing_voxels_only_has_no_numbers(series: DwiSeries, labels: Volume) -> None:
    found = row(measure_regions(with_values(series, np.nan, labels.data == 1), labels, NAMES), "lesion")
    assert (found.n, found.n_missing) == (0, 32)
    numbers = (found.mean, found.std, found.cv, found.minimum, found.maximum)
    assert all(math.isnan(number) for number in numbers)


def test_no_region_at_all_gives_no_rows(series: DwiSeries, labels: Volume) -> None:
    nothing = replace(labels, data=np.zeros_like(labels.data))
    assert measure_regions(series, nothing) == ()
    assert len(measure_regions(series, nothing, NAMES)) == 3 * len(NAMES)


def test_contrast_is_taken_against_the_spread_of_the_background(series: DwiSeries, labels: Volume) -> None:
    rows = measure_regions(series, labels, NAMES, "muscle")
    for volume in range(3):
        lesion, muscle = row(rows, "lesion", volume), row(rows, "muscle", volume)
        assert lesion.cnr == pytest.approx((lesion.mean - muscle.mean) / muscle.std)
        assert math.isnan(muscle.cnr)


@pytest.mark.parametrize(("value", "sign"), [(1e4, 1), (-1e4, -1)])
def test_contrast_is_positive_where_the_region_is_brighter(
    series: DwiSeries, labels: Volume, value: float, sign: int
) -> None:
    rows = measure_regions(with_values(series, value, labels.data == 1), labels, NAMES, "muscle")
    assert sign * row(rows, "lesion").cnr > 10


def test_there_is_no_contrast_without_a_background_or_its_spread(series: DwiSeries, labels: Volume) -> None:
    assert all(math.isnan(row.cnr) for row in measure_regions(series, labels, NAMES))
    assert all(math.isnan(row.cnr) for row in measure_regions(series, labels, NAMES, "bone"))
    flat = with_values(series, 5.0, labels.data == 2)
    assert all(math.isnan(row.cnr) for row in measure_regions(flat, labels, NAMES, "muscle"))


def test_the_variation_of_a_mean_of_zero_is_undefined(series: DwiSeries, labels: Volume) -> None:
    found = row(measure_regions(with_values(series, 0.0, labels.data == 1), labels, NAMES), "lesion")
    assert (found.mean, found.std) == (0, 0)
    assert math.isnan(found.cv)


def test_regions_without_names_are_called_by_their_number(series: DwiSeries, labels: Volume) -> None:
    assert {row.region for row in measure_regions(series, labels)} == {"1", "2", "3"}


def test_only_the_regions_named_are_reported(series: DwiSeries, labels: Volume) -> None:
    assert {row.region for row in measure_regions(series, labels, {2: "muscle"})} == {"muscle"}


def test_a_single_volume_has_no_b_value(series: DwiSeries, labels: Volume) -> None:
    volume = Volume(series.signal[..., 1], series.grid, name="T1")
    rows = measure_regions(volume, labels, NAMES)
    assert len(rows) == len(NAMES)
    assert all((row.image, row.volume, row.b_value) == ("T1", 0, None) for row in rows)
    expected = row(measure_regions(series, labels, NAMES), "lesion", 1)
    assert astuple(row(rows, "lesion"))[4:-1] == pytest.approx(astuple(expected)[4:-1])


def test_an_unknown_background_is_refused_with_those_there_are(series: DwiSeries, labels: Volume) -> None:
    with pytest.raises(BadInputError, match="no region called liver; expected one of lesion, muscle, bone"):
        measure_regions(series, labels, NAMES, "liver")


def test_regions_on_another_grid_are_refused(series: DwiSeries) -> None:
    grid = make_grid((20, 18, 5))
    elsewhere = Volume(np.zeros(grid.shape, np.float32), grid, "labels")
    with pytest.raises(BadInputError, match="the regions do not lie on the grid of scan"):
        measure_regions(series, elsewhere)


def test_the_table_has_a_column_for_every_number(series: DwiSeries, labels: Volume) -> None:
    rows = measure_regions(series, labels, NAMES, "muscle")
    text = statistics_table(rows)
    assert text.endswith("\n")
    header, *lines = text.splitlines()
    assert header.split("\t") == list(COLUMNS)
    assert len(lines) == len(rows)
    for line, expected in zip(lines, rows, strict=True):
        cells = line.split("\t")
        assert len(cells) == len(COLUMNS)
        assert cells[0] == "scan"
        assert cells[3] == expected.region
        assert [int(cells[1]), int(cells[4]), int(cells[5])] == [
            expected.volume,
            expected.n,
            expected.n_missing,
        ]
        assert float(cells[2]) == expected.b_value
        numbers = astuple(expected)[6:]
        for cell, number in zip(cells[6:], numbers, strict=True):
            assert cell == "n/a" if math.isnan(number) else float(cell) == pytest.approx(number, rel=1e-5)


def test_the_table_leaves_out_the_b_value_of_a_single_volume(series: DwiSeries, labels: Volume) -> None:
    volume = Volume(series.signal[..., 0], series.grid, name="T1")
    _, line, *_ = statistics_table(measure_regions(volume, labels, NAMES)).splitlines()
    assert line.split("\t")[:4] == ["T1", "0", "", "lesion"]


def test_the_table_writes_b_values_as_readers_do(series: DwiSeries, labels: Volume) -> None:
    measured = replace(series, b_values=BValues(np.array([4.99, 400.0, 929.75])))
    text = statistics_table(measure_regions(measured, labels, {1: "lesion"}))
    assert [line.split("\t")[2] for line in text.splitlines()[1:]] == ["4.99", "400", "929.75"]


@pytest.mark.parametrize("drawn_on_the_fine_grid", [False, True], ids=["coarse", "fine"])
@pytest.mark.parametrize("factor", [2, 3])
def test_a_region_is_the_same_part_of_the_patient_on_both_grids(
    factor: int, drawn_on_the_fine_grid: bool
) -> None:
    """CNR of a disc against a wavy background, whose SD is known: amplitude / sqrt(2)."""
    coarse = make_grid((48, 40, 2))
    fine = coarse.refined((factor, factor, 1))

    def sampled(grid: Grid) -> Volume:
        x, y, _ = np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij")
        x, y = x * 48 / grid.shape[0], y * 40 / grid.shape[1]
        disc = (x - 12) ** 2 + (y - 20) ** 2 < 8**2
        return Volume(np.where(disc, 300, 100 + 20 * np.sin(np.pi * x / 4)).astype(np.float32), grid)

    drawn = fine if drawn_on_the_fine_grid else coarse
    step = factor if drawn_on_the_fine_grid else 1
    data = np.zeros(drawn.shape, np.float32)
    x, y, _ = np.meshgrid(*[np.arange(n) for n in drawn.shape], indexing="ij")
    data[(x - 12 * step) ** 2 + (y - 20 * step) ** 2 < (6 * step) ** 2] = 1
    data[24 * step : 40 * step, 2 * step : 38 * step] = 2
    labels = Volume(data, drawn, "labels")
    names = {1: "disc", 2: "background"}
    expected = (300 - 100) / (20 / np.sqrt(2))
    for grid in (coarse, fine):
        rows = measure_regions(sampled(grid), labels, names, "background")
        assert row(rows, "disc").cnr == pytest.approx(expected, rel=0.01)
        size_mm2 = row(rows, "disc").n * grid.spacing_mm[0] * grid.spacing_mm[1]
        drawn_mm2 = np.count_nonzero(data == 1) * drawn.spacing_mm[0] * drawn.spacing_mm[1]
        # Voxels are counted whole in the end.
        assert size_mm2 == pytest.approx(drawn_mm2, abs=0.51 * grid.spacing_mm[0] * grid.spacing_mm[1])


def test_a_voxel_counts_as_far_as_finer_labels_cover_it() -> None:
    coarse = make_grid((4, 1, 1))
    labels = np.zeros((8, 1, 1), np.float32)
    labels[3:6] = 1
    image = Volume(np.array([1, 10, 100, 1000], np.float32).reshape(4, 1, 1), coarse)
    (found,) = measure_regions(image, Volume(labels, coarse.refined((2, 1, 1)), "labels"))
    # Fine voxels 3 to 5 reach from 1.25 to 2.75 in coarse ones: a quarter, all and a quarter.
    assert found.mean == pytest.approx((0.25 * 10 + 100 + 0.25 * 1000) / 1.5)


def test_finer_voxels_on_a_border_count_half() -> None:
    coarse = make_grid((4, 3, 1))
    data = np.zeros(coarse.shape, np.float32)
    data[1, :, 0] = 1
    fine = coarse.refined((2, 1, 1))
    values = np.zeros(fine.shape, np.float32)
    values[:, :, 0] = np.arange(8)[:, None]
    (found,) = measure_regions(Volume(values, fine), Volume(data, coarse, "labels"))
    # Voxel 1 reaches from 1.5 to 2.5, or from half of fine voxel 1 to half of fine voxel 3.
    assert found.n == 6
    assert found.mean == 2.0
    assert (found.minimum, found.maximum) == (1.0, 3.0)
    assert found.std == pytest.approx(np.sqrt(3 * 2 * 0.5 / 5))


def test_a_region_at_the_last_voxel_ends_with_it() -> None:
    coarse = make_grid((4, 3, 1))
    data = np.zeros(coarse.shape, np.float32)
    data[3, 0, 0] = 1
    fine = coarse.refined((2, 1, 1))
    (found,) = measure_regions(Volume(np.ones(fine.shape, np.float32), fine), Volume(data, coarse, "labels"))
    assert (found.n, found.mean) == (2, 1.0)
