"""The posterior mean: what is known beforehand and what a voxel says, weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BoundedFitParameters, model_choice
from napari_dwi.fit._problem import FitChunk, FitProblem
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import number, whole

_MODELS = ("ivim", "ivim-dfast", "sivim", "triexp", "ivim-kurtosis", "adc")
_RATES = ("D", "Dstar", "Dfast", "ADC")


def _expected(default: float, what: str) -> Any:
    return number(default, low=0.1, high=500, unit="10⁻³ mm²/s", help=f"{what} expected beforehand (median).")


def _spread(default: float) -> Any:
    return number(
        default, low=1.01, high=100, help="How uncertain that is: one SD of the prior is a factor of this."
    )


@dataclass(frozen=True, kw_only=True)
class BayesParameters(BoundedFitParameters):
    """Parameters of the posterior mean: a broad prior, cut off at the bounds."""

    model: str = model_choice(*_MODELS)
    # Tissue cannot outrun free water, which has 3 at body temperature; pulsation adds a little.
    D_high: float = number(
        4.0,
        low=0,
        high=20,
        unit="10⁻³ mm²/s",
        help="Highest diffusion coefficient of tissue; free water has 3.",
        advanced=True,
    )
    f_prior: float = number(0.2, low=0.01, high=0.9, help="Perfusion fraction expected beforehand, 0 to 1.")
    f_prior_sd: float = number(
        0.25, low=0.01, high=10, help="How uncertain that is (SD); 10 leaves all fractions the same chance."
    )
    D_prior: float = _expected(1.4, "Diffusion coefficient of tissue")
    D_prior_spread: float = _spread(1.8)
    Dstar_prior: float = _expected(60.0, "Pseudo-diffusion coefficient D*")
    Dstar_prior_spread: float = _spread(3.0)
    Dfast_prior: float = _expected(60.0, "Dfast")
    Dfast_prior_spread: float = _spread(3.0)
    ADC_prior: float = _expected(1.4, "ADC")
    ADC_prior_spread: float = _spread(2.5)
    atoms: int = whole(
        8000, low=500, high=50_000, help="Decays the voxels are compared with; more is slower.", advanced=True
    )


def _prepare(problem: FitProblem, parameters: BayesParameters, context: Context) -> FitChunk:
    from napari_dwi.fit._posterior import LogNormal, Normal, Prior, posterior_mean

    known: dict[str, Prior] = {
        name: LogNormal(
            1e-3 * getattr(parameters, f"{name}_prior"), getattr(parameters, f"{name}_prior_spread")
        )
        for name in _RATES
    }
    known["f"] = Normal(parameters.f_prior, parameters.f_prior_sd)
    context.progress.report(0.0, "tabulating decays")
    return posterior_mean(problem, known, parameters.atoms, context.progress.check)


def _organ(f: float, d: float, d_star: float) -> dict[str, float]:
    """The default prior, as broad as it is, about the consensus means of an organ (OSIPI)."""
    return {"f_prior": f, "D_prior": d, "Dstar_prior": d_star, "Dfast_prior": d_star - d}


METHOD = Method(
    name="bayes",
    title="Bayesian posterior mean",
    task="fit",
    summary=(
        "The mean of all parameters that explain a voxel, weighed by a broad prior that you see and can "
        "edit, with calibrated standard deviations. The best single-voxel D* at low SNR; where a voxel says "
        "little, the map shows the prior."
    ),
    reference="Orton et al., Magn Reson Med 71 (2014) 411-420; Gustafsson et al., Magn Reson Med 79 (2018)",
    parameters=BayesParameters,
    run=fitter(voxel_by_voxel(_prepare, rows=512), needs_noise=True),
    presets={
        "brain": _organ(0.08, 0.85, 15.0) | {"Dstar_low": 3.0},
        "liver": _organ(0.23, 1.1, 70.0),
        "kidney": _organ(0.19, 1.9, 40.0),
        "pancreas": _organ(0.18, 1.4, 25.0),
        "breast": _organ(0.1, 1.2, 45.0),
        "muscle": _organ(0.1, 1.5, 30.0),
        "flat": {"f_prior_sd": 10.0} | {f"{name}_prior_spread": 100.0 for name in _RATES},
    },
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
