"""What comes of a comparison on known truth: tables, pictures, and what is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.cli.comparing.contestants import Contestant
from napari_dwi.cli.comparing.files import NO_FIGURES, add_figures, add_table, can_draw, sidecar_of
from napari_dwi.cli.output import complain, say, table
from napari_dwi.measure.estimator_quality import EstimatorQuality
from napari_dwi.measure.estimator_tables import (
    RMSE_WARNING,
    EstimatorSummary,
    crossing_rows,
    marginal_rows,
)
from napari_dwi.physics.signal_models import SignalModel, SignalParameter
from napari_dwi.scan import format_b_value
from napari_dwi.scan.file_set import file_set
from napari_dwi.text import brief

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_COLUMNS = {
    "snr": "S0 over the noise level sigma",
    "method": "name of the method in this comparison",
    "parameter": "parameter of the signal model",
    "unit": "unit of all that follows but gain and missing",
    "bias": "mean error over all tissues",
    "absolute_bias": "mean size of the mean error of each tissue",
    "sd": "mean standard deviation under repeated noise",
    "rmse": "root mean square error over all tissues and noise",
    "lowest_unbiased_sd": "mean of the lowest SD of an unbiased estimate (Cramer-Rao bound, Rician noise)",
    "gain": "mean slope of the mean estimate by the true value: 1 tells tissues apart as they are, 0 never",
    "missing": "share of the signals without an estimate, 0 to 1",
    "seconds": "time for all signals, training of networks included",
}


_OF_VALUES = {
    "Description": "Quality of each parameter as a function of its true value, averaged over the others",
    "Columns": {
        "method": _COLUMNS["method"],
        "parameter": _COLUMNS["parameter"],
        "unit": "unit of all that follows",
        "true": "true value of the parameter",
        "bias": "mean error",
        "sd": _COLUMNS["sd"],
        "rmse": "root mean square error",
        "lowest_unbiased_sd": _COLUMNS["lowest_unbiased_sd"],
    },
}
_OF_TISSUES = {
    "Description": "Estimates of every tissue under repeated noise, nothing averaged away",
    "Columns": {
        "method": _COLUMNS["method"],
        "true_NAME": "true value of a parameter, in its unit",
        "n": "signals with an estimate",
        "mean_NAME": "mean estimate",
        "sd_NAME": "standard deviation of the estimates (n - 1)",
        "rmse_NAME": "root mean square error",
    },
}


@dataclass(frozen=True, eq=False)
class Measured:
    """One method at one SNR.

    Parameters
    ----------
    contestant : Contestant
        The method, with the parameters it was run with.
    quality : EstimatorQuality
        Its estimates.
    summaries : tuple of EstimatorSummary
        A row for each parameter of the model but S0.
    seconds : float
        Time for all signals.
    """

    contestant: Contestant
    quality: EstimatorQuality
    summaries: tuple[EstimatorSummary, ...]
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """A whole comparison.

    Parameters
    ----------
    named : sequence of Contestant
        The methods, as the user named them.
    measured : mapping of float to sequence of Measured
        What was measured at each SNR.
    model : SignalModel
        The signal model.
    b_values : ndarray, shape (n_b,)
        s/mm2.
    repeats : int
        Noisy signals for each tissue.
    """

    named: Sequence[Contestant]
    measured: Mapping[float, Sequence[Measured]]
    model: SignalModel
    b_values: NDArray[np.float64]
    repeats: int


def write_outcome(
    outcome: Outcome, folder: Path, seed: int, never_over: Sequence[Path] = ()
) -> tuple[Path, ...]:
    """Write all tables and pictures, or nothing; the files but sidecars.

    Raises
    ------
    CannotWriteError
        If a file cannot be written.
    """
    draws = can_draw()
    if not draws:
        complain(NO_FIGURES)
    with file_set(folder, never_over) as files:
        paths = [add_table(files, folder / "table.tsv", _rows(outcome), _sidecar(outcome, seed))]
        for snr, runs in outcome.measured.items():
            qualities = {one.contestant.label: one.quality for one in runs}
            of_values = marginal_rows(qualities, outcome.b_values, 1 / snr)
            paths.append(add_table(files, folder / f"marginal_snr-{snr:g}.tsv", of_values, _OF_VALUES))
            of_tissues = crossing_rows(qualities)
            paths.append(add_table(files, folder / f"tissues_snr-{snr:g}.tsv", of_tissues, _OF_TISSUES))
            if draws:
                paths += add_figures(files, folder, _figures(outcome, qualities, snr))
    return tuple(paths)


def say_outcome(outcome: Outcome) -> None:
    """Say the table in screen units."""
    header = ("SNR", "method", "parameter", "bias", "SD", "RMSE", "unbiased SD", "gain", "missing %", "s")
    rows = []
    for snr, one, parameter, summary in _lines(outcome):
        unit = f" ({parameter.screen_unit})" if parameter.screen_unit else ""
        numbers = (summary.bias, summary.sd, summary.rmse, summary.limit)
        on_screen = [brief(number * parameter.screen_factor) for number in numbers]
        rest = [brief(number) for number in (summary.gain, 100 * summary.missing, one.seconds)]
        rows.append((f"{snr:g}", one.contestant.label, parameter.symbol + unit, *on_screen, *rest))
    say(table(header, rows))
    complain(f"note: {RMSE_WARNING}")


def _lines(outcome: Outcome) -> Iterator[tuple[float, Measured, SignalParameter, EstimatorSummary]]:
    for snr, runs in outcome.measured.items():
        for one in runs:
            for parameter, summary in zip(outcome.model.shape, one.summaries, strict=True):
                yield snr, one, parameter, summary


def _rows(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """The rows of the table, in the order of `_COLUMNS`."""
    for snr, one, parameter, summary in _lines(outcome):
        yield {
            "snr": snr,
            "method": one.contestant.label,
            "parameter": parameter.name,
            "unit": parameter.unit,
            "bias": summary.bias,
            "absolute_bias": summary.absolute_bias,
            "sd": summary.sd,
            "rmse": summary.rmse,
            "lowest_unbiased_sd": summary.limit,
            "gain": summary.gain,
            "missing": summary.missing,
            "seconds": round(one.seconds, 2),
        }


def _sidecar(outcome: Outcome, seed: int) -> dict[str, Any]:
    model = outcome.model
    grid = next(iter(outcome.measured.values()))[0].quality.grid
    return sidecar_of("Fits compared on known truth", _COLUMNS, outcome.named, seed) | {
        "Model": model.name,
        "Formula": model.formula,
        "BValues": outcome.b_values.tolist(),
        "SNR": list(outcome.measured),
        "Noise": "Rician; methods with the parameters noise_sigma and snr are told 1 / SNR and SNR",
        "Repeats": outcome.repeats,
        "TrueValues": {name: axis.tolist() for name, axis in zip(model.names, grid.axes, strict=True)},
        "Note": RMSE_WARNING,
    }


def _figures(
    outcome: Outcome, qualities: Mapping[str, EstimatorQuality], snr: float
) -> dict[str, Figure | None]:
    from napari_dwi.cli.comparing._figures_of_truth import arrow_figure, crossing_figure, marginal_figure

    b_values = outcome.b_values
    protocol = " ".join(format_b_value(b) for b in b_values)
    heading = f"{outcome.model.title}, SNR {snr:g}, b = {protocol} s/mm²"
    figures: dict[str, Figure | None] = {
        f"marginal_snr-{snr:g}": marginal_figure(qualities, heading, (b_values, 1 / snr)),
        f"arrows_snr-{snr:g}": arrow_figure(qualities, heading),
    }
    (first, yardstick), *others = qualities.items()
    for label, quality in others:
        name = f"tissues_snr-{snr:g}_{label}_against_{first}"
        figures[name] = crossing_figure((first, yardstick), (label, quality), heading)
    return figures
