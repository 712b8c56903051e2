"""What a DICOM series is for, guessed from what it says about itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from napari_dwi.scan.info import Role

_MAP_TYPES = {"ADC", "EADC", "FA", "TENSOR"}
_MAP_NAME = re.compile(r"[_ -](e?adc|(col)?fa|tensor(_b0)?)$", re.IGNORECASE)
_COMPUTED_NAME = "CALC_BVAL"
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
    if types & _MAP_TYPES or _MAP_NAME.search(description):
        return "scanner map"
    if _COMPUTED_NAME in description.upper() or any(_COMPUTED_NAME in part for part in types):
        return "computed b"
    weighted = any(b is not None and b > 0 for b in b_values)
    if weighted or types & _DIFFUSION_TYPES or _DIFFUSION_NAME.search(description):
        return "DWI"
    return "anatomy"
