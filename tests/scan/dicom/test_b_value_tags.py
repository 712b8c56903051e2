from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from napari_dwi.scan.dicom.b_value_tags import b_value, complete
from napari_dwi.scan.dicom.headers import FrameHeader

from .dialects import DIALECTS, Dialect, ge, silent, standard


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
@pytest.mark.parametrize("b", [10, 50, 800, 2000])
def test_every_vendor_tells_its_b_value(dialect: Dialect, b: float) -> None:
    header = Dataset()
    dialect(header, b, None)
    assert b_value(FrameHeader((header,))) == b


@pytest.mark.parametrize("name", [name for name in DIALECTS if name not in ("canon", "toshiba")])
def test_every_vendor_tells_b_zero(name: str) -> None:
    header = Dataset()
    DIALECTS[name](header, 0, None)
    assert b_value(FrameHeader((header,))) == 0


def test_a_silent_header_is_unknown_and_not_zero() -> None:
    header = Dataset()
    silent(header, 500)
    assert b_value(FrameHeader((header,))) is None
    assert complete([None, None], header.Manufacturer) == (None, None)


def test_absent_means_zero_for_canon_only() -> None:
    assert complete([None, 800.0], "CANON_MEC") == (0.0, 800.0)
    assert complete([None, 800.0], "TOSHIBA_MEC") == (0.0, 800.0)
    assert complete([None, 800.0], "SIEMENS") == (None, 800.0)
    assert complete([None, None], "CANON_MEC") == (None, None)


def test_a_frame_without_diffusion_weighting_has_b_zero_without_saying_so() -> None:
    header = Dataset()
    header.DiffusionDirectionality = "NONE"
    assert b_value(FrameHeader((header,))) == 0


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_impossible_b_values_are_unknown(bad: float) -> None:
    header = Dataset()
    standard(header, bad)
    assert b_value(FrameHeader((header,))) is None


def test_ge_anatomy_does_not_become_diffusion() -> None:
    header = Dataset()
    ge(header, 800)
    header.ScanningSequence = "SE"
    header[0x0043, 0x1030].value = 3
    assert b_value(FrameHeader((header,))) is None
