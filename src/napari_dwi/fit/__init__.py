"""Fit methods, one file each; shared parts begin with an underscore.

A new fit method is one new file here. It names the signal models it knows, declares its parameters, and
says how many voxels are fitted at once::

    _MODELS = ("ivim", "adc")

    @dataclass(frozen=True, kw_only=True)
    class MyParameters(BoundedFitParameters):
        model: str = model_choice(*_MODELS)

    def _prepare(problem: FitProblem, parameters: MyParameters, context: Context) -> FitChunk:
        # Whatever is done once for all voxels: train a network, make a dictionary. Reports progress.
        def fit(signal):                       # (n_voxels, n_b), finite, with signal and decay
            return Estimates(values)           # (n_voxels, n_parameters), in problem.model.names' order
        return fit

    METHOD = Method(..., task="fit", parameters=MyParameters, run=fitter(voxel_by_voxel(_prepare)),
                    models=_MODELS)

Everything else (which volumes and voxels, status, maps with units, standard deviations, residuals,
figures) is the same for all methods and comes from `napari_dwi.fit._fitting`. Methods that look at
neighbouring voxels, such as image networks, give `fitter` a function of all voxels instead of
``voxel_by_voxel(...)``; see `napari_dwi.fit._problem.Voxels`. The contract tests in tests/fit run over
every method that is registered.

To fit signals in a script, without a scan around them, call `fit_signal`.
"""

from napari_dwi.fit._signals import SignalFit, fit_signal

__all__ = ["SignalFit", "fit_signal"]
