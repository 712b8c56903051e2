"""What the methods of a comparison are held against: true maps, or a scan with less noise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_dwi.cli.comparing.maps import MapSet, fitted_maps, volumes_by_name
from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.signal_models import SignalModel
from napari_dwi.scan import DwiSeries, open_image
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.nifti import is_nifti_name

LABEL = "reference"
# Where a scan with less noise is the reference, its maps come from the standard fit.
REFERENCE_FIT = "least-squares"
_PARAMETER = re.compile(r"_param-([A-Za-z0-9]+)_(?!desc-)")


def reference_maps(
    paths: Sequence[Path],
    inputs: Inputs,
    model: SignalModel | None,
    allow: Sequence[Allowance] = (),
    progress: Progress | None = None,
) -> MapSet:
    """Read the reference of a comparison.

    Parameters
    ----------
    paths : sequence of Path
        For fits, maps whose names carry ``param-NAME``, folders of them, or one series, which is
        fitted by least squares. For denoisers, one series.
    inputs : Inputs
        What the methods work on; the reference lies on the same grid.
    model : SignalModel or None
        What is fitted; ``None`` for denoisers.
    allow : sequence of str
        What may be done with doubtful files.
    progress : Progress, optional
        Where to learn of a stop.

    Raises
    ------
    BadInputError
        If a file cannot be read or lies on another grid, or there is nothing that the methods find.
    """
    progress = progress or Progress()
    maps = {}
    for path in _files(paths):
        image = open_image(path, allow=tuple(allow), check=progress.check)
        if not image.grid.same_as(inputs.series.grid):
            raise BadInputError(
                "the reference does not lie on the grid of the series",
                file=path,
                expected=f"size {inputs.series.grid.shape}",
                found=f"size {image.grid.shape}",
            )
        if isinstance(image, DwiSeries):
            return _of_series(image, path, inputs, model, progress)
        maps[_name(path)] = image
    known = [] if model is None else [name for name in model.names if name in maps]
    if not known:
        wanted = "a series" if model is None else "maps of " + ", ".join(model.names) + ", or a series"
        raise BadInputError(
            "the reference holds nothing that the methods find", expected=wanted, file=paths[0]
        )
    return MapSet(
        LABEL,
        {name: maps[name].data for name in known},
        {parameter.name: parameter.unit for parameter in model.parameters} if model else {},
    )


def _files(paths: Sequence[Path]) -> list[Path]:
    found = []
    for path in paths:
        if path.is_dir():
            maps = [
                one for one in sorted(path.iterdir()) if is_nifti_name(one) and _PARAMETER.search(one.name)
            ]
            if not maps:
                raise BadInputError(
                    "there are no maps in this folder", file=path, expected="names with param-NAME"
                )
            found += maps
        else:
            found.append(path)
    return found


def _name(path: Path) -> str:
    match = _PARAMETER.search(path.name)
    return match[1] if match else path.name


def _of_series(
    series: DwiSeries, path: Path, inputs: Inputs, model: SignalModel | None, progress: Progress
) -> MapSet:
    if model is None:
        if len(series.b_values) != len(inputs.series.b_values):
            raise BadInputError(
                "the reference does not have the volumes of the series",
                file=path,
                expected=f"{len(inputs.series.b_values)} volumes",
                found=f"{len(series.b_values)}",
            )
        return volumes_by_name(LABEL, series)
    method = find_method(REFERENCE_FIT, "fit")
    if model.name not in method.models:
        raise BadInputError(
            f"a series cannot be the reference for {model.title}", file=path, expected="parameter maps"
        )
    parameters = method.settings().with_settings({"model": model.name, "sd_maps": "no"})
    quiet = Progress(stop_asked=progress.stop_asked)
    result = run_method(method, parameters, replace(inputs, series=series, anatomy=()), progress=quiet)
    return fitted_maps(LABEL, result.output, model, float("nan"))
