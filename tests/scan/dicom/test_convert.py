from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import dcm2niix
import numpy as np
import pytest

from napari_dwi.errors import BadInputError, MethodFailedError, Stopped
from napari_dwi.scan.dicom.convert import convert, fingerprints
from napari_dwi.scan.dicom.folder import read_folder
from napari_dwi.scan.dicom.geometry import geometry_of

from .builder import write_series


def test_the_fingerprints_are_those_of_the_files(tmp_path: Path) -> None:
    made = write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    converted = convert(series, geometry_of(series))
    np.testing.assert_array_equal(converted.fingerprints, fingerprints(made.signal))


def test_fingerprints_survive_turning_and_tell_the_same_sum_apart(rng: np.random.Generator) -> None:
    stored = rng.integers(0, 65535, (32, 20, 3), dtype=np.uint16)
    np.testing.assert_array_equal(fingerprints(stored[::-1, ::-1]), fingerprints(stored))
    np.testing.assert_array_equal(fingerprints(stored.transpose(1, 0, 2)), fingerprints(stored))
    other = stored.astype(np.int64)
    other[0, 0], other[1, 1] = other[0, 0] + 1, other[1, 1] - 1
    assert (fingerprints(other)[..., 0] == fingerprints(stored)[..., 0]).all()
    assert (fingerprints(other)[..., 1] != fingerprints(stored)[..., 1]).all()


def test_a_result_that_lies_elsewhere_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    geometry = geometry_of(series)
    shifted = geometry.affine + np.eye(4, k=3) * 0.02
    with pytest.raises(BadInputError, match="does not lie where the headers say"):
        convert(series, replace(geometry, affine=shifted))


def test_a_result_of_another_size_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    with pytest.raises(BadInputError, match="expected 16 x 12 x 4 x 5 voxels"):
        convert(series, replace(geometry_of(series), n_volumes=5))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a script as executable")
def test_stopping_ends_a_converter_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path / "in")
    (series,) = read_folder(tmp_path / "in")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    pid_file = tmp_path / "pid"
    hanging = tmp_path / "hanging"
    hanging.write_text(
        f"#!{sys.executable}\nimport os, time\n"
        f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    hanging.chmod(0o700)
    monkeypatch.setattr(dcm2niix, "bin", str(hanging))

    def check() -> None:
        if pid_file.exists() and pid_file.read_text():
            raise Stopped

    with pytest.raises(Stopped):
        convert(series, geometry_of(series), check=check)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_converter_that_is_not_there_is_said_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path)
    (series,) = read_folder(tmp_path)
    monkeypatch.setattr(dcm2niix, "bin", str(tmp_path / "nowhere"))
    with pytest.raises(MethodFailedError, match="cannot be started"):
        convert(series, geometry_of(series))
