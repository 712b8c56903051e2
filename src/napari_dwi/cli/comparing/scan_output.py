"""What comes of a comparison on a scan: maps, tables, pictures, and what is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.cli.comparing.contestants import Contestant
from napari_dwi.cli.comparing.files import NO_FIGURES, add_figures, add_table, can_draw, sidecar_of
from napari_dwi.cli.comparing.maps import (
    AGREEMENT_COLUMNS,
    COLUMNS,
    ERROR_COLUMNS,
    MapSet,
    agreement_rows,
    table_rows,
)
from napari_dwi.cli.comparing.reference import REFERENCE_FIT
from napari_dwi.cli.output import complain, say, table
from napari_dwi.measure.estimator_tables import RMSE_WARNING
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.provenance import relative_path
from napari_dwi.methods.running import Result, add_result
from napari_dwi.physics.signal_models import SignalModel, SignalParameter
from napari_dwi.scan.file_set import file_set
from napari_dwi.text import brief

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Compared:
    """What came of the methods of a comparison on one scan.

    Parameters
    ----------
    inputs : Inputs
        What they worked on.
    model : SignalModel or None
        What was fitted; ``None`` for denoisers.
    regions : mapping of str to ndarray of bool, shape (x, y, z)
        Where they are measured.
    results : mapping of str to Result
        By the names of the methods.
    sets : tuple of MapSet
        Their maps in the same order; for denoisers after those of the input.
    reference : MapSet or None
        What they are held against.
    """

    inputs: Inputs
    model: SignalModel | None
    regions: Mapping[str, NDArray[np.bool_]]
    results: Mapping[str, Result]
    sets: tuple[MapSet, ...]
    reference: MapSet | None

    @property
    def sets_with_reference(self) -> tuple[MapSet, ...]:
        """The maps of all methods after those of the reference, if there is one."""
        return self.sets if self.reference is None else (self.reference, *self.sets)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The maps that are drawn: all parameters but S0, or that of the highest b-value."""
        if self.model is not None:
            return tuple(parameter.name for parameter in self.model.shape)
        computed = self.sets[-1].maps
        return (max(computed, key=lambda name: float(name.removeprefix("b=").split()[0])),)

    def parameter(self, name: str) -> SignalParameter | None:
        """The parameter of a map; ``None`` for volumes."""
        known = () if self.model is None else self.model.parameters
        return next((parameter for parameter in known if parameter.name == name), None)


@dataclass(frozen=True, eq=False)
class Circumstances:
    """How a comparison was made.

    Parameters
    ----------
    named : sequence of Contestant
        The methods, with the parameters they ran with.
    failed : mapping of str to str
        Why a method gave nothing, by its name.
    sigma : float or None
        The noise level that all were told, in scanner units.
    seed : int
        Seed of the random numbers.
    reference : tuple of Path
        The files of the reference.
    """

    named: Sequence[Contestant]
    failed: Mapping[str, str]
    sigma: float | None
    seed: int
    reference: tuple[Path, ...]


def write_compared(
    compared: Compared, made: Circumstances, folder: Path, never_over: Iterable[Path] = ()
) -> tuple[Path, ...]:
    """Write the maps of every method into a folder of its own, all tables and pictures, or nothing.

    Raises
    ------
    CannotWriteError
        If a file cannot be written.
    """
    draws = can_draw()
    if not draws:
        complain(NO_FIGURES)
    sources = [source for result in compared.results.values() for _, source in result.record.sources]
    with file_set(folder, [*never_over, *(source.path for source in sources)]) as files:
        rows = table_rows(compared.sets, compared.regions, compared.reference)
        paths = [add_table(files, folder / "table.tsv", rows, _sidecar(compared, made, folder))]
        if len(compared.sets) > 1:
            agreeing = agreement_rows(compared.sets, compared.regions)
            about = {"Description": "Agreement of each pair of methods", "Columns": AGREEMENT_COLUMNS}
            paths.append(add_table(files, folder / "agreement.tsv", agreeing, about))
        if draws:
            from napari_dwi.cli.comparing._figures_of_scan import figures_of_scan

            paths += add_figures(files, folder, figures_of_scan(compared))
        for label, result in compared.results.items():
            paths += add_result(files, result, files.add_folder(folder / label))
    return tuple(paths)


def say_compared(compared: Compared) -> None:
    """Say the table in screen units."""
    screen = {} if compared.model is None else {p.name: p for p in compared.model.parameters}
    with_errors = compared.reference is not None
    shares = {"missing": "missing %"} | ({} if compared.model is None else {"at_bound": "at bound %"})
    header = ["method", "region", "parameter", "n", "mean", "SD", "median", *shares.values()]
    rows = []
    for row in table_rows(compared.sets, compared.regions, compared.reference):
        parameter = screen.get(row["parameter"])
        factor = 1.0 if parameter is None else parameter.screen_factor
        unit = f" ({parameter.screen_unit})" if parameter is not None and parameter.screen_unit else ""
        symbol = row["parameter"] if parameter is None else parameter.symbol
        numbers = [brief(factor * row[name]) for name in ("mean", "sd", "median")]
        cells = [row["method"], row["region"], symbol + unit, str(row["n"]), *numbers]
        cells += [brief(100 * row[name]) for name in shares]
        if with_errors:
            cells += [brief(factor * row[name]) for name in ("bias", "rmse")] + [brief(row["psnr_db"])]
        rows.append(["-" if cell == "nan" else cell for cell in cells])
    say(table([*header, *(["bias", "RMSE", "PSNR dB"] if with_errors else [])], rows))
    if with_errors:
        complain(f"note: {RMSE_WARNING}")


def _sidecar(compared: Compared, made: Circumstances, folder: Path) -> dict[str, Any]:
    model, reference = compared.model, compared.reference
    columns = COLUMNS | (ERROR_COLUMNS if reference is not None else {})
    description = "Denoisers compared on a scan" if model is None else "Fits compared on a scan"
    said = sidecar_of(description, columns, made.named, made.seed)
    for label, result in compared.results.items():
        record = result.record
        facts = {"Device": record.device, "Seconds": record.seconds, "Warnings": list(record.warnings)}
        said["Methods"][label] |= facts
    for label, why in made.failed.items():
        said["Methods"][label] |= {"Failed": why}
    said |= {
        "BValues": compared.inputs.series.b_values.values.tolist(),
        "NoiseSigma": made.sigma,
        "Regions": {name: int(inside.sum()) for name, inside in compared.regions.items()},
        "Note": RMSE_WARNING,
    }
    source = compared.inputs.series.source
    if source is not None:
        path = relative_path(source.path, folder)
        said["Sources"] = [
            {"Part": "series", "Path": path, "SHA256": source.sha256, "Bytes": source.size_bytes}
        ]
    if model is not None:
        said |= {"Model": model.name, "Formula": model.formula}
    if reference is not None:
        said["Reference"] = {
            "Paths": [relative_path(path, folder) for path in made.reference],
            "Maps": list(reference.maps),
            "FitOfASeries": None if model is None else REFERENCE_FIT,
        }
    return said
