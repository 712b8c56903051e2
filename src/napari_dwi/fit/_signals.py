"""Fits of plain arrays of signals: one voxel, a region's mean, a volume, without a scan around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_dwi.methods.method import Inputs, Method, Output
    from napari_dwi.methods.parameters import Parameters
    from napari_dwi.methods.progress import Progress
    from napari_dwi.physics.signal_models import SignalModel


@dataclass(frozen=True, eq=False)
class SignalFit:
    """What was found for some signals; arrays have their leading shape, () for a single signal.

    Parameters
    ----------
    model : SignalModel
        The signal model that was fitted.
    values : mapping of str to ndarray
        Every parameter by its name (``"f"``, ``"D"``, ``"Dstar"``, ``"S0"``): fractions, mm2/s, and S0 in
        the unit of the signal; NaN where there is no estimate.
    sd : mapping of str to ndarray
        The standard deviation of each estimate.
    r_squared : ndarray
        Coefficient of determination, 1 at best.
    status : ndarray, uint8
        What became of each signal; `meanings` says what the codes mean.
    meanings : mapping of int to str
        The status codes in words.
    sigma : float
        The noise level that was typed or estimated, in the unit of the signal; NaN if it is not known.
    notes : tuple of str
        What to know before trusting the result.
    """

    model: SignalModel
    values: Mapping[str, NDArray[np.float32]]
    sd: Mapping[str, NDArray[np.float32]]
    r_squared: NDArray[np.float32]
    status: NDArray[np.uint8]
    meanings: Mapping[int, str]
    sigma: float
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """A parameter by its name."""
        return self.values[name]

    def signal(self, b_values: ArrayLike) -> NDArray[np.float64]:
        """The fitted signals at any b-values (s/mm2), (..., n_b)."""
        values = np.stack([self.values[name] for name in self.model.names], axis=-1)
        return np.asarray(self.model.signal(b_values, values.astype(np.float64)))


def fit_signal(
    signal: ArrayLike,
    b_values: ArrayLike,
    *,
    model: str = "ivim",
    method: str = "least-squares",
    bounds: Mapping[str, tuple[float, float]] | None = None,
    guess: Mapping[str, float] | None = None,
    sigma: float | None = None,
    preset: str | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
    **settings: Any,
) -> SignalFit:
    """Fit a signal model to one signal or any number of them.

    Parameters
    ----------
    signal : array_like, shape (n_b,) or (..., n_b)
        Signals in any unit. Those that cannot be fitted (NaN, no signal, no decay) come back as NaN
        with a status that says why.
    b_values : array_like, shape (n_b,)
        b-values in s/mm2, in any order; repeats are averaged.
    model : str
        One of `napari_dwi.physics.signal_models.ALL_MODELS`; ``"ivim"`` takes D* for the whole fast
        decay, ``"ivim-dfast"`` has D + Dfast in its place.
    method : str
        A fit method, as listed by ``napari-dwi methods``.
    bounds : mapping of str to (float, float), optional
        Lowest and highest value by name of the parameter, in the units of `SignalFit.values`; others keep
        the bounds of the method or preset. S0 is free unless it is named.
    guess : mapping of str to float, optional
        Where the search starts, by name, in the same units; others are found for every signal.
    sigma : float, optional
        Noise level, in the unit of the signal; estimated where it is needed if not given.
    preset : str, optional
        One of the method's presets.
    seed, device, progress
        As for `napari_dwi.methods.running.run_method`.
    **settings
        Further parameters of the method, by the names ``napari-dwi methods`` lists.

    Returns
    -------
    SignalFit

    Raises
    ------
    BadInputError
        If the shapes do not go together, a name is unknown to the model or method, a guess lies outside
        its bounds, there are too few b-values, or no signal can be fitted.

    Examples
    --------
    >>> found = fit_signal(signal, b_values, bounds={"f": (0, 0.7), "D": (0, 4e-3)}, guess={"D": 1e-3})
    >>> found["D"], found.sd["D"], found.status
    """
    from napari_dwi.methods.registry import find_method
    from napari_dwi.methods.running import run_method
    from napari_dwi.physics.signal_models import find_model

    data = np.asarray(signal, dtype=np.float32)
    b = np.asarray(b_values, dtype=np.float64)
    _check(data, b)
    chosen, known = find_method(method, "fit"), find_model(model)
    if model not in chosen.models:
        raise BadInputError(f"{method} does not fit {model}", expected="one of " + ", ".join(chosen.models))
    named = {"model": model, **_named(known, bounds or {}, guess or {})}
    if sigma is not None:
        named["noise_sigma"] = float(sigma)
    parameters = _parameters(chosen, preset, named | settings)
    result = run_method(
        chosen,
        parameters,
        as_inputs(data.reshape(-1, data.shape[-1]), b),
        seed=seed,
        device=device,
        progress=progress,
    )
    return found_in(result.output, known, data.shape[:-1], result.record.warnings)


def as_inputs(signal: NDArray[np.float32], b_values: NDArray[np.float64]) -> Inputs:
    """Signals (n, n_b) as a series of one row, all of it in the mask."""
    from napari_dwi.methods.method import Inputs
    from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

    shape = (len(signal), 1, 1)
    grid = Grid(shape, np.eye(4), "simulated")
    series = DwiSeries(signal.reshape(*shape, -1), grid, BValues(b_values), "signals")
    return Inputs(series, mask=Volume(np.ones(shape, dtype=np.float32), grid, "mask"))


def _check(signal: NDArray[np.float32], b_values: NDArray[np.float64]) -> None:
    if b_values.ndim != 1 or not signal.ndim or signal.shape[-1] != len(b_values):
        raise BadInputError(
            "signals and b-values do not go together",
            expected="signals (..., n) and b-values (n,)",
            found=f"{signal.shape} and {b_values.shape}",
        )


def _named(
    model: SignalModel, bounds: Mapping[str, tuple[float, float]], guess: Mapping[str, float]
) -> dict[str, float]:
    """Bounds and guesses as parameters of a method."""
    from napari_dwi.fit._parameters import typed_factor

    by_name = {parameter.name: parameter for parameter in model.parameters}
    for name in (*bounds, *guess):
        if name not in by_name:
            raise BadInputError(f"{model.name} has no parameter {name}", expected=", ".join(by_name))
    found = {}
    for name, pair in bounds.items():
        factor = typed_factor(by_name[name])
        for ending, value in zip(("low", "high"), pair, strict=True):
            if np.isfinite(value):
                found[f"{name}_{ending}"] = float(value) / factor
    for name, value in guess.items():
        found[f"{name}_guess"] = float(value) / typed_factor(by_name[name])
    # S0 is a factor of all signals: whatever the others are, its best value follows at once.
    found.pop("S0_guess", None)
    return found


def _parameters(method: Method, preset: str | None, named: dict[str, Any]) -> Parameters:
    declared = {parameter.name for parameter in method.parameters.declared()}
    for name in named:
        parameter, _, ending = name.partition("_")
        if name not in declared and ending in ("low", "high", "guess"):
            what = "initial guess" if ending == "guess" else "bounds"
            raise BadInputError(f"{method.name} takes no {what} of {parameter}")
    return method.parameters.from_values(method.settings(preset).as_dict() | named)


def found_in(output: Output, model: SignalModel, shape: tuple[int, ...], notes: tuple[str, ...]) -> SignalFit:
    """The maps of a fit of signals in one row, as arrays of some shape."""
    from napari_dwi.fit._problem import status_codes
    from napari_dwi.scan import DwiSeries

    images = {image.role: image.image for image in output.images}
    sigma = output.images[0].facts["NoiseSigma"]

    def data(role: str) -> NDArray[np.float32]:
        image = images[role]
        return image.signal if isinstance(image, DwiSeries) else image.data.reshape(shape)

    sds = {name: data(f"{name} SD") for name in model.names if f"{name} SD" in images}
    return SignalFit(
        model,
        {name: data(name) for name in model.names},
        sds,
        data("R2"),
        data("status").astype(np.uint8),
        status_codes(model),
        float("nan") if sigma is None else float(sigma),
        notes,
    )
