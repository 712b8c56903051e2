"""Parameters that all fit methods share: the model, the volumes, the noise, and named bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._problem import FREE_S0
from napari_dwi.measure.rician_sigma import SOURCES
from napari_dwi.methods.parameters import Parameters, b_value_list, choice, flag, number
from napari_dwi.physics.signal_models import (
    ALL_MODELS,
    MODELS,
    SignalModel,
    SignalParameter,
    find_model,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PER_THOUSAND = "10⁻³ mm²/s"
_LOW, _HIGH, _GUESS = "_low", "_high", "_guess"
AVERAGE, AS_GIVEN = "average", "as-given"
AUTOMATIC = "automatic"


def typed_factor(parameter: SignalParameter) -> float:
    """What turns a value of a parameter as it is typed into one in the model's units."""
    return 1e-3 if parameter.unit == "mm2/s" else 1.0


def _unit_of(parameter: SignalParameter) -> str:
    return f" {_PER_THOUSAND}" if parameter.unit == "mm2/s" else ""


def model_choice(*models: str) -> Any:
    """The parameter ``model`` of a method that knows these signal models; the first is the default."""
    return choice(models[0], models, help="Signal model; see the formula in the sidecar of every map.")


def repeats_choice(default: str) -> Any:
    """The parameter ``repeats``."""
    return choice(
        default,
        (AVERAGE, AS_GIVEN),
        help="Average repeats and directions of a b-value before the fit, or fit every volume as given.",
        advanced=True,
    )


@dataclass(frozen=True, kw_only=True)
class FitParameters(Parameters):
    """Parameters of every fit method."""

    model: str = model_choice(*ALL_MODELS)
    b_values: tuple[float, ...] = b_value_list(
        help="b-values to fit, such as 0,200,800; all of them if none is named."
    )
    noise_sigma: float = number(
        0.0,
        low=0,
        high=1e9,
        help="Noise level of single volumes, in scanner units; 0 estimates it.",
        zero="estimated",
    )
    noise_from: str = choice(
        AUTOMATIC,
        (AUTOMATIC, *SOURCES),
        help="What a noise level that is not typed is estimated from: the air around the patient, "
        "differences between repeated volumes, or what a least-squares fit leaves over.",
    )
    repeats: str = repeats_choice(AVERAGE)
    sd_maps: bool = flag(True, help="Maps of the standard deviation of every parameter.")

    @property
    def signal_model(self) -> SignalModel:
        """The model named by ``model``."""
        return find_model(self.model)

    def bounds(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest value of each shape parameter of the model, in the model's units."""
        return tuple(parameter.bounds for parameter in self.signal_model.shape)

    def s0_bounds(self) -> tuple[float, float]:
        """Lowest and highest S0 in scanner units."""
        return FREE_S0

    def start(self) -> NDArray[np.float64] | None:
        """Where the search for each shape parameter starts, in the model's units.

        ``None``, or NaN for a single parameter, leaves it to the method.
        """
        return None

    @classmethod
    def idle(cls, model: str) -> frozenset[str]:
        """Names of the parameters that change nothing when that model is fitted; forms may hide them."""
        used = set(find_model(model).names)
        others = {parameter.name for known in MODELS for parameter in known.shape} - used
        names = (parameter.name for parameter in cls.declared())
        return frozenset(name for name in names if name.partition("_")[0] in others)


def _bound(default: float, highest: float, what: str, unit: str = _PER_THOUSAND) -> Any:
    return number(default, low=0, high=highest, unit=unit, help=f"{what}.", advanced=True)


@dataclass(frozen=True, kw_only=True)
class BoundedFitParameters(FitParameters):
    """Parameters of fit methods that keep to bounds; those of other models are ignored."""

    ADC_low: float = _bound(0.0, 20, "Lowest ADC")
    ADC_high: float = _bound(5.0, 20, "Highest ADC; free water at body temperature has 3")
    f_low: float = _bound(0.0, 1, "Lowest perfusion fraction, 0 to 1", "")
    f_high: float = _bound(0.7, 1, "Highest perfusion fraction, 0 to 1; a tight one pulls f and D*", "")
    D_low: float = _bound(0.0, 20, "Lowest diffusion coefficient of tissue")
    D_high: float = _bound(5.0, 20, "Highest diffusion coefficient of tissue")
    Dstar_low: float = _bound(5.0, 1000, "Lowest pseudo-diffusion coefficient D*, the whole fast decay")
    Dstar_high: float = _bound(300.0, 1000, "Highest pseudo-diffusion coefficient D*")
    Dfast_low: float = _bound(2.0, 1000, "Lowest Dfast, by which blood decays faster than tissue")
    Dfast_high: float = _bound(300.0, 1000, "Highest Dfast")
    fmid_low: float = _bound(0.0, 1, "Lowest fraction of the intermediate compartment, 0 to 1", "")
    fmid_high: float = _bound(0.5, 1, "Highest fraction of the intermediate compartment, 0 to 1", "")
    Dmid_low: float = _bound(3.0, 1000, "Lowest decay rate of the intermediate compartment")
    Dmid_high: float = _bound(20.0, 1000, "Highest decay rate of the intermediate compartment")
    K_low: float = _bound(0.0, 10, "Lowest kurtosis of tissue", "")
    K_high: float = _bound(3.0, 10, "Highest kurtosis of tissue", "")

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter in self.signal_model.shape:
            low, high = self._typed(parameter.name)
            if not low < high:
                raise BadInputError(
                    f"the bounds of {parameter.symbol} leave nothing to fit",
                    expected=f"{parameter.name}_low below {parameter.name}_high",
                    found=f"{low:g} and {high:g}{_unit_of(parameter)}",
                )

    def bounds(self) -> tuple[tuple[float, float], ...]:
        """As `FitParameters.bounds`, as typed by the user."""
        found = []
        for parameter in self.signal_model.shape:
            factor = typed_factor(parameter)
            low, high = self._typed(parameter.name)
            found.append((low * factor, high * factor))
        return tuple(found)

    def _typed(self, name: str) -> tuple[float, float]:
        return getattr(self, name + _LOW), getattr(self, name + _HIGH)


def _guess(highest: float, what: str, unit: str = _PER_THOUSAND) -> Any:
    help_text = f"Where the search for {what} starts; 0 finds a start for every voxel."
    return number(0.0, low=0, high=highest, unit=unit, help=help_text, advanced=True, zero="automatic")


def _s0_bound(which: str) -> Any:
    help_text = f"{which} S0, in scanner units; 0 leaves it free."
    return number(0.0, low=0, high=1e9, help=help_text, advanced=True, zero="free")


@dataclass(frozen=True, kw_only=True)
class SearchParameters(BoundedFitParameters):
    """Parameters of fit methods that search step by step: also where from, and bounds of S0."""

    S0_low: float = _s0_bound("Lowest")
    S0_high: float = _s0_bound("Highest")
    ADC_guess: float = _guess(20, "the ADC")
    f_guess: float = _guess(1, "the perfusion fraction (0 to 1)", "")
    D_guess: float = _guess(20, "the diffusion coefficient of tissue")
    Dstar_guess: float = _guess(1000, "D*")
    Dfast_guess: float = _guess(1000, "Dfast")
    fmid_guess: float = _guess(1, "the fraction of the intermediate compartment (0 to 1)", "")
    Dmid_guess: float = _guess(1000, "the decay rate of the intermediate compartment")
    K_guess: float = _guess(10, "the kurtosis", "")

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.s0_bounds()
        if not low < high:
            raise BadInputError(
                "the bounds of S0 leave nothing to fit",
                expected="S0_low below S0_high",
                found=f"{low:g} and {high:g}",
            )
        for parameter in self.signal_model.shape:
            guess = getattr(self, parameter.name + _GUESS)
            low, high = self._typed(parameter.name)
            if guess and not low <= guess <= high:
                raise BadInputError(
                    f"the initial guess of {parameter.symbol} lies outside its bounds",
                    expected=f"{parameter.name}_guess from {low:g} to {high:g}{_unit_of(parameter)}",
                    found=f"{guess:g}",
                )

    def s0_bounds(self) -> tuple[float, float]:
        """As `FitParameters.s0_bounds`, as typed by the user."""
        return self.S0_low, self.S0_high or FREE_S0[1]

    def start(self) -> NDArray[np.float64] | None:
        """As `FitParameters.start`, as typed by the user."""
        shape = self.signal_model.shape
        typed = [typed_factor(parameter) * getattr(self, parameter.name + _GUESS) for parameter in shape]
        return np.array([value or np.nan for value in typed]) if any(typed) else None


# Bounds by organ, about the consensus means of the OSIPI collection (f, D*, D: brain .076, 11e-3, .83e-3;
# kidney .19, 41e-3, 1.9e-3; liver .23, 70e-3, 1.1e-3; muscle .10, 31e-3, 1.5e-3; breast .07-.11, 38-52e-3,
# 1.0-1.4e-3; pancreas .12-.20, 22-25e-3, 1.4e-3). Broad, so that they never flatten a lesion.
BOUND_PRESETS: Mapping[str, Mapping[str, float | str]] = {
    "brain": {"f_high": 0.5, "D_high": 4.0, "Dstar_low": 3.0, "Dstar_high": 150.0},
    "liver": {"f_high": 0.8, "D_high": 4.0, "Dstar_low": 10.0},
    "kidney": {"f_high": 0.8, "Dstar_low": 6.0, "Dstar_high": 200.0},
    "pancreas": {"f_high": 0.8, "Dstar_high": 200.0},
    "breast": {"f_high": 0.5, "D_high": 4.0, "Dstar_high": 200.0},
    "muscle": {"f_high": 0.5, "D_high": 4.0, "Dstar_high": 200.0},
    "osipi": {"f_high": 1.0, "Dstar_high": 200.0},
    "seed-004": {
        "model": "ivim-dfast",
        "f_low": 0.01,
        "f_high": 0.5,
        "D_low": 0.01,
        "D_high": 4.0,
    },
}
