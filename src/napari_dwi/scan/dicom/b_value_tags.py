"""Where each vendor writes the b-value of a frame.

Every rule is one function from a header to a b-value in s/mm2, or ``None`` where the header does
not say. What a rule must know about its vendor stands beside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from napari_dwi.scan.dicom.headers import FrameHeader, first_number
from napari_dwi.scan.dicom.mosaics import csa_number

Rule = Callable[[FrameHeader], float | None]

# GE adds this to the b-values of multi-b and synthetic series, but not to the public tag
# (dcm2niix issue 602).
_GE_BIAS = 1e9
# Values of (0043,1030) in diffusion series: T2, DWI, combined, and so on (dcm2niix issue 574).
_GE_DIFFUSION_FLAGS = range(14, 20)
_GE_T2_FLAG = 14
# Philips numbers the repeats of one b-value in the third decimal: 0, 0.001, 0.002 are all b = 0.
_PHILIPS_REPEAT = 0.05
_SIEMENS_SEQUENCE = re.compile(r"\*?[a-zA-Z0-9]*_b(\d+)(t|#\d+)?")


def b_value(header: FrameHeader) -> float | None:
    """The b-value of one frame, s/mm2, or ``None`` where the header does not say."""
    vendor = header.text("Manufacturer").upper()
    rules = [rule for name, rule in _RULES if name in vendor]
    for rule in (_standard, *rules):
        value = rule(header)
        if value is not None and math.isfinite(value) and value >= 0:
            return _without_codes(value, vendor)
    return None


def complete(b_values: Sequence[float | None], vendor: str) -> tuple[float | None, ...]:
    """The b-values of all frames of a series, with those filled in whose absence means something.

    Canon and Toshiba leave the tag out where b = 0; with every other vendor absent is unknown.
    """
    weighted = any(value is not None for value in b_values)
    if weighted and any(name in vendor.upper() for name in ("CANON", "TOSHIBA")):
        return tuple(0.0 if value is None else value for value in b_values)
    return tuple(b_values)


def _standard(header: FrameHeader) -> float | None:
    value = header.number("DiffusionBValue")
    if value is None and header.text("DiffusionDirectionality") == "NONE":
        return 0.0
    return value


def _without_codes(value: float, vendor: str) -> float:
    """The b-value alone, where a vendor packs something else into the same number."""
    if vendor.startswith("GE ") and value >= _GE_BIAS:
        return value % _GE_BIAS
    if "PHILIPS" in vendor and abs(value - round(value)) < _PHILIPS_REPEAT:
        return float(round(value))
    return value


def _siemens(header: FrameHeader) -> float | None:
    value = first_number(header.find_private(0x0019, 0x0C, "SIEMENS MR HEADER"))
    if value is None:
        value = csa_number(header, "B_value")
    # "*ep_b50t", "*ep_b1000#12": also there where an anonymiser took the private elements.
    named = _SIEMENS_SEQUENCE.fullmatch(header.text("SequenceName").strip())
    nominal = None if named is None else float(named[1])
    if value is None:
        return nominal
    # Some versions store small b-values as 0 (dcm2niix issue 394): then neither is certain.
    return None if value == 0 and nominal else value


def _ge(header: FrameHeader) -> float | None:
    flag = first_number(header.find_private(0x0043, 0x30, "GEMS_PARM_01"))
    # The element is called "slop integer 6" and means other things outside diffusion imaging.
    sequence = header.text("ScanningSequence")
    if flag not in _GE_DIFFUSION_FLAGS and sequence and "EP" not in sequence:
        return None
    value = first_number(header.find_private(0x0043, 0x39, "GEMS_PARM_01"))
    if value is None:
        return 0.0 if flag == _GE_T2_FLAG else None
    return value


def _philips(header: FrameHeader) -> float | None:
    return first_number(header.find_private(0x2001, 0x03, "PHILIPS IMAGING DD 001"))


def _uih(header: FrameHeader) -> float | None:
    # The b-value that was applied, which need not be whole; the nominal one where it is missing.
    for element in (0x09, 0x0A):
        value = first_number(header.find_private(0x0065, element, "IMAGE PRIVATE HEADER"))
        if value is not None:
            return value
    return None


_RULES: tuple[tuple[str, Rule], ...] = (
    ("SIEMENS", _siemens),
    ("GE MEDICAL", _ge),
    ("GE HEALTHCARE", _ge),
    ("PHILIPS", _philips),
    ("UIH", _uih),
    ("UNITED IMAGING", _uih),
)
