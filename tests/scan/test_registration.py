from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("SimpleITK")

from napari_dwi.errors import BadInputError, MethodFailedError, Stopped
from napari_dwi.physics.phantoms.head_scan import simulate_brain
from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.scan import Grid, Source, Volume
from napari_dwi.scan.registration import Registration, aligned, register_rigid

from .builder import affine_of, las_grid, random_series, random_volume, rotation

OFFSET_MM, TURN_DEG = (4.0, -5.0, 3.0), (2.0, -3.0, 4.0)


@pytest.fixture(scope="module")
def head() -> SimulatedScan:
    return simulate_brain(snr=20, shape=(72, 84, 24), spacing_mm=(2.5, 2.5, 2.5), b_values=(0, 800))


def misplacement(
    head: SimulatedScan,
    offset_mm: tuple[float, float, float] = OFFSET_MM,
    degrees: tuple[float, float, float] = TURN_DEG,
) -> np.ndarray:
    """A turn about the middle of the series and a shift, RAS+ mm."""
    middle = head.series.grid.to_mm((np.array(head.series.grid.shape) - 1) / 2)
    turn = rotation(degrees)
    shift = np.array(offset_mm) + middle - turn @ middle
    return affine_of(turn, (shift[0], shift[1], shift[2]))


def misplaced(head: SimulatedScan, **how: Any) -> Volume:
    """The T2 image with an affine that is wrong by a known motion."""
    t2 = next(volume for volume in head.anatomy if volume.name == "T2")
    return replace(t2, grid=Grid(t2.grid.shape, misplacement(head, **how) @ t2.grid.affine))


@pytest.fixture(scope="module")
def found(head: SimulatedScan) -> Registration:
    return register_rigid(misplaced(head), head.series)


def test_a_known_motion_is_found_to_half_a_millimetre_everywhere(
    head: SimulatedScan, found: Registration
) -> None:
    left_over = found.correction @ misplacement(head)
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in head.series.grid.shape]), axis=-1).reshape(-1, 3)
    points = head.series.grid.to_mm(corners)
    moved = points @ left_over[:3, :3].T + left_over[:3, 3]
    assert np.linalg.norm(moved - points, axis=1).max() < 0.5


def test_what_was_found_is_told_in_numbers(found: Registration) -> None:
    assert found.translation_mm == pytest.approx(np.linalg.norm(OFFSET_MM), abs=0.5)
    turn = np.degrees(np.arccos((np.trace(rotation(TURN_DEG)) - 1) / 2))
    assert found.rotation_deg == pytest.approx(turn, abs=0.5)
    assert found.information_after > 2 * found.information_before
    moved = f"moved by {found.translation_mm:.1f} mm, turned by {found.rotation_deg:.1f}°"
    information = f"{found.information_before:.3f} before, {found.information_after:.3f} after"
    assert found.volume.notes[-1] == f"aligned to the series: {moved}; mutual information {information}"


def test_no_voxel_of_the_image_is_touched(head: SimulatedScan, found: Registration) -> None:
    image = misplaced(head)
    assert found.volume.data is next(volume for volume in head.anatomy if volume.name == "T2").data
    np.testing.assert_allclose(found.volume.grid.affine, found.correction @ image.grid.affine)
    np.testing.assert_allclose(found.volume.grid.spacing_mm, image.grid.spacing_mm)


def test_the_same_images_give_the_same_bytes(head: SimulatedScan, found: Registration) -> None:
    again = register_rigid(misplaced(head), head.series)
    assert again.correction.tobytes() == found.correction.tobytes()
    assert again.information_after == found.information_after


def test_it_says_how_far_it_is_and_stops_when_asked(head: SimulatedScan) -> None:
    heard: list[tuple[float, str]] = []

    def until_the_second_level(fraction: float, phrase: str) -> None:
        heard.append((fraction, phrase))
        if "level 2" in phrase:
            raise Stopped

    with pytest.raises(Stopped):
        register_rigid(misplaced(head), head.series, report=until_the_second_level)
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert 0 < fractions[-1] <= 1
    assert sum("level 2" in phrase for _, phrase in heard) == 1


def test_a_motion_no_patient_makes_is_refused(head: SimulatedScan) -> None:
    with pytest.raises(
        MethodFailedError, match=r"T2 is not plausible; expected at most 20 mm and 15°.*as it"
    ):
        register_rigid(misplaced(head, offset_mm=(24, 0, 0), degrees=(0, 0, 0)), head.series)


def test_an_image_that_only_gets_worse_is_left_where_it_lies(head: SimulatedScan) -> None:
    moving = Volume(head.series.signal[..., 0].copy(), head.series.grid, name="T2")
    with pytest.raises(MethodFailedError, match="T2 cannot be aligned better than it lies"):
        register_rigid(moving, head.series.volumes([0]))


def test_images_of_different_places_are_refused(head: SimulatedScan) -> None:
    with pytest.raises(MethodFailedError, match=r"could not be aligned.*Use it as it lies"):
        register_rigid(misplaced(head, offset_mm=(0, 0, 900)), head.series)


def test_a_single_slice_cannot_be_aligned() -> None:
    with pytest.raises(BadInputError, match=r"too few slices .*at least 4, found 1"):
        register_rigid(Volume(np.ones((9, 9, 1), np.float32), las_grid((9, 9, 1))), random_series())


def test_sheared_voxels_cannot_be_aligned() -> None:
    affine = las_grid().affine.copy()
    affine[0, 2] += 0.5
    with pytest.raises(BadInputError, match="sheared voxels"):
        register_rigid(replace(random_volume(), grid=Grid((6, 5, 4), affine)), random_series())


def test_without_simpleitk_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(BadInputError, match=r"needs SimpleITK.*napari-dwi\[registration\]"):
        register_rigid(random_volume(), random_series())


def test_the_source_remembers_all_corrections(tmp_path: Any) -> None:
    volume = replace(random_volume(), source=Source(tmp_path, "0" * 64, 7))
    first, second = affine_of(rotation(), (1, 2, 3)), affine_of(np.eye(3), (0, 0, -4))
    twice = aligned(aligned(volume, first, "one"), second, "two")
    assert twice.source is not None
    np.testing.assert_allclose(np.array(twice.source.alignment), second @ first)
    np.testing.assert_allclose(twice.grid.affine, second @ first @ volume.grid.affine)
    assert twice.notes == ("one", "two")
