"""The signal models that can be fitted, each described once: formula, derivatives, names, units, bounds.

Maps, forms, command-line options, sidecars and plots take what they say of a model from here. To add
one, write its curve with derivatives, describe it as a `SignalModel`, and add it to `MODELS`; every fit
method that names it in its ``models`` can fit it then.

Two conventions of the IVIM model are in use, and both are here under names of their own. ``ivim``: the
fast compartment decays with D* alone (Le Bihan 1988). ``ivim-dfast``: it decays with D + Dfast (Epstein
et al. 2022, eq. 11), so that D* = D + Dfast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.floating[Any]]
    # curve(b, *shape parameters) gives the decay and its derivative by each shape parameter; all
    # arguments and results broadcast against each other and keep their precision.
    Curve = Callable[..., tuple[Array, tuple[Array, ...]]]

# Up to this b-value (s/mm2) perfusion has not begun to fade: what counts as b = 0.
UNWEIGHTED_B = 1.0


@dataclass(frozen=True)
class SignalParameter:
    """One parameter of a signal model.

    Parameters
    ----------
    name : str
        Role of its map and part of its file name (``"Dstar"``).
    symbol : str
        As written on the screen (``"D*"``).
    meaning : str
        What it is, in a few words.
    unit : str
        Unit in files; ``"1"`` for pure numbers.
    bounds : tuple of float
        Default bounds of a fit, in ``unit``.
    screen_unit : str
        Unit on the screen.
    screen_factor : float
        Multiplies values for the screen.
    screen_limits : tuple of float, optional
        Contrast limits in screen units, fixed so that scans compare; ``None`` in scanner units.
    colormap : str
        Colour map, perceptually even.
    """

    name: str
    symbol: str
    meaning: str
    unit: str
    bounds: tuple[float, float]
    screen_unit: str
    screen_factor: float
    screen_limits: tuple[float, float] | None
    colormap: str = "viridis"


@dataclass(frozen=True)
class SignalModel:
    """A signal model S = S0 x decay(b; shape parameters).

    Parameters
    ----------
    name : str
        As typed on the command line (``"ivim"``).
    title : str
        As shown in the dock.
    entity : str
        Its name in file names (BIDS ``model-``), letters and digits only.
    formula : str
        The model in one line; states the convention.
    reference : str
        Where it was published.
    shape : tuple of SignalParameter
        The parameters of the decay, in the order of the arguments of ``curve``.
    curve : callable
        ``curve(b, *shape)`` gives the decay (1 at b = 0) and its derivatives.
    needs_unweighted : bool
        Whether it cannot be told from fewer parameters without a volume at b = 0.
    """

    name: str
    title: str
    entity: str
    formula: str
    reference: str
    shape: tuple[SignalParameter, ...]
    curve: Curve
    needs_unweighted: bool = False

    @property
    def parameters(self) -> tuple[SignalParameter, ...]:
        """The parameters of the decay, then S0: the last axis of every array of values."""
        return (*self.shape, S0)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of `parameters`."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def fewest_b_values(self) -> int:
        """How many different b-values a fit needs: as many as there are parameters."""
        return len(self.parameters)

    def signal(self, b_values: ArrayLike, values: ArrayLike) -> NDArray[Any]:
        """The signal for given parameters.

        Parameters
        ----------
        b_values : array_like, shape (n,)
            b-values in s/mm2.
        values : array_like, shape (..., p)
            Parameters in the order of `parameters`, in their units; float32 stays float32.

        Returns
        -------
        ndarray, shape (..., n)
            Signal in the unit of S0.
        """
        b, shape, s0 = self._arguments(b_values, values)
        decay, _ = self.curve(b, *shape)
        return np.asarray(s0 * decay)

    def jacobian(self, b_values: ArrayLike, values: ArrayLike) -> NDArray[Any]:
        """The derivatives of the signal by every parameter.

        Parameters
        ----------
        b_values, values
            As for `signal`.

        Returns
        -------
        ndarray, shape (..., n, p)
            dS(b) / dparameter, in the order of `parameters`.
        """
        b, shape, s0 = self._arguments(b_values, values)
        decay, slopes = self.curve(b, *shape)
        columns = np.broadcast_arrays(*(s0 * slope for slope in slopes), decay)
        return np.stack(columns, axis=-1)

    def _arguments(
        self, b_values: ArrayLike, values: ArrayLike
    ) -> tuple[NDArray[Any], list[NDArray[Any]], NDArray[Any]]:
        parameters = np.asarray(values)
        if parameters.dtype != np.float32:
            parameters = parameters.astype(np.float64, copy=False)
        b = np.asarray(b_values, dtype=parameters.dtype)
        columns = [parameters[..., n, np.newaxis] for n in range(len(self.parameters))]
        return b, columns[:-1], columns[-1]


def find_model(name: str) -> SignalModel:
    """The signal model of that name.

    Raises
    ------
    BadInputError
        If there is none, naming those there are.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise BadInputError(
        f"no signal model is called {name}", expected="one of " + ", ".join(model.name for model in MODELS)
    )


def _monoexponential(b: Array, adc: Array) -> tuple[Array, tuple[Array, ...]]:
    decay = np.exp(-b * adc)
    return decay, (-b * decay,)


def _ivim(b: Array, f: Array, d: Array, d_star: Array) -> tuple[Array, tuple[Array, ...]]:
    slow, fast = np.exp(-b * d), np.exp(-b * d_star)
    tissue, blood = (1 - f) * slow, f * fast
    return tissue + blood, (fast - slow, -b * tissue, -b * blood)


def _ivim_dfast(b: Array, f: Array, d: Array, d_fast: Array) -> tuple[Array, tuple[Array, ...]]:
    decay, (by_f, by_d, by_d_star) = _ivim(b, f, d, d + d_fast)
    return decay, (by_f, by_d + by_d_star, by_d_star)


def _simplified_ivim(b: Array, f: Array, d: Array) -> tuple[Array, tuple[Array, ...]]:
    slow = np.exp(-b * d)
    blood = (b <= UNWEIGHTED_B).astype(slow.dtype)
    tissue = (1 - f) * slow
    return tissue + f * blood, (blood - slow, -b * tissue)


def _triexponential(
    b: Array, f: Array, d: Array, d_star: Array, f_mid: Array, d_mid: Array
) -> tuple[Array, tuple[Array, ...]]:
    slow, middle, fast = np.exp(-b * d), np.exp(-b * d_mid), np.exp(-b * d_star)
    tissue, between, blood = (1 - f - f_mid) * slow, f_mid * middle, f * fast
    slopes = (fast - slow, -b * tissue, -b * blood, middle - slow, -b * between)
    return tissue + between + blood, slopes


def _kurtosis_ivim(
    b: Array, f: Array, d: Array, d_star: Array, kurtosis: Array
) -> tuple[Array, tuple[Array, ...]]:
    weighting = b * d
    slow = np.exp(-weighting + weighting**2 * kurtosis / 6)
    fast = np.exp(-b * d_star)
    tissue, blood = (1 - f) * slow, f * fast
    by_d = tissue * (-b + b * weighting * kurtosis / 3)
    return tissue + blood, (fast - slow, by_d, -b * blood, tissue * weighting**2 / 6)


_PER_THOUSAND = "10⁻³ mm²/s"


def _diffusivity(
    name: str, symbol: str, meaning: str, bounds: tuple[float, float], screen: tuple[float, float]
) -> SignalParameter:
    return SignalParameter(name, symbol, meaning, "mm2/s", bounds, _PER_THOUSAND, 1000.0, screen)


def _fraction(name: str, symbol: str, meaning: str, high: float) -> SignalParameter:
    return SignalParameter(name, symbol, meaning, "1", (0.0, high), "%", 100.0, (0.0, 50.0), "magma")


S0 = SignalParameter(
    "S0", "S0", "signal without diffusion weighting", "arbitrary", (0.0, np.inf), "", 1.0, None, "gray"
)
_ADC = _diffusivity("ADC", "ADC", "apparent diffusion coefficient", (0.0, 5e-3), (0.0, 3.0))
_F = _fraction("f", "f", "perfusion fraction", 0.7)
_D = _diffusivity("D", "D", "diffusion coefficient of tissue", (0.0, 5e-3), (0.0, 3.0))
_DSTAR = _diffusivity(
    "Dstar", "D*", "pseudo-diffusion coefficient, the whole decay rate of blood", (5e-3, 0.3), (0.0, 150.0)
)
_DFAST = _diffusivity(
    "Dfast", "Dfast", "what blood decays faster than tissue, D* - D", (2e-3, 0.3), (0.0, 150.0)
)
_FMID = _fraction("fmid", "f mid", "fraction of the intermediate compartment", 0.5)
_DMID = _diffusivity(
    "Dmid", "D mid", "decay rate of the intermediate compartment", (3e-3, 20e-3), (0.0, 20.0)
)
_K = SignalParameter("K", "K", "kurtosis of tissue diffusion", "1", (0.0, 3.0), "", 1.0, (0.0, 2.0), "magma")

ADC = SignalModel(
    name="adc",
    title="ADC (mono-exponential)",
    entity="adc",
    formula="S = S0 exp(-b ADC)",
    reference="Le Bihan et al., Radiology 161 (1986) 401-407",
    shape=(_ADC,),
    curve=_monoexponential,
)
IVIM = SignalModel(
    name="ivim",
    title="IVIM (D* is the whole fast decay)",
    entity="ivim",
    formula="S = S0 [(1 - f) exp(-b D) + f exp(-b D*)]",
    reference="Le Bihan et al., Radiology 168 (1988) 497-505",
    shape=(_F, _D, _DSTAR),
    curve=_ivim,
)
IVIM_DFAST = SignalModel(
    name="ivim-dfast",
    title="IVIM (fast decay is D + Dfast)",
    entity="ivimdfast",
    formula="S = S0 [(1 - f) exp(-b D) + f exp(-b (D + Dfast))]",
    reference="Epstein et al., Choice of training label matters, MELBA (2022), eq. 11",
    shape=(_F, _D, _DFAST),
    curve=_ivim_dfast,
)
SIMPLIFIED_IVIM = SignalModel(
    name="sivim",
    title="Simplified IVIM (blood at b = 0 only)",
    entity="sivim",
    formula="S = S0 [(1 - f) exp(-b D) + f (b = 0)]",
    reference="Conklin et al., Eur J Radiol Open 3 (2016) 224-230",
    shape=(_F, _D),
    curve=_simplified_ivim,
    needs_unweighted=True,
)
TRIEXPONENTIAL = SignalModel(
    name="triexp",
    title="Tri-exponential IVIM",
    entity="triexp",
    formula="S = S0 [(1 - f - fmid) exp(-b D) + fmid exp(-b Dmid) + f exp(-b D*)]",
    reference="Cercueil et al., Eur Radiol 25 (2015) 1541-1550",
    shape=(_F, _D, _DSTAR, _FMID, _DMID),
    curve=_triexponential,
)
KURTOSIS_IVIM = SignalModel(
    name="ivim-kurtosis",
    title="IVIM with kurtosis",
    entity="ivimkurtosis",
    formula="S = S0 [(1 - f) exp(-b D + b^2 D^2 K / 6) + f exp(-b D*)]",
    reference="Lu et al., J Magn Reson Imaging 36 (2012) 1088-1096",
    shape=(_F, _D, _DSTAR, _K),
    curve=_kurtosis_ivim,
)

MODELS = (ADC, IVIM, IVIM_DFAST, SIMPLIFIED_IVIM, TRIEXPONENTIAL, KURTOSIS_IVIM)
ALL_MODELS = tuple(model.name for model in MODELS)
