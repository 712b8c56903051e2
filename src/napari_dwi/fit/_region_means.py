"""The fit of the mean signal of regions: less noise than in any voxel, and one result a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._signals import SignalFit, found_in
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import Result, run_method
from napari_dwi.scan import DwiSeries, Grid, Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.fit._parameters import FitParameters


@dataclass(frozen=True, eq=False)
class RegionFits:
    """The fits of the mean signals of regions.

    Parameters
    ----------
    names : tuple of str
        The regions, in the order of all arrays.
    n_voxels : tuple of int
        How many voxels each has.
    found : SignalFit
        One fit for each.
    result : Result
        The maps they were read from, and how these were made.
    """

    names: tuple[str, ...]
    n_voxels: tuple[int, ...]
    found: SignalFit
    result: Result

    @property
    def table(self) -> tuple[tuple[str, ...], ...]:
        """Header and rows of text: parameters in the units of files, and their standard deviations."""
        parameters = self.found.model.parameters
        units = {p.name: f" ({p.unit})" if p.unit not in ("1", "arbitrary") else "" for p in parameters}
        header = ["region", "n"]
        for parameter in parameters:
            header += [parameter.name + units[parameter.name], f"{parameter.name} SD"]
        rows = []
        for n, (name, count) in enumerate(zip(self.names, self.n_voxels, strict=True)):
            cells = [name, str(count)]
            for parameter in parameters:
                sd = self.found.sd.get(parameter.name)
                cells.append(_number(self.found[parameter.name][n]))
                cells.append("" if sd is None else _number(sd[n]))
            rows.append((*cells, _number(self.found.r_squared[n]), self._fate(n)))
        return ((*header, "R2", "status"), *rows)

    def _fate(self, n: int) -> str:
        return self.found.meanings[int(self.found.status[n])]


def fit_region_means(
    series: DwiSeries,
    regions: Mapping[str, NDArray[np.bool_]],
    method: Method,
    parameters: FitParameters,
    *,
    seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> RegionFits:
    """Fit the mean signal of each region.

    A noise level that is typed is that of the means; one that is not is estimated from their residuals.

    Parameters
    ----------
    series : DwiSeries
        The scan.
    regions : mapping of str to ndarray of bool, shape (x, y, z)
        Voxels of each region by its name.
    method, parameters, seed, device, threads, progress
        As for `napari_dwi.methods.running.run_method`.

    Raises
    ------
    BadInputError
        If a region is empty, or as `run_method`.
    """
    means, counts = [], []
    for name, voxels in regions.items():
        if not voxels.any():
            raise BadInputError(f"region {name} is empty", remedy="Draw it or choose another.")
        means.append(_mean(series.signal[voxels]))
        counts.append(int(voxels.sum()))
    inputs = _inputs(series, means)
    result = run_method(
        method, parameters, inputs, seed=seed, device=device, threads=threads, progress=progress
    )
    # What was read is the scan, whatever was fitted.
    result = replace(result, record=replace(result.record, series=series.source))
    found = found_in(result.output, parameters.signal_model, (len(means),), result.record.warnings)
    return RegionFits(tuple(regions), tuple(counts), found, result)


def _mean(signal: NDArray[Any]) -> NDArray[np.float64]:
    """Over the voxels that have a value in every volume; NaN if there are none."""
    whole = signal[np.isfinite(signal).all(axis=1)].astype(np.float64)
    return whole.mean(axis=0) if len(whole) else np.full(signal.shape[1], np.nan)


def _inputs(series: DwiSeries, means: Sequence[NDArray[np.float64]]) -> Inputs:
    shape = (len(means), 1, 1)
    grid = Grid(shape, np.eye(4), "given")
    signal = np.array(means, dtype=np.float32).reshape(*shape, -1)
    # No file holds these means.
    together = replace(series, signal=signal, grid=grid, source=None)
    return Inputs(together, mask=Volume(np.ones(shape, dtype=np.float32), grid, "mask"))


def _number(value: float) -> str:
    return f"{value:.4g}"
