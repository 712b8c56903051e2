from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.measure.noise_sigma import noise_sds
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import BValues, DwiSeries, Grid, open_volume, save
from napari_dwi.superres._brightness import brightest_tissue
from napari_dwi.superres.pairs.displacement import displacement_of
from napari_dwi.superres.pairs.importing import ImportedPair, add_pair, read_pair
from napari_dwi.superres.pairs.request import Crop, PairRequest
from napari_dwi.superres.pairs.store import PairStore
from napari_dwi.superres.pairs.subjects import KnownPairError

from ...scan.dicom.builder import PATIENT_NAME, SECRETS, write_series
from ...scan.formats.builder import write_paravision
from ...synthetic import files_below
from .scans import BRIGHTEST, N_SLICES, Scans, make_scans

SCANS = make_scans()


def read(folder: Path, scans: Scans = SCANS, **said: Any) -> ImportedPair:
    low, high = scans.save(folder)
    return read_pair(PairRequest(low, high, "mouse 1", **said))


def _turned(grid: Grid) -> Grid:
    """The grid of the same voxels stored as (z, y, x reversed)."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_mm((grid.shape[0] - 1, 0, 0))
    affine[:3, 0] *= -1
    return Grid((grid.shape[2], grid.shape[1], grid.shape[0]), affine[:, [2, 1, 0, 3]], grid.affine_source)


def test_a_pair_is_what_was_scanned(tmp_path: Path) -> None:
    pair = read(tmp_path)
    np.testing.assert_array_equal(pair.low, np.moveaxis(SCANS.low, 2, 0))
    np.testing.assert_array_equal(pair.high, np.moveaxis(SCANS.high, 2, 0))
    facts = pair.facts
    assert (facts.name, facts.subject, facts.plane) == ("mouse 1-axial", "mouse 1", "axial")
    assert (facts.factor, facts.shape_low, facts.shape_high) == (2, (32, 32, N_SLICES), (64, 64, N_SLICES))
    assert facts.spacing_low_mm == pytest.approx((0.4, 0.5, 1.0))
    assert facts.spacing_high_mm == pytest.approx((0.2, 0.25, 1.0))
    assert facts.scale == pytest.approx(BRIGHTEST, rel=0.1)
    np.testing.assert_allclose(facts.shift, 0, atol=0.1)
    assert facts.corrected == (0, 0)
    assert len(facts.sources) == 2
    assert pair.warnings == ()
    assert facts.grid_low.same_as(SCANS.low_grid)
    assert facts.grid_high.same_as(SCANS.high_grid)


def test_a_crop_beyond_the_slice_is_refused_however_it_is_stored(tmp_path: Path) -> None:
    turned = replace(
        SCANS,
        low=SCANS.low[::-1].transpose(2, 1, 0),
        high=SCANS.high[::-1].transpose(2, 1, 0),
        low_grid=_turned(SCANS.low_grid),
        high_grid=_turned(SCANS.high_grid),
    )
    for scans in (SCANS, turned):
        with pytest.raises(BadInputError, match="cannot be used"):
            read(tmp_path, scans, crop=Crop((10, 60), (4, 30)))


def test_a_pair_knows_where_its_voxels_lie_however_they_are_stored(tmp_path: Path) -> None:
    """Both scans the other way round and with other axes, of which a part is kept."""
    low_grid, high_grid = (_turned(grid) for grid in (SCANS.low_grid, SCANS.high_grid))
    turned = replace(
        SCANS, low=SCANS.low[::-1].transpose(2, 1, 0), high=SCANS.high[::-1].transpose(2, 1, 0),
        low_grid=low_grid, high_grid=high_grid,
    )  # fmt: skip
    pair = read(tmp_path, turned, crop=Crop((4, 30), (2, None)))
    facts = pair.facts
    z, row, column = np.unravel_index(pair.low.argmax(), pair.low.shape)
    (in_file,) = np.argwhere(SCANS.low == pair.low.max())
    expected = SCANS.low_grid.to_mm(in_file)
    np.testing.assert_allclose(facts.grid_low.to_mm((row, column, z)), expected, atol=1e-4)
    assert facts.grid_high.same_as(facts.grid_low.refined((2, 2, 1)))


def test_the_noise_is_what_super_resolution_estimates(tmp_path: Path) -> None:
    low, _high = SCANS.save(tmp_path)
    (noise,) = noise_sds(Inputs.of_volume(open_volume(low)).series, 0.0, 2, lambda: None)
    assert read(tmp_path).facts.sigma_low == pytest.approx(noise.sd)


@pytest.mark.parametrize("factor", [1, 3, 4])
def test_other_factors_are_found_and_1_is_a_pair_for_denoising(tmp_path: Path, factor: int) -> None:
    scans = make_scans(factor=factor, size=96)
    facts = read(tmp_path, scans).facts
    assert facts.factor == factor
    assert facts.shape_high == (96, 96, N_SLICES)


def test_the_high_resolution_scan_changes_neither_scale_nor_noise(tmp_path: Path) -> None:
    facts = read(tmp_path / "a").facts
    # The same object, but another gain, another contrast and spikes.
    other = 40 * np.sqrt(SCANS.high)
    other[10, 10] = 1e6
    others = read(tmp_path / "b", replace(SCANS, high=other)).facts
    assert (others.scale, others.sigma_low) == (facts.scale, facts.sigma_low)
    assert others.sources[0] == facts.sources[0]
    assert others.sources[1] != facts.sources[1]


def test_the_scale_goes_with_the_low_resolution_scan(tmp_path: Path) -> None:
    facts = read(tmp_path / "a").facts
    twice = read(tmp_path / "b", replace(SCANS, low=2 * SCANS.low)).facts
    assert twice.scale == pytest.approx(2 * facts.scale)
    assert twice.noise == pytest.approx(facts.noise)
    assert facts.scale == brightest_tissue(SCANS.low)


@pytest.mark.parametrize("shift", [(0.5, 0.5), (-0.7, 0.3)], ids=str)
def test_a_displacement_is_told_stored_and_put_right(tmp_path: Path, shift: tuple[float, float]) -> None:
    pair = read(tmp_path, make_scans(shift=shift, n_slices=6))
    np.testing.assert_allclose(pair.facts.shift, shift, atol=0.1)
    assert pair.facts.corrected == pair.facts.shift
    assert pair.facts.told_shift == (0, 0)
    np.testing.assert_allclose(displacement_of(pair.high, pair.low, 2).shift, 0, atol=0.1)
    (warning,) = pair.warnings
    assert "have been moved back; their positions say 0.00 and 0.00" in warning


def sharing_edges(scans: Scans) -> Scans:
    """The same voxels, with positions as if the fields of view shared their edges."""
    affine = scans.high_grid.affine.copy()
    affine[:3, 3] -= affine[:3, :2].sum(axis=1) / 2
    return replace(scans, high_grid=replace(scans.high_grid, affine=affine))


def test_what_positions_say_and_images_do_not_show_moves_nothing_but_is_told(tmp_path: Path) -> None:
    pair = read(tmp_path, sharing_edges(SCANS))
    assert pair.facts.told_shift == pytest.approx((0.5, 0.5), abs=1e-3)
    assert pair.facts.corrected == (0, 0)
    np.testing.assert_array_equal(pair.high, np.moveaxis(SCANS.high, 2, 0))
    (warning,) = pair.warnings
    assert "which the images do not show" in warning


def test_what_positions_say_is_believed_of_images_that_tell_nothing(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    noise = rng.uniform(100, 200, SCANS.high.shape).astype(np.float32)
    pair = read(tmp_path, sharing_edges(replace(SCANS, high=noise)))
    assert pair.facts.corrected == pytest.approx((0.5, 0.5), abs=1e-3)
    assert any("the images do not tell" in warning for warning in pair.warnings)


def test_a_crop_keeps_voxels_on_each_other_and_the_noise_of_the_whole(tmp_path: Path) -> None:
    whole = read(tmp_path)
    pair = read(tmp_path, crop=Crop((4, 20), (10, None)))
    np.testing.assert_array_equal(pair.low, whole.low[:, 4:20, 10:])
    np.testing.assert_array_equal(pair.high, whole.high[:, 8:40, 20:])
    assert pair.facts.shape_low == (16, 22, N_SLICES)
    assert (pair.facts.sigma_low, pair.facts.shift) == (whole.facts.sigma_low, whole.facts.shift)


def test_excluded_slices_count_for_nothing(tmp_path: Path) -> None:
    low, high = SCANS.low.copy(), SCANS.high.copy()
    low[..., 3] = 1e5
    high[3, 4, 0] = np.nan
    pair = read(tmp_path, replace(SCANS, low=low, high=high), exclude=(3, 0))
    assert pair.facts.excluded == (0, 3)
    assert pair.facts.scale == brightest_tissue(SCANS.low[..., 1:3])
    np.testing.assert_allclose(pair.facts.shift, 0, atol=0.1)


def test_one_b_value_of_a_diffusion_series_can_be_meant(tmp_path: Path) -> None:
    SCANS.save(tmp_path)
    b_values = BValues(np.array([0.0, 800.0, 800.0]))
    for which, data, grid in (("low", SCANS.low, SCANS.low_grid), ("high", SCANS.high, SCANS.high_grid)):
        signal = np.stack([data, 0.4 * data, 0.6 * data], axis=-1)
        save(DwiSeries(signal, grid, b_values), tmp_path / f"{which}_dwi.nii.gz")
    request = PairRequest(tmp_path / "low_dwi.nii.gz", tmp_path / "high_dwi.nii.gz", "m")
    pair = read_pair(replace(request, b_value=800))
    np.testing.assert_allclose(pair.low, np.moveaxis(SCANS.low, 2, 0) / 2, rtol=1e-5)
    assert pair.facts.name == "m-axial-b800"
    with pytest.raises(
        BadInputError, match=r"diffusion series; expected a single volume, found b = 0 800 .*--b"
    ):
        read_pair(request)
    with pytest.raises(BadInputError, match="no volume at b = 500"):
        read_pair(replace(request, b_value=500))


def twelve_bits(image: np.ndarray) -> np.ndarray:
    return np.clip(np.round(2 * image), 0, 4095).astype(np.uint16)[..., None]


def test_dicom_folders_are_pairs_and_nothing_of_the_patient_gets_into_the_store(tmp_path: Path) -> None:
    for which, data, spacing, number in (
        ("low", SCANS.low, (0.4, 0.5, 1.0), 5),
        ("high", SCANS.high, (0.2, 0.25, 1.0), 6),
    ):
        write_series(
            tmp_path / "study" / PATIENT_NAME,
            b_values=(0,),
            shape=data.shape,
            spacing_mm=spacing,
            signal=twelve_bits(data),
            number=number,
            description=f"t2_{which}",
            image_type=("ORIGINAL", "PRIMARY", "M", "ND"),
            scanning_sequence="SE",
        )
    folder = str(tmp_path / "study" / PATIENT_NAME)
    pair = add_pair(tmp_path / "s.zarr", PairRequest(Path(f"{folder}#5"), Path(f"{folder}#6"), "mouse"))
    assert pair.facts.factor == 2
    # The converter stores rows backwards: then both are turned round, and nothing is displaced.
    np.testing.assert_allclose(pair.facts.shift, 0, atol=0.1)
    assert (pair.facts.told_shift, pair.facts.corrected, pair.warnings) == ((0, 0), (0, 0), ())
    np.testing.assert_array_equal(pair.high[1], twelve_bits(SCANS.high)[:, :, 1, 0])
    for name, content in files_below(tmp_path / "s.zarr").items():
        for secret in SECRETS:
            assert secret not in name
            assert secret.encode() not in content


def test_paravision_scans_are_pairs(tmp_path: Path) -> None:
    pytest.importorskip("brukerapi")
    one_image = {"VisuFGOrderDescDim": "1", "VisuFGOrderDesc": f"( 1 )\n({N_SLICES}, <FG_SLICE>, <>, 0, 2)"}
    paths = []
    for which, data in (("low", SCANS.low), ("high", SCANS.high)):
        stored = np.round(data).astype(np.int16)[..., None]
        extent = {"VisuCoreExtent": "( 2 )\n32 32"}
        paths.append(write_paravision(tmp_path / which, stored, b_values=None, **one_image, **extent))
    pair = read_pair(PairRequest(*paths, "mouse"))
    assert (pair.facts.factor, pair.facts.shape_high) == (2, (64, 64, N_SLICES))
    # ParaVision places the corner of the field of view; the images are aligned as k-space has them.
    np.testing.assert_allclose(pair.facts.told_shift, 0.5, atol=1e-3)
    np.testing.assert_allclose(pair.facts.shift, 0, atol=0.1)
    assert pair.facts.corrected == (0, 0)


def test_names_come_from_what_the_user_says_and_are_numbered(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    requests = [
        PairRequest(*make_scans(seed=seed).save(tmp_path, f"scan{seed}"), "mouse") for seed in range(2)
    ]
    names = [add_pair(store, request).facts.name for request in requests]
    assert names == ["mouse-axial", "mouse-axial-2"]
    before = files_below(store)
    for request in requests:
        with pytest.raises(KnownPairError, match="already"):
            add_pair(store, request)
    assert files_below(store) == before
    assert add_pair(store, replace(requests[0], name="again", plane="x")).facts.plane == "x"


def gap(image: np.ndarray) -> np.ndarray:
    with_gap = image.copy()
    with_gap[5, 5, 2] = np.nan
    return with_gap


@pytest.mark.parametrize(
    ("scans", "said", "message"),
    [
        (replace(SCANS, low=gap(SCANS.low)), {}, r"mouse_low.nii.gz: some voxels .* \(--exclude 2\)"),
        (replace(SCANS, high=gap(SCANS.high)), {}, r"mouse_high.nii.gz: some voxels .* in slices 2"),
        (replace(SCANS, low=0 * SCANS.low), {}, "mouse_low.nii.gz: there is nothing to be seen"),
        (SCANS, {"exclude": (4,)}, "no such slice; expected numbers from 0 to 3, found 4"),
        (SCANS, {"crop": Crop((0, 33))}, "expected at least 8 of the voxels 0:32, found 0:33"),
        (SCANS, {"crop": Crop((9, 12))}, "found 9:12"),
        (SCANS, {"name": "a/b"}, "not a name for a pair"),
        (
            replace(SCANS, high=np.roll(SCANS.high, 9, 0)),
            {},
            r"low.nii.gz and .*high.nii.gz: the subject has moved",
        ),
        (
            replace(
                SCANS, high=SCANS.high[..., :3], high_grid=SCANS.high_grid.cropped((0, 0, 0), (64, 64, 3))
            ),
            {},
            r"low.nii.gz and .*high.nii.gz: the two volumes do not show the same slices",
        ),
    ],
    ids=["gap low", "gap high", "black", "slice", "crop", "narrow", "name", "moved", "slices"],
)
def test_what_makes_no_pair_is_one_line_and_no_store(
    tmp_path: Path, scans: Scans, said: dict[str, Any], message: str
) -> None:
    low, high = scans.save(tmp_path)
    with pytest.raises(BadInputError, match=message) as caught:
        add_pair(tmp_path / "s.zarr", PairRequest(low, high, "m", **said))
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "s.zarr").exists()


def test_stopping_at_any_moment_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    low, high = make_scans(shift=(1, 1)).save(tmp_path)
    store = tmp_path / "s.zarr"
    PairStore.create(store)
    before = files_below(store)
    phrases: list[str] = []
    add_pair(store, PairRequest(low, high, "m"), progress=Progress(lambda _share, said: phrases.append(said)))
    PairStore(store).remove("m-axial")
    assert phrases[-1] == "writing"
    for moment in range(len(phrases) - 1):
        seen: list[str] = []
        progress = Progress(lambda _share, said, seen=seen: seen.append(said), lambda: len(seen) > moment)  # noqa: B023
        with pytest.raises(Stopped):
            add_pair(store, PairRequest(low, high, "m"), progress=progress)
        assert files_below(store) == before


def test_files_without_orientation_are_taken_as_stored_alike_and_that_is_told(tmp_path: Path) -> None:
    low, high = SCANS.save(tmp_path)
    affine = np.diag([0.2, 0.25, 1.0, 1.0])
    plain = nib.Nifti1Image(SCANS.high, affine)
    plain.set_sform(affine, 0)
    plain.set_qform(affine, 0)
    nib.save(plain, high)
    pair = read_pair(PairRequest(low, high, "m"))
    assert pair.facts.corrected == (0, 0)
    assert any("does not say how the patient was lying" in warning for warning in pair.warnings)
