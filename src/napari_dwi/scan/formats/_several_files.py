"""Images kept in two files, one with the header and one with the voxels."""

from __future__ import annotations

from pathlib import Path

from napari_dwi.errors import BadInputError


def partner_of(path: Path, suffix: str, *, why: str) -> Path:
    """The file of the same name with another suffix, in whatever case, gzipped or not.

    Raises
    ------
    BadInputError
        If it is not there.
    """
    stem = path.name.removesuffix(".gz").rpartition(".")[0]
    wanted = {(stem + suffix).lower(), (stem + suffix + ".gz").lower()}
    for file in sorted(path.parent.iterdir()):
        # The stem must be the same to the letter: two patients may differ only in case.
        if file.name.lower() in wanted and file.name.startswith(stem):
            return file
    raise BadInputError(
        f"the file with the {why} is missing",
        file=path,
        expected=f"{stem}{suffix} beside it",
        remedy="Copy both files of the pair.",
    )
