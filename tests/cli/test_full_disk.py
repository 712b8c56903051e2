from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ..synthetic import files_below, make_series, save_series

# What the system allows a single file: less than the image, more than its .bval.
_LIMIT_BYTES = 2_000


def denoise(scan: Path, out: Path, limit_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """Denoise in a process of its own, with files limited as on a full disk."""
    limit = (
        ""
        if limit_bytes is None
        else f"""
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes}))"""
    )
    script = f"""if True:
        import sys{limit}
        from napari_dwi.cli import main
        sys.exit(main(sys.argv[1:]))"""
    arguments = ["denoise", str(scan), "--method", "gaussian", "--out", str(out)]
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_one_line_and_leaves_the_earlier_result_byte_for_byte(tmp_path: Path) -> None:
    scan = tmp_path / "scan" / "brain.nii.gz"
    save_series(make_series().series, scan)
    first = denoise(scan, tmp_path / "out")
    assert first.returncode == 0, first.stderr
    before = files_below(tmp_path)
    full = denoise(scan, tmp_path / "out", _LIMIT_BYTES)
    assert full.returncode == 2, full.stderr
    *progress, line = full.stderr.strip().splitlines()
    assert all("%" in said for said in progress)
    assert "brain_desc-gaussian_dwi.nii.gz: cannot be written; found File too large" in line
    assert "free space" in line
    assert files_below(tmp_path) == before
    again = denoise(scan, tmp_path / "out")
    assert again.returncode == 0
    assert files_below(tmp_path).keys() == before.keys()


@pytest.mark.parametrize("place", ["below a file", "the file itself"])
def test_a_place_where_no_folder_can_be_is_told_and_the_file_kept(tmp_path: Path, place: str) -> None:
    scan = tmp_path / "scan" / "brain.nii.gz"
    save_series(make_series().series, scan)
    (tmp_path / "file").write_text("in the way")
    before = files_below(tmp_path)
    done = denoise(scan, tmp_path / "file" / "out" if place == "below a file" else tmp_path / "file")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert str(tmp_path / "file") in line
    assert "cannot be written" in line
    assert files_below(tmp_path) == before
