from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, Stopped
from napari_dwi.gui.loading import Loading, is_series, is_volume, look_through
from napari_dwi.methods.keeping import ScanKeeper
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.recovery import FOLDER_VARIABLE
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.methods.session import SESSION_FILE, read_session
from napari_dwi.scan import Grid, SeriesInfo, list_series, save
from napari_dwi.scan.unlabelled import UnknownBValuesError

from .builder import make_scan

QUIET = Progress()


def rows(folder: Path) -> dict[str, SeriesInfo]:
    return {info.description: info for info in list_series(folder)}


def spoil_checksum(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-8] ^= 1
    file.write_bytes(bytes(content))


def test_series_and_anatomy_come_on_one_grid(folder, scan):
    found = rows(folder)
    loaded = Loading(found["brain"], (found["T2"],)).run(QUIET)
    np.testing.assert_array_equal(loaded.series.signal, scan.series.signal)
    assert loaded.series is loaded.acquired
    (anatomy,) = loaded.others
    assert anatomy.grid.same_as(scan.series.grid)


def test_what_is_allowed_is_allowed_for_the_doubtful_image_alone_and_the_others_are_not_read_again(folder):
    found = rows(folder)
    spoil_checksum(folder / "T2.nii.gz")
    loading = Loading(found["brain"], (found["T2"],))
    with pytest.raises(BadInputError) as caught:
        loading.run(QUIET)
    assert caught.value.offers == ("wrong-checksum",)
    # Were it read again, it would be missed.
    (folder / "brain.nii.gz").unlink()
    loading.allow("wrong-checksum")
    loaded = loading.run(QUIET)
    assert loaded.series.source.allowed == ()
    assert loaded.others[0].source.allowed == ("wrong-checksum",)
    assert any("checksum is wrong" in note for note in loaded.others[0].notes)


def test_loading_goes_on_with_the_b_values_that_were_given(folder):
    (folder / "brain.bval").unlink()
    found = rows(folder)
    loading = Loading(found["brain"], (found["T2"],))
    with pytest.raises(UnknownBValuesError) as caught:
        loading.run(QUIET)
    loading.give_series(caught.value.series.with_b_values([0, 400, 800]))
    loaded = loading.run(QUIET)
    assert loaded.series.b_values.values.tolist() == [0, 400, 800]
    assert len(loaded.others) == 1


def test_b_values_can_be_asked_for_though_they_are_known_or_spoilt(folder):
    with pytest.raises(UnknownBValuesError) as known:
        Loading(rows(folder)["brain"], ask_b_values=True).run(QUIET)
    assert known.value.series.b_values == (0, 400, 800)
    (folder / "brain.bval").write_text("0 400\n")
    with pytest.raises(UnknownBValuesError) as spoilt:
        Loading(rows(folder)["brain"], ask_b_values=True).run(QUIET)
    assert spoilt.value.series.b_values == (None, None, None)


def test_maps_are_told_from_anatomy_and_never_series(folder, scan):
    save(scan.anatomy, folder / "brain_adc.nii.gz")
    info = rows(folder)["brain_adc"]
    assert is_volume(info)
    assert not is_series(info)
    loaded = Loading(None, (info,), onto=scan.series).run(QUIET)
    assert loaded.series is None
    assert loaded.others[0].kind == "map"


def test_a_dicom_file_is_opened_with_its_folder_and_an_archive_like_one(folder, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", folder)
    with pytest.raises(BadInputError, match="zipped"):
        # No DICOM in it: NIfTI files are not looked for in archives.
        look_through(Path(archive), QUIET)
    lone = folder / "IM001"
    lone.write_bytes(bytes(128) + b"DICM" + bytes(64))
    assert {info.description for info in look_through(lone, QUIET)} == {"brain", "T2"}


def test_looking_through_a_folder_stops_when_asked(folder):
    asked = []

    def stop_asked() -> bool:
        asked.append(1)
        return len(asked) > 1

    with pytest.raises(Stopped):
        look_through(folder, Progress(stop_asked=stop_asked))


def test_stop_between_two_images_leaves_the_next_unread(folder):
    found = rows(folder)
    seen = []

    def on_report(_: float, phrase: str) -> None:
        seen.append(phrase)

    progress = Progress(on_report, lambda: any("T2" in phrase for phrase in seen))
    with pytest.raises(Stopped):
        Loading(found["brain"], (found["T2"],)).run(progress)


def test_a_volume_of_another_place_is_refused(scan, tmp_path):
    anatomy = make_scan("far").anatomy
    affine = anatomy.grid.affine.copy()
    affine[2, 3] += 900
    save(replace(anatomy, grid=Grid(anatomy.grid.shape, affine, "sform")), tmp_path / "far.nii.gz")
    with pytest.raises(BadInputError, match="does not lie over"):
        Loading(None, list_series(tmp_path / "far.nii.gz"), onto=scan.series).run(QUIET)


def test_a_kept_session_knows_the_anatomy_that_came_later(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    series = Loading(rows(folder)["brain"]).run(QUIET).series
    keeper = ScanKeeper(series)
    result = run_method(find_method("gaussian"), find_method("gaussian").settings(), Inputs(series))
    keeper.keep_result(result, "Gaussian")
    (anatomy,) = Loading(None, (rows(folder)["T2"],), onto=series).run(QUIET).others
    keeper.have_anatomy((anatomy,))
    (file,) = (tmp_path / "kept").rglob(SESSION_FILE)
    assert [entry.name for entry in read_session(file.parent).scan.anatomy] == ["T2"]
    keeper.close(discard=True)
