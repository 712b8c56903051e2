"""What files and folders hold, told from headers alone."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.archives import is_archive_name
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.formats import all_formats, format_of, is_claimed, is_image_name
from napari_dwi.scan.gradient_files import gradients_of
from napari_dwi.scan.image_file import Check
from napari_dwi.scan.info import Role, SeriesInfo
from napari_dwi.scan.json_files import read_json
from napari_dwi.scan.nifti import is_nifti_name, stem_of

_REGION_WORDS = {"dseg", "probseg", "mask", "seg", "roi", "rois", "labels"}
_MAP_SUFFIXES = ("dwimap", "adc", "expadc", "s0map", "fa", "colfa")
# Of a whole archive of studies nobody could choose from a table.
_MOST_IMAGES = 500
_DEEPEST_FOLDER = 8
# What is asked when an image is opened does not keep it out of the table.
_ASKED_WHEN_OPENED: tuple[Allowance, ...] = ("voxel-sizes", "magnitude")
# Endings that other programs use for other things.
_AMBIGUOUS_SUFFIXES = (".par", ".hdr")


def list_series(
    path: Path | str, *, allow: Collection[Allowance] = (), check: Check | None = None
) -> tuple[SeriesInfo, ...]:
    """What a file or folder holds, without loading voxels.

    Parameters
    ----------
    path : path or str
        An image file, a folder with image files, or a DICOM folder or archive. Folders within are
        looked into where the folder itself holds no image file.
    allow : collection of str
        As for `open_image`: the unit of b-values, for example.
    check : callable, optional
        Called for every file; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If there is nothing readable.
    """
    path = Path(path)
    folder, number = split_series(path)
    if number is not None or (is_archive_name(folder) and folder.is_file()):
        found = _dicom_series(folder, check)
        return tuple(info for info in found if number is None or split_series(info.path)[1] == number)
    if not folder.is_dir() or is_image_folder(folder):
        return (_file_info(path, allow),)
    try:
        images = sorted(file for file in folder.iterdir() if _is_image(file))
    except OSError as err:
        raise BadInputError("cannot be read", file=folder, found=err.strerror) from err
    if images:
        return tuple(_info_or_why_not(file, allow, check) for file in images)
    images = list(_images_below(folder, check))
    try:
        dicom_series = _dicom_series(folder, check)
    except BadInputError:
        if not images:
            raise
        dicom_series = ()
    return (*dicom_series, *(_info_or_why_not(file, allow, check) for file in images))


def split_series(path: Path) -> tuple[Path, str | None]:
    """Split ``folder#5`` or ``folder#8+9`` into the folder and what is chosen; other paths have none.

    Raises
    ------
    BadInputError
        If the system does not take the path, or does not let this user look there.
    """
    match = re.fullmatch(r"(.+)#(\w+(?:\+\w+)*)", str(path))
    try:
        exists = path.exists()
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err
    if match is None or exists:
        return path, None
    return Path(match[1]), match[2]


def image_name(path: Path) -> str:
    """A short name for an image: that of its file without suffixes."""
    if is_image_folder(path.parent):
        path = path.parent
    if path.is_dir():
        # ParaVision: study/scan/pdata/reconstruction.
        return "-".join(part for part in path.parts[-3:] if part != "pdata")
    return stem_of(path) if is_nifti_name(path) else Path(path.name.removesuffix(".gz")).stem


def is_image_folder(folder: Path) -> bool:
    """Whether a folder is an image, as ParaVision keeps them, rather than holding images."""
    return folder.is_dir() and any(one.claims(folder, b"") for one in all_formats())


def _dicom_series(folder: Path, check: Check | None) -> tuple[SeriesInfo, ...]:
    from napari_dwi.scan import dicom

    return tuple(dicom.list_series(folder, check=check))


def _is_image(file: Path) -> bool:
    # macOS leaves files of its own beside others: "._scan.nii.gz" is no image.
    if file.name.startswith("."):
        return False
    # A broken link is listed with its error, and a folder called x.nii is a folder.
    if not is_image_name(file) or file.is_dir():
        return False
    return not file.name.lower().endswith(_AMBIGUOUS_SUFFIXES) or is_claimed(file)


def _images_below(folder: Path, check: Check | None) -> Iterator[Path]:
    n_found = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        if check is not None:
            check()
        depth = len(here.relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and depth < _DEEPEST_FOLDER)
        found = [here] if is_image_folder(here) else [here / name for name in sorted(files)]
        for image in found:
            if (image is here or _is_image(image)) and n_found < _MOST_IMAGES:
                n_found += 1
                yield image


def _info_or_why_not(path: Path, allow: Collection[Allowance], check: Check | None) -> SeriesInfo:
    """What a file holds; one that cannot be read must not hide its neighbours."""
    if check is not None:
        check()
    try:
        return _file_info(path, allow)
    except BadInputError as err:
        return SeriesInfo(path, image_name(path), "unusable", (), (), "unknown", warnings=(str(err),))


def _file_info(path: Path, allow: Collection[Allowance]) -> SeriesInfo:
    header = format_of(path).read_header(path, _ASKED_WHEN_OPENED)
    sidecar, warnings = _sidecar(path)
    warnings = (*header.notes, *warnings)
    n_volumes = header.shape[3] if len(header.shape) == 4 else 1
    b_values: BValues | None = None
    role = _role_of_volume(path, sidecar)
    try:
        b_values, notes = gradients_of(path, image_name(path), n_volumes, None, header.b_values, allow)
        if n_volumes > 1 and b_values is None:
            notes = (*notes, "the b-values of this series are not known")
        warnings = (*warnings, *notes)
    except BadInputError as err:
        warnings = (*warnings, str(err))
        role = "DWI"
    if n_volumes > 1 or b_values is not None:
        role = "DWI"
        if b_values is not None and len(b_values.distinct) == 1:
            warnings = (*warnings, "only one b-value: opens as anatomy")
    return SeriesInfo(
        path=path,
        description=sidecar.get("SeriesDescription") or header.description or image_name(path),
        role=role,
        shape=header.shape,
        spacing_mm=header.grid.spacing_mm,
        orientation=header.grid.orientation if header.grid.orientation_known else "unknown",
        b_values=None if b_values is None else tuple(float(b) for b in b_values.values),
        warnings=warnings,
        grid=header.grid,
    )


def _sidecar(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the BIDS sidecar says of what an image is, and what is wrong with it."""
    beside = path.with_name(image_name(path) + ".json")
    if not beside.is_file():
        return {}, ()
    try:
        said = read_json(beside)
    except BadInputError as err:
        return {}, (f"{beside.name}: {err.what}",)
    image_type = said.get("ImageType")
    if isinstance(image_type, list):
        image_type = "\\".join(str(word) for word in image_type)
    description = said.get("SeriesDescription")
    texts = {"SeriesDescription": description, "ImageType": image_type}
    return {key: text for key, text in texts.items() if isinstance(text, str)}, ()


def _role_of_volume(path: Path, sidecar: dict[str, str]) -> Role:
    """The role of a single volume: labels and maps must not pass for anatomy.

    Regions by any word of the name (``cord_seg_dilated``), maps by their BIDS suffix, else by what the
    converter wrote of the type of a DICOM image.
    """
    words = re.split(r"[_\-. ]", image_name(path).lower())
    if _REGION_WORDS & set(words):
        return "regions"
    if words[-1] in _MAP_SUFFIXES:
        return "map"
    types = set(sidecar.get("ImageType", "").upper().split("\\"))
    return "scanner map" if types & {"ADC", "EADC", "FA", "TENSOR"} else "anatomy"
