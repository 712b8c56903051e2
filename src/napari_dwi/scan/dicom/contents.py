"""What one frame shows, and what turns its stored values into signal."""

from __future__ import annotations

from pydicom.sequence import Sequence

from napari_dwi.scan.dicom.headers import FrameHeader, first_number
from napari_dwi.scan.dicom.series import Content, Weighting

# Parts of ImageType, from the third on.
MAP_TYPES = {"ADC", "DADC", "EADC", "EXP_ADC", "FA", "COLFA", "TENSOR", "TENSOR_B0", "MD", "RA", "VR"}
_COMPONENTS = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY"}
# Values of (0043,1030) by GE (dcm2niix issue 574).
_GE_DIRECTIONAL, _GE_FA, _GE_TRACE = 16, 18, 19


def content(header: FrameHeader) -> Content:
    """Whether a frame is signal, a component of complex signal without its magnitude, or a map."""
    types = set(header.text("ImageType").upper().split("\\")[2:])
    types |= set(header.text("FrameType").upper().split("\\")[2:])
    if types & MAP_TYPES or _ge_flag(header) == _GE_FA:
        return "map"
    component = header.text("ComplexImageComponent")
    is_component = component in ("PHASE", "REAL", "IMAGINARY")
    if _is_by(header, "GE "):
        # Real and imaginary parts carry the same ImageType as magnitudes.
        kind = first_number(header.find_private(0x0043, 0x2F, "GEMS_PARM_01"))
        is_component = is_component or kind in (1, 2, 3)
    return "phase" if is_component or (not component and types & _COMPONENTS) else "signal"


def weighting(header: FrameHeader) -> Weighting:
    """Whether a frame was weighted along one direction, or is the mean of several."""
    said = header.text("DiffusionDirectionality")
    if said in ("DIRECTIONAL", "BMATRIX"):
        return "directional"
    if said == "ISOTROPIC":
        return "isotropic"
    if said == "NONE":
        return ""
    flag = _ge_flag(header)
    if flag in (_GE_DIRECTIONAL, _GE_TRACE):
        return "directional" if flag == _GE_DIRECTIONAL else "isotropic"
    # Philips: I for the mean of the directions, else the letter of an axis or O for oblique.
    letter = header.find_private(0x2001, 0x04, "PHILIPS IMAGING DD 001")
    if isinstance(letter, bytes):
        letter = letter.decode("latin-1")
    if not isinstance(letter, str) or not _is_by(header, "PHILIPS"):
        return ""
    return "isotropic" if letter.strip() == "I" else "directional"


def _ge_flag(header: FrameHeader) -> float | None:
    if not _is_by(header, "GE "):
        return None
    return first_number(header.find_private(0x0043, 0x30, "GEMS_PARM_01"))


def _is_by(header: FrameHeader, vendor: str) -> bool:
    return header.text("Manufacturer").upper().startswith(vendor)


def direction(header: FrameHeader) -> tuple[float, ...]:
    """The gradient direction by the public tags; empty where they do not say."""
    found = header.numbers("DiffusionGradientOrientation", 3)
    inner = header.find("DiffusionGradientDirectionSequence")
    if found is None and isinstance(inner, Sequence) and len(inner) > 0:
        found = FrameHeader((inner[0],)).numbers("DiffusionGradientOrientation", 3)
    return found or ()


def scaling(header: FrameHeader) -> tuple[float, float, float | None]:
    """Rescale slope and intercept, and Philips' own scale slope."""
    slope = header.number("RescaleSlope")
    scale = first_number(header.find_private(0x2005, 0x0E, "PHILIPS MR IMAGING DD 001"))
    return 1.0 if slope is None else slope, header.number("RescaleIntercept") or 0.0, scale
