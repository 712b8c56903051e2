from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset

from napari_dwi.scan.dicom.headers import FrameHeader, first_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"50", 50.0),
        (b"0 ", 0.0),
        (b"1000\\8\\0\\0", 1000.0),
        (b"1e3\0", 1000.0),
        (struct.pack("<d", 929.75), 929.75),
        (struct.pack("<f", 400.0), 400.0),
        ([1_000_000_800, 8], 1_000_000_800.0),
        ("700", 700.0),
        (b"abc", None),
        (b"", None),
        ([], None),
        (None, None),
        ("Fast", None),
    ],
)
def test_numbers_survive_a_lost_vr(value: object, number: float | None) -> None:
    assert first_number(value) == number


@pytest.mark.parametrize("blocks_before", [0, 1, 5])
def test_private_elements_are_found_in_whatever_block_their_creator_has(blocks_before: int) -> None:
    dataset = Dataset()
    for other in range(blocks_before):
        dataset.private_block(0x0019, f"OTHER {other}", create=True)
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", 500)
    assert FrameHeader((dataset,)).find_private(0x0019, 0x0C, "SIEMENS MR HEADER") == 500


def test_private_elements_of_another_creator_are_not_taken() -> None:
    dataset = Dataset()
    dataset.private_block(0x0019, "SOMEONE ELSE", create=True).add_new(0x0C, "IS", 500)
    assert FrameHeader((dataset,)).find_private(0x0019, 0x0C, "SIEMENS MR HEADER") is None


def test_private_elements_are_found_when_an_anonymiser_removed_their_creator() -> None:
    dataset = Dataset()
    dataset.add_new(0x0019100C, "UN", b"500 ")
    assert FrameHeader((dataset,)).find_private(0x0019, 0x0C, "SIEMENS MR HEADER") == b"500 "
