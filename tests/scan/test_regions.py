from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Volume
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions, read_regions

from .builder import las_grid, write_nifti

CODES = np.random.default_rng(4).choice([0, 1, 2, 7], size=(6, 5, 4)).astype(np.int16)


def test_names_come_from_the_sidecar_and_codes_stand_in_for_the_others(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "roi.nii.gz", CODES)
    (tmp_path / "roi.json").write_text('{"Labels": {"1": "lesion", "7": "Prostata, Übergangszone"}}', "utf-8")
    regions = read_regions(path)
    assert regions.names == {1: "lesion", 2: "2", 7: "Prostata, Übergangszone"}
    assert regions.labels.kind == "labels"
    np.testing.assert_array_equal(regions.labels.data, CODES)


def test_without_a_sidecar_the_codes_are_the_names(tmp_path: Path) -> None:
    assert read_regions(write_nifti(tmp_path / "roi.nii", CODES)).names == {1: "1", 2: "2", 7: "7"}


def test_a_sidecar_that_says_nothing_of_labels_is_no_fault(tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "roi.nii", CODES)
    (tmp_path / "roi.json").write_text('{"Description": "drawn by hand"}')
    assert read_regions(path).names == {1: "1", 2: "2", 7: "7"}


@pytest.mark.parametrize("value", [0.5, -1, np.nan, np.inf])
def test_anything_but_whole_numbers_is_refused(tmp_path: Path, value: float) -> None:
    array = CODES.astype(np.float32)
    array[2, 2, 2] = value
    with pytest.raises(BadInputError, match="not a label image"):
        read_regions(write_nifti(tmp_path / "roi.nii", array))


def test_a_series_is_no_label_image(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="several volumes"):
        read_regions(write_nifti(tmp_path / "roi.nii", np.stack([CODES, CODES], axis=3)))


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"Labels": ["lesion"]}',
        b'{"Labels": {"lesion": 1}}',
        b'{"Labels": null}',
    ],
    ids=["cut", "list of names", "swapped", "null"],
)
def test_a_sidecar_that_cannot_be_understood_is_refused(tmp_path: Path, text: bytes) -> None:
    path = write_nifti(tmp_path / "roi.nii", CODES)
    (tmp_path / "roi.json").write_bytes(text)
    with pytest.raises(BadInputError) as caught:
        read_regions(path)
    assert caught.value.file == tmp_path / "roi.json"


def test_regions_come_back_as_they_were_written(tmp_path: Path) -> None:
    labels = Volume(CODES.astype(np.float32), las_grid(), "labels")
    regions = Regions(labels, {1: "lesion", 2: "muscle", 7: "blood – pool"})
    with file_set(tmp_path) as files:
        add_regions(files, regions, tmp_path / "roi.nii.gz")
    read = read_regions(tmp_path / "roi.nii.gz")
    assert read.names == regions.names
    np.testing.assert_array_equal(read.labels.data, labels.data)
    assert read.labels.grid.same_as(labels.grid)
    assert json.loads((tmp_path / "roi.json").read_text("utf-8"))["Labels"]["2"] == "muscle"


def test_an_empty_drawing_is_written_and_read(tmp_path: Path) -> None:
    empty = replace(
        Volume(CODES.astype(np.float32), las_grid(), "labels"), data=np.zeros((6, 5, 4), np.float32)
    )
    with file_set(tmp_path) as files:
        add_regions(files, Regions(empty, {}), tmp_path / "roi.nii.gz")
    assert read_regions(tmp_path / "roi.nii.gz").names == {}
