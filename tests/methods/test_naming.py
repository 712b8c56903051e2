from __future__ import annotations

import pytest

from napari_dwi.methods.naming import stem_and_suffix


@pytest.mark.parametrize(
    ("name", "is_volume", "expected"),
    [
        ("sub-01_dwi", False, ("sub-01", "dwi")),
        ("scan", False, ("scan", "dwi")),
        ("sub-01_T1w", True, ("sub-01", "T1w")),
        ("sub-01_acq-a_FLAIR", True, ("sub-01_acq-a", "FLAIR")),
        ("T1w", True, ("T1w", "anat")),
        ("mouse_3", True, ("mouse_3", "anat")),
    ],
)
def test_results_are_named_as_bids_has_it(name: str, is_volume: bool, expected: tuple[str, str]) -> None:
    assert stem_and_suffix(name, is_volume=is_volume) == expected
