"""What a DICOM series is for, guessed from what it says about itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_dwi.scan.dicom.contents import MAP_TYPES
from napari_dwi.scan.info import Role

_MAP_NAME = re.compile(
    r"""(^|[^a-z])
    ([de]?adc(map)? | exp(onential)?[ _-]?adc | (col(ou?r)?|map)?fa(map)? | tensor([ _-]b0)? | adcmap
    | (exponential[ _-])?apparent[ _-]diffusion[ _-]coeff(icient|\.)? | average[ _-]dc
    | fractional[ _-]an[is]*o\w* | relative[ _-]anisotropy | (mean|axial|radial)[ _-]diffusivity)
    ([^a-z]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_COMPUTED = re.compile(
    r"""calc[ _-]?b ((?=[^a-z])|val) | (^|[^a-z])
    (cdwi | c[ _-]?b-?[ ]?\d{3,}
    | (calc(ulated)? | comp(uted)? | syn(thetic)? | extrapolated)[ _-]*
      (b[ _=-]*\d | bval | dwi | diff | high[ _-]b))""",
    re.IGNORECASE | re.VERBOSE,
)
_B_VALUES_OF_AN_ACQUISITION = 2
_LOCALISER_NAME = re.compile(r"locali[sz]er|scout|survey|(^|[^a-z])(aa)?loc([^a-z]|$)", re.IGNORECASE)
_DIFFUSION_TYPES = {"DIFFUSION", "TRACEW", "TRACE"}
_DIFFUSION_NAME = re.compile(r"(^|[^a-z])(dwi?|dti|ivim|diff(usion)?)([^a-z]|$)", re.IGNORECASE)


def role_of(
    description: str,
    image_type: str,
    b_values: Sequence[float | None],
    *,
    has_geometry: bool,
    n_directions: int,
) -> Role:
    """The role of a series.

    Parameters
    ----------
    description, image_type : str
        From the header; the parts of ``image_type`` are separated by backslashes.
    b_values : sequence of float or None
        One per frame, s/mm2.
    has_geometry : bool
        Whether every frame says where it lies.
    n_directions : int
        Number of different slice directions; localisers have three.
    """
    types = set(image_type.upper().split("\\"))
    if not has_geometry:
        return "unusable"
    if n_directions > 1 or "LOCALIZER" in types or _LOCALISER_NAME.search(description):
        return "localiser"
    # Maps and computed images keep a b-value of the series they were made of, so they come first.
    if types & MAP_TYPES:
        return "scanner map"
    if _COMPUTED.search(description) or any(_COMPUTED.search(part) for part in types):
        return "computed b"
    # A protocol may be called "DWI with ADC"; its maps have one b-value, what it acquired has several.
    if len({b for b in b_values if b is not None}) < _B_VALUES_OF_AN_ACQUISITION and _MAP_NAME.search(
        description
    ):
        return "scanner map"
    weighted = any(b is not None and b > 0 for b in b_values)
    if weighted or types & _DIFFUSION_TYPES or _DIFFUSION_NAME.search(description):
        return "DWI"
    return "anatomy"
