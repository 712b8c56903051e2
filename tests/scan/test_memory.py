"""What takes memory is checked before it is taken, and asked about where it would take most of it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.scan import memory
from napari_dwi.scan.nifti import read_nifti, read_nifti_header

from .builder import write_nifti

BOTH_KINDS = pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
NOISE = np.random.default_rng(5).normal(500, 60, (20, 18, 10)).astype(np.float32)


@BOTH_KINDS
@pytest.mark.parametrize(
    "dim", [(3, 32767, 32767, 32767), (4, 30000, 30000, 1000, 1200), (3, 32767, 32767, 1)]
)
def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(
    tmp_path: Path, name: str, dim: tuple[int, ...]
) -> None:
    path = write_nifti(tmp_path / name, NOISE, dim=[*dim, *[1] * (8 - len(dim))])
    read_nifti_header(path)
    tracemalloc.start()
    try:
        with pytest.raises(
            BadInputError, match=r"shorter than its header says; expected \d+ bytes \(.* GB\)"
        ):
            read_nifti(path)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_larger_than_a_share_of_the_free_memory_is_asked_about(
    tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_nifti(tmp_path / ("a.nii.gz" if packed else "a.nii"), NOISE)
    monkeypatch.setattr(memory, "free_bytes", lambda: 7 * NOISE.size)
    with pytest.raises(BadInputError, match="takes most of the free memory") as caught:
        read_nifti(path)
    assert caught.value.offers == ("large-file",)
    np.testing.assert_array_equal(read_nifti(path, allow=caught.value.offers).data, NOISE)


_IN_LITTLE_MEMORY = """if True:
    import resource, sys
    from pathlib import Path
    import nibabel, psutil
    from napari_dwi.errors import BadInputError
    from napari_dwi.scan.nifti import read_nifti
    taken = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv[2]), -1))
    try:
        print(read_nifti(Path(sys.argv[1]), allow=sys.argv[3:]).data.nbytes)
    except BadInputError as err:
        print(*err.offers, str(err))
"""


def _read_in_little_memory(path: Path, n_bytes: int, *allow: str) -> str:
    words = [sys.executable, "-c", _IN_LITTLE_MEMORY, str(path), str(n_bytes), *allow]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit to the address space")
def test_with_little_memory_left_an_image_is_read_asked_about_or_refused(tmp_path: Path) -> None:
    # 16 MB as stored, 64 MB as float32.
    path = write_nifti(tmp_path / "a.nii.gz", np.zeros((256, 256, 256), np.uint8), scl_slope=0.5)
    assert _read_in_little_memory(path, 300_000_000) == f"{4 * 256**3}"
    assert _read_in_little_memory(path, 100_000_000).startswith("large-file")
    assert "not enough memory" in _read_in_little_memory(path, 60_000_000, "large-file")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit to the address space")
@pytest.mark.parametrize("members", [1, 2])
def test_a_gzip_that_holds_less_than_promised_takes_only_what_it_holds(tmp_path: Path, members: int) -> None:
    # 3 MB packed could hold the 0.5 GB (2 GB as float32) that the header promises.
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 130), np.uint8)
    path = write_nifti(tmp_path / "a.nii", noise, dim=[3, 800, 800, 800, 1, 1, 1, 1])
    content = path.read_bytes()
    parts = (content[: len(content) // members], content[len(content) // members :])
    (tmp_path / "a.nii.gz").write_bytes(b"".join(gzip.compress(part, 1) for part in parts if part))
    said = _read_in_little_memory(tmp_path / "a.nii.gz", 250_000_000, "large-file")
    assert "ends too early" in said
