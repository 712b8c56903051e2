"""The posterior mean: what is known beforehand and what a voxel says, weighed against each other."""

from __future__ import annotations

from dataclasses import dataclass

from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BoundedFitParameters, model_choice
from napari_dwi.fit._problem import FitChunk, FitProblem
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import number, whole

_MODELS = ("ivim", "ivim-dfast", "sivim", "ivim-kurtosis", "adc")
_SPREAD = "; 1 SD of the prior is a factor of this"


@dataclass(frozen=True, kw_only=True)
class BayesParameters(BoundedFitParameters):
    """Parameters of the posterior mean: a broad prior, cut off at the bounds."""

    model: str = model_choice(*_MODELS)
    prior_f: float = number(0.2, low=0.01, high=0.9, help="Perfusion fraction expected beforehand, 0 to 1.")
    prior_f_sd: float = number(
        0.25, low=0.01, high=10, help="How uncertain that is (SD); 10 leaves all fractions the same chance."
    )
    prior_D: float = number(
        1.4, low=0.1, high=5, unit="10⁻³ mm²/s", help="Diffusion coefficient expected beforehand."
    )
    prior_D_spread: float = number(1.8, low=1.01, high=100, help=f"How uncertain that is{_SPREAD}.")
    prior_Dstar: float = number(
        60.0, low=1, high=500, unit="10⁻³ mm²/s", help="Pseudo-diffusion D* or Dfast expected beforehand."
    )
    prior_Dstar_spread: float = number(3.0, low=1.01, high=100, help=f"How uncertain that is{_SPREAD}.")
    atoms: int = whole(
        8000, low=500, high=50_000, help="Decays the voxels are compared with; more is slower.", advanced=True
    )


def _prepare(problem: FitProblem, parameters: BayesParameters, context: Context) -> FitChunk:
    from napari_dwi.fit._posterior import LogNormal, Normal, Prior, posterior_mean

    diffusion = LogNormal(parameters.prior_D * 1e-3, parameters.prior_D_spread)
    blood = LogNormal(parameters.prior_Dstar * 1e-3, parameters.prior_Dstar_spread)
    known: dict[str, Prior] = {
        "f": Normal(parameters.prior_f, parameters.prior_f_sd),
        "D": diffusion,
        "ADC": diffusion,
        "Dstar": blood,
        "Dfast": blood,
    }
    context.progress.report(0.0, "tabulating decays")
    return posterior_mean(problem, known, parameters.atoms)


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
        "brain": {
            "prior_f": 0.08,
            "prior_f_sd": 0.15,
            "prior_D": 0.85,
            "prior_Dstar": 15.0,
            "Dstar_low": 3.0,
        },
        "liver": {"prior_f": 0.23, "prior_D": 1.1, "prior_Dstar": 70.0},
        "kidney": {"prior_f": 0.19, "prior_D": 1.9, "prior_Dstar": 40.0},
        "pancreas": {"prior_f": 0.18, "prior_D": 1.4, "prior_Dstar": 25.0},
        "breast": {"prior_f": 0.1, "prior_D": 1.2, "prior_Dstar": 45.0},
        "muscle": {"prior_f": 0.1, "prior_D": 1.5, "prior_Dstar": 30.0},
        "flat": {"prior_f_sd": 10.0, "prior_D_spread": 100.0, "prior_Dstar_spread": 100.0},
    },
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
