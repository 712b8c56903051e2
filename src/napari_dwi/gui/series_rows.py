"""What the series table says about each series, in words."""

from __future__ import annotations

from collections import Counter
from html import escape

import numpy as np

from napari_dwi.gui.loading import is_series, is_volume
from napari_dwi.scan import BValues, Grid, SeriesInfo, format_b_value
from napari_dwi.scan.listing import split_series
from napari_dwi.scan.resampling import overlap

LEAST_OVERLAP = 0.01
_MOST_B_VALUES = 6
_B_VALUES_A_LINE = 4
# As many points along each axis as tell the overlap to within a per cent or two.
_POINTS_OF_OVERLAP = 24

_WHY_NOT = {
    "regions": "labels: load them in the Regions dock",
    "localiser": "a localiser is for planning only",
    "unusable": "it cannot be read",
}


def name_text(info: SeriesInfo) -> str:
    """The protocol's name for it, above what it is and where its stored axes point."""
    _, number = split_series(info.path)
    axes = "axes ?" if info.orientation == "unknown" else info.orientation
    return f"{info.description}\n{info.role} · {axes}" + (f" · #{number}" if number is not None else "")


def size_text(info: SeriesInfo) -> str:
    """Voxels and volumes, above the size of a voxel."""
    if not info.shape:
        return ""
    volumes = f" · {info.shape[3]} vol" if len(info.shape) == 4 else ""
    spacing = "×".join(f"{round(mm, 2):g}" for mm in info.spacing_mm)
    return f"{'×'.join(str(n) for n in info.shape[:3])}{volumes}\n{spacing} mm"


def b_value_text(info: SeriesInfo) -> str:
    """The different b-values, above the number of volumes where there are repeats or directions."""
    if info.role != "DWI":
        return ""
    if info.b_values is None:
        return "unknown"
    distinct = BValues(np.array(info.b_values)).distinct
    texts = [format_b_value(b) for b in distinct]
    if len(texts) > _MOST_B_VALUES:
        texts = [*texts[:3], "…", *texts[-2:]]
    several = len(info.b_values) > len(distinct) or len(distinct) > _MOST_B_VALUES
    lines = [" ".join(texts[n : n + _B_VALUES_A_LINE]) for n in range(0, len(texts), _B_VALUES_A_LINE)]
    return "\n".join(lines) + (f"\n{len(info.b_values)} volumes" if several else "")


def b_value_help(info: SeriesInfo) -> str:
    """Every b-value with the number of its volumes."""
    if info.role != "DWI":
        return ""
    click = "Click to see the volumes and to change their b-values."
    if info.b_values is None:
        return f"The b-values are not known. {click}"
    counts = Counter(np.array(info.b_values).tolist())
    lines = [
        f"{format_b_value(b)} s/mm²: {n} volume{'s' if n > 1 else ''}" for b, n in sorted(counts.items())
    ]
    return "\n".join((*lines, click))


def warning_help(info: SeriesInfo) -> str:
    """All warnings as rich text, for Qt to break into lines."""
    return "".join(f"<p>{escape(warning)}</p>" for warning in info.warnings)


def why_unusable(info: SeriesInfo, share: float | None) -> str:
    """Why it cannot be ticked; empty if it can."""
    if not (is_series(info) or is_volume(info)):
        return _WHY_NOT.get(info.role, "nothing in it can be shown")
    if is_volume(info) and share is not None and share < LEAST_OVERLAP:
        return "it does not lie over the diffusion series"
    return ""


def share_of(info: SeriesInfo, target: Grid | None) -> float | None:
    """The share of a grid that a series covers, 0 to 1; ``None`` where the headers cannot tell."""
    source = info.grid
    if source is None or target is None or not (source.orientation_known and target.orientation_known):
        return None
    steps = [max(1, n // _POINTS_OF_OVERLAP) for n in target.shape]
    x, y, z = (-(-n // step) for n, step in zip(target.shape, steps, strict=True))
    # A point in the middle of each block of voxels.
    affine = target.affine @ np.diag([*steps, 1.0])
    affine[:3, 3] = target.to_mm((np.array(steps) - 1) / 2)
    return overlap(source, Grid((x, y, z), affine))
