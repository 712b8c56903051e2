"""``fit``: parameter maps from a diffusion series, or the parameters of regions."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_dwi.cli.methods import (
    add_method_options,
    check_threads,
    read_inputs,
    run_on_files,
    settings_of,
)
from napari_dwi.cli.output import complain, say, table, terminal_progress
from napari_dwi.errors import BadInputError
from napari_dwi.methods.method import Method
from napari_dwi.methods.provenance import relative_path, sidecar_of
from napari_dwi.methods.registry import find_method, methods_of
from napari_dwi.physics.signal_models import ALL_MODELS
from napari_dwi.scan.file_set import check_writable, file_set
from napari_dwi.scan.nifti import sha256_of

if TYPE_CHECKING:
    from napari_dwi.fit._region_means import RegionFits

# What a sidecar says of an image and not of a table.
_OF_IMAGES = ("Units", "Role", "AffineSource", "Voxels")


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    fit = commands.add_parser("fit", help="fit a signal model: ADC, IVIM")
    fit.add_argument("series", type=Path, metavar="SERIES", help="a file, a folder, or FOLDER#NUMBER")
    fit.add_argument("--model", choices=ALL_MODELS, help="signal model; the method's own choice if not given")
    add_method_options(fit)
    fit.add_argument(
        "--means-of",
        type=Path,
        metavar="LABELS",
        help="fit the mean signal of each region of a label image, in place of every voxel",
    )
    fit.set_defaults(run=_fit)


def _fit(options: argparse.Namespace) -> int:
    method = find_method(options.method, "fit")
    if options.model is not None:
        if options.model not in method.models:
            able = [other.name for other in methods_of("fit") if options.model in other.models]
            raise BadInputError(
                f"{method.name} does not know the model {options.model}",
                expected="one of " + ", ".join(method.models),
                remedy=f"Methods that know it: {', '.join(able)}.",
            )
        options.set.insert(0, f"model={options.model}")
    if options.means_of is not None:
        return _fit_means(method, options)
    return run_on_files(method, options)


def _fit_means(method: Method, options: argparse.Namespace) -> int:
    """Fit the mean signals of regions; a table on stdout, and as files."""
    from napari_dwi.fit._parameters import FitParameters
    from napari_dwi.fit._region_means import fit_region_means
    from napari_dwi.scan import resample_to
    from napari_dwi.scan.regions import read_regions

    if options.mask is not None:
        raise BadInputError("--means-of says where to fit", found="--mask besides")
    parameters = method.settings(options.preset).with_settings(settings_of(options.set))
    check_threads(options.threads)
    check_writable(options.out)
    if not isinstance(parameters, FitParameters):
        raise TypeError(f"{method.name} is no fit")
    regions = read_regions(options.means_of)
    with terminal_progress() as progress:
        series = read_inputs(options, progress).series
        labels = resample_to(regions.labels, series.grid).data
        fits = fit_region_means(
            series,
            {name: labels == code for code, name in regions.names.items()},
            method,
            parameters,
            seed=options.seed,
            device=options.device,
            threads=options.threads,
            progress=progress,
        )
    header, *rows = fits.table
    never_over = [source.path for _, source in fits.result.record.sources]
    with file_set(options.out, [options.means_of, *never_over]) as files:
        path = options.out / f"{fits.result.stem}_model-{fits.found.model.entity}_desc-means_dwimap.tsv"
        files.add_text(path, "".join("\t".join(row) + "\n" for row in (header, *rows)))
        files.add_text(path.with_suffix(".json"), json.dumps(_sidecar(fits, options), indent=2) + "\n")
    say(table(header, rows))
    for warning in fits.found.notes:
        complain(f"note: {warning}")
    return 0


def _sidecar(fits: RegionFits, options: argparse.Namespace) -> dict[str, Any]:
    """How the table came about."""
    image = replace(fits.result.output.images[0], description="Fits of the mean signal of each region")
    said = sidecar_of(fits.result.record, image, options.out)
    regions = {"Path": relative_path(options.means_of, options.out), "SHA256": sha256_of(options.means_of)}
    said["Sources"].append({"Part": "regions", **regions, "Bytes": options.means_of.stat().st_size})
    # Under its usual name, `repeat` would take this for the record of maps.
    said["MeansFittedBy"] = said.pop("Method")
    return {name: value for name, value in said.items() if name not in _OF_IMAGES}
