"""The names of results, as BIDS has them."""

from __future__ import annotations

_SERIES = "dwi"
_UNKNOWN = "anat"
# Suffixes of anatomical images in BIDS 1.10.
_VOLUMES = (
    "T1w", "T2w", "T2starw", "PDw", "PDT2", "FLAIR", "UNIT1", "MTw", "inplaneT1", "inplaneT2", "angio", "swi",
    "T1map", "T2map", "T2starmap", "PDmap",
)  # fmt: skip


def stem_and_suffix(name: str, *, is_volume: bool) -> tuple[str, str]:
    """What comes before and what comes after the entities of a result's file name.

    Parameters
    ----------
    name : str
        The name of the image it was made from: ``"sub-01_T1w"``.
    is_volume : bool
        Whether that is a single image, not a diffusion series.

    Returns
    -------
    str, str
        ``("sub-01", "T1w")``. A name that BIDS does not know is the stem as it is, and the suffix
        is ``"anat"``; of diffusion series it is always ``"dwi"``.
    """
    if not is_volume:
        return name.removesuffix(f"_{_SERIES}"), _SERIES
    stem, _, last = name.rpartition("_")
    return (stem, last) if stem and last in _VOLUMES else (name, _UNKNOWN)
