"""What the maps of a fit say of one voxel or one region: numbers, and the curve through the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.fit._signals import SignalFit
from napari_dwi.methods.method import Output
from napari_dwi.physics.signal_models import SignalModel, find_model
from napari_dwi.scan import DwiSeries, Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# As many voxels settle the mean curve of a region; more only cost time.
_MOST_VOXELS = 4000


@dataclass(frozen=True, eq=False)
class Readout:
    """A fit at some voxels.

    Parameters
    ----------
    model : SignalModel
        What was fitted.
    n : int
        How many of the voxels were fitted.
    mean : ndarray, shape (p,)
        Mean of each parameter over them, in the order and units of ``model.parameters``.
    spread : ndarray, shape (p,)
        Their standard deviation over the voxels (n - 1); NaN for a single one.
    uncertainty : ndarray, shape (p,)
        Root mean square of the standard deviation of a single voxel's estimate; NaN where the fit
        has no such maps.
    curve : ndarray, shape (m,)
        Mean of the fitted signals of the voxels at the b-values asked for, in scanner units.
    status : str
        What became of the voxels, in words; empty if all were fitted.
    """

    model: SignalModel
    n: int
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    curve: NDArray[np.float64]
    status: str


def read_fit(output: Output, voxels: NDArray[np.bool_], b_values: ArrayLike) -> Readout | None:
    """Read the maps of a fit at some voxels.

    Parameters
    ----------
    output : Output
        What a fit method gave; anything else has no readout.
    voxels : ndarray of bool, shape (x, y, z)
        Where to read.
    b_values : array_like, shape (m,)
        b-values (s/mm2) of the curve.

    Returns
    -------
    Readout or None
        ``None`` if the output is not that of a fit, or none of the voxels was fitted.
    """
    by_role = {image.role: image for image in output.images}
    facts = output.images[0].facts
    if "Model" not in facts:
        return None
    model = find_model(str(facts["Model"]))

    def at_voxels(role: str) -> NDArray[np.float64] | None:
        image = by_role[role].image if role in by_role else None
        if not isinstance(image, Volume):
            return None
        return image.data[voxels].astype(np.float64)

    maps = [at_voxels(name) for name in model.names]
    if any(values is None for values in maps):
        return None
    values = np.stack([values for values in maps if values is not None], axis=-1)
    fitted = np.isfinite(values).all(axis=-1)
    if not (n := int(fitted.sum())):
        return None
    values = values[fitted]
    sds = [at_voxels(f"{name} SD") for name in model.names]
    uncertainty = np.array([np.nan if sd is None else _root_mean_square(sd[fitted]) for sd in sds])
    some = values[:: max(1, n // _MOST_VOXELS)]
    return Readout(
        model,
        n,
        values.mean(axis=0),
        values.std(axis=0, ddof=1) if n > 1 else np.full(values.shape[1], np.nan),
        uncertainty,
        np.asarray(model.signal(b_values, some).mean(axis=0), dtype=np.float64),
        _status(output, voxels),
    )


def read_signal_fit(found: SignalFit, place: int, b_values: ArrayLike) -> Readout | None:
    """Read the fit of one of several signals, such as the mean signals of regions.

    Parameters
    ----------
    found : SignalFit
        Fits of signals (n, n_b).
    place : int
        Which of them.
    b_values : array_like, shape (m,)
        b-values (s/mm2) of the curve.

    Returns
    -------
    Readout or None
        ``None`` if it could not be fitted.
    """
    names = found.model.names
    mean = np.array([found[name][place] for name in names], dtype=np.float64)
    if not np.isfinite(mean).all():
        return None
    unknown = np.full(len(names), np.nan)
    sd = [found.sd[name][place] for name in names] if found.sd else unknown
    said = found.meanings[int(found.status[place])]
    curve = np.asarray(found.model.signal(b_values, mean), dtype=np.float64)
    status = "" if said == "fitted" else said
    return Readout(found.model, 1, mean, unknown, np.array(sd, dtype=np.float64), curve, status)


def mean_signal(
    series: DwiSeries, voxels: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The measured decay of some voxels.

    Parameters
    ----------
    series : DwiSeries
        The scan.
    voxels : ndarray of bool, shape (x, y, z)
        Where to read.

    Returns
    -------
    b_values, mean, spread : ndarray, shape (n,)
        b-value (s/mm2) of every volume, and mean and standard deviation (n - 1, NaN for a single
        voxel) of the signal over the voxels that have one, in scanner units.
    """
    signal = series.signal[voxels].astype(np.float64)
    count = np.isfinite(signal).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(np.where(np.isfinite(signal), signal, 0), axis=0) / count
        deviation = np.where(np.isfinite(signal), signal - mean, 0)
        spread = np.sqrt((deviation**2).sum(axis=0) / (count - 1))
    return series.b_values.values, mean, np.where(count > 1, spread, np.nan)


def _root_mean_square(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(np.sqrt((known**2).mean())) if known.size else float("nan")


def _status(output: Output, voxels: NDArray[np.bool_]) -> str:
    """The fates of the voxels by how often they occur, without those that are simply fitted."""
    for image in output.images:
        if image.role == "status" and isinstance(image.image, Volume) and image.display is not None:
            codes, counts = np.unique(image.image.data[voxels].astype(int), return_counts=True)
            known = image.display.codes
            fates = [(int(n), known.get(int(code), "")) for code, n in zip(codes, counts, strict=True)]
            noted = sorted(((n, fate) for n, fate in fates if fate != "fitted"), reverse=True)
            if len(fates) == 1:
                return noted[0][1] if noted else ""
            return ", ".join(f"{n} {fate}" for n, fate in noted)
    return ""
