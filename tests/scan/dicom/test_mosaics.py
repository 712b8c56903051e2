from __future__ import annotations

from pydicom.dataset import Dataset

from napari_dwi.scan.dicom.b_value_tags import b_value
from napari_dwi.scan.dicom.headers import FrameHeader
from napari_dwi.scan.dicom.mosaics import slices_in_mosaic

from .dialects import csa_header


def test_a_cut_csa_header_is_unknown() -> None:
    header = Dataset()
    header.Manufacturer = "SIEMENS"
    whole = csa_header({"B_value": "800"})
    header.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", whole[:60])
    assert b_value(FrameHeader((header,))) is None


def test_mosaics_say_how_many_slices_they_hold() -> None:
    header = Dataset()
    header.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    assert slices_in_mosaic(FrameHeader((header,))) == 1
    csa = header.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    csa.add_new(0x10, "OB", csa_header({"NumberOfImagesInMosaic": "25"}))
    assert slices_in_mosaic(FrameHeader((header,))) == 25
    block = header.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    # 12345 as two bytes reads "90" when taken for text.
    block.add_new(0x0A, "UN", (12345).to_bytes(2, "little"))
    assert slices_in_mosaic(FrameHeader((header,))) == 12345
