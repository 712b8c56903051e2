"""A fit method as a function of signals, to measure how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.fit._parameters import FitParameters
from napari_dwi.fit._signals import as_inputs
from napari_dwi.measure.estimator_quality import Estimator
from napari_dwi.methods.method import Method
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.running import run_method
from napari_dwi.scan import Volume

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def estimator(
    method: Method,
    parameters: FitParameters,
    b_values: ArrayLike,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Estimator:
    """The estimates of a fit method, found just as for a scan.

    Parameters
    ----------
    method : Method
        A fit method.
    parameters : FitParameters
        Its parameters; maps of standard deviations are best left out.
    b_values : array_like, shape (n_b,)
        b-values of the signals, in s/mm2.
    seed : int
        Seed of the method.
    progress : Progress, optional
        Where to learn of a stop.

    Returns
    -------
    callable
        ``estimate(signal)``: parameters (n_voxels, n_parameters) of signals (n_voxels, n_b), S0 last; NaN
        where the method has no value.
    """
    names = parameters.signal_model.names
    b = np.asarray(b_values, dtype=np.float64)

    def estimate(signal: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = as_inputs(signal, b)
        result = run_method(method, parameters, inputs, seed=seed, device="cpu", progress=progress)
        maps = [result.output.image(name) for name in names]
        return np.stack([image.data[:, 0, 0] for image in maps if isinstance(image, Volume)], axis=-1)

    return estimate
