"""``measure``: statistics of regions in images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_dwi.cli.output import complain, say
from napari_dwi.cli.reading import add_allow_option
from napari_dwi.measure.regions import RegionStatistics, measure_regions, statistics_table
from napari_dwi.scan import open_image, resample_to
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import read_regions


def add_commands(commands: Any) -> None:
    """Add the commands of this module to the parser."""
    measure = commands.add_parser("measure", help="mean, SD, CV and CNR of regions")
    measure.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="series or volumes")
    measure.add_argument(
        "--roi", type=Path, required=True, metavar="LABELS", help="label image of the regions"
    )
    measure.add_argument("--background", metavar="NAME", help="region that CNR is taken against")
    measure.add_argument("--out", type=Path, metavar="FILE.tsv", help="write the table here too")
    add_allow_option(measure)
    measure.set_defaults(run=_measure)


def _measure(options: argparse.Namespace) -> int:
    regions = read_regions(options.roi)
    rows: list[RegionStatistics] = []
    for path in options.images:
        image = open_image(path, allow=options.allow)
        labels = regions.labels
        if not labels.grid.same_as(image.grid):
            labels = resample_to(labels, image.grid)
            complain(f"{path.name}: regions resampled to its grid, nearest voxel")
        rows += measure_regions(image, labels, regions.names, options.background)
    text = statistics_table(tuple(rows))
    if options.out is not None:
        with file_set(options.out.parent, (*options.images, options.roi)) as files:
            files.add_text(options.out, text)
    say(text.rstrip("\n"))
    return 0
