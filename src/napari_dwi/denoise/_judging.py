"""What can be said of a denoised series without knowing the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.scan import DwiSeries, format_b_value

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Judged:
    """Figures by name with unit, and sentences about them."""

    figures: Mapping[str, float]
    remarks: tuple[str, ...]


def judged_result(
    series: DwiSeries,
    targets: NDArray[np.intp],
    before: NDArray[np.float32],
    after: NDArray[np.float32],
    check: Callable[[], None],
) -> Judged:
    """Judge denoised volumes by their mean and by what is left over.

    Parameters
    ----------
    series : DwiSeries
        What was denoised.
    targets : ndarray of int
        Its volumes that were.
    before, after : ndarray, shape (x, y, z, n_targets)
        These volumes as they were and denoised.
    check : callable
        Called often; raises to stop.
    """
    from napari_dwi.measure.foreground import foreground_mask
    from napari_dwi.measure.residual_structure import remarks_on, residual_structure

    inside = foreground_mask(series, check)
    figures: dict[str, float] = {}
    structures = {}
    for step, volume in enumerate(targets):
        check()
        where = f"volume {volume}, b = {format_b_value(float(series.b_values.values[volume]))}"
        old, new = before[..., step][inside], after[..., step][inside]
        finite = np.isfinite(old) & np.isfinite(new)
        if not finite.any() or (mean := float(old[finite].mean(dtype=np.float64))) == 0:
            continue
        shift = float((new[finite] - old[finite]).mean(dtype=np.float64))
        figures[f"mean change, {where} (%)"] = round(100 * shift / mean, 4)
        figures[f"residual SD, {where}"] = float((old - new)[finite].std())
        residual = before[..., step] - after[..., step]
        guide = _guide(series, targets, after, step)
        found = residual_structure(residual, guide, inside, series.grid.slice_axis, check)
        figures |= {f"{name}, {where}": value for name, value in found.figures().items()}
        structures[where] = found
    return Judged(figures, remarks_on(structures))


def _guide(
    series: DwiSeries, targets: NDArray[np.intp], after: NDArray[np.float32], step: int
) -> NDArray[np.float32]:
    """The anatomy to look for in a residual, from other volumes.

    In the volume itself there is noise left, which is always like the noise that was taken from it.
    """
    if len(targets) > 1:
        others = [after[..., n] for n in range(len(targets)) if n != step]
    else:
        others = [series.signal[..., n] for n in range(len(series.b_values)) if n != targets[step]]
    total = np.zeros(after.shape[:3], dtype=np.float32)
    for other in others or [after[..., step]]:
        total += other
    return total
