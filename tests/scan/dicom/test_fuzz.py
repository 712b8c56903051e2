"""Damaged files give errors a user can read, and nothing else; `benchmarks/fuzz_dicom.py` tries more."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_dwi.errors import DwiError
from napari_dwi.scan.dicom import list_series, load_dwi

from .mutation import SEEDS, mutated

EXAMPLES = int(os.environ.get("NAPARI_DWI_FUZZ_EXAMPLES", "100"))
_MOST_BYTES = 200e6


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {name: tmp_path_factory.mktemp(name) for name in SEEDS}
    for name, write in SEEDS.items():
        write(folders[name])
    return folders


@settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=st.sampled_from(sorted(SEEDS)), seed=st.integers(0, 2**32 - 1))
def test_damage_gives_a_readable_error_or_none(
    originals: dict[str, Path], tmp_path: Path, temporary: Path, name: str, seed: int
) -> None:
    folder = tmp_path / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    mutated(originals[name], folder, random.Random(seed))
    tracemalloc.start()
    try:
        for read in (list_series, load_dwi):
            with contextlib.suppress(DwiError):
                read(folder)
        assert tracemalloc.get_traced_memory()[1] < _MOST_BYTES
    finally:
        tracemalloc.stop()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", SEEDS)
def test_what_is_damaged_was_whole(originals: dict[str, Path], name: str) -> None:
    assert len(load_dwi(originals[name]).b_values) == 2
