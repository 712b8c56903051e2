"""NRRD and MetaImage (MHA) files, through SimpleITK, which the extra ``formats`` brings."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.byte_stream import open_bytes
from napari_dwi.scan.formats._directions import in_voxel_axes
from napari_dwi.scan.formats._extra import missing_extra
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.memory import check_memory
from napari_dwi.scan.nifti_header import image_shape

_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
# Headers whose voxels stand in a file of their own.
_DETACHED = (".nhdr", ".mhd")
# Neither gzip nor bzip2 packs images of scanners further.
_LARGEST_RATIO = 1032
_BLOCK_BYTES = 1024 * 1024
_LARGEST_HEADER_BYTES = 4 * 1024 * 1024


def _claims(path: Path, start: bytes) -> bool:
    if start.startswith(b"NRRD0"):
        return True
    return start.startswith((b"ObjectType", b"NDims")) and path.name.lower().endswith((".mha", ".mhd"))


def _read_header(path: Path, allow: Collection[Allowance]) -> FileHeader:
    return _described(path, _information(path), allow)


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    reader = _information(path)
    about = _described(path, reader, allow)
    n_values = int(np.prod(about.shape, dtype=object))
    # SimpleITK holds its own copy while ours is made.
    check_memory(path, 2 * 4 * n_values, allow)
    with open_bytes(path, check) as stream:
        while stream.read(_BLOCK_BYTES):
            pass
        source, _ = stream.finish()
    if n_values > source.size_bytes * _LARGEST_RATIO and path.suffix.lower() not in _DETACHED:
        raise BadInputError(
            "the file is shorter than its header says",
            file=path,
            expected=f"at least {n_values} voxels",
            found=f"{source.size_bytes} bytes",
            remedy="Copy it again from its source.",
        )
    if check is not None:
        check()
    import SimpleITK as sitk  # noqa: N813 - its own documentation calls it so

    try:
        reader.SetOutputPixelType(
            sitk.sitkVectorFloat32 if reader.GetNumberOfComponents() > 1 else sitk.sitkFloat32
        )
        stored = sitk.GetArrayFromImage(reader.Execute())
    except (RuntimeError, MemoryError) as err:
        raise _damaged(path, err) from err
    if reader.GetNumberOfComponents() > 1:
        stored = np.moveaxis(stored, -1, 0)
    data = np.asfortranarray(stored.T.reshape(about.shape, order="F"), dtype=np.float32)
    return FileImage(
        data=data,
        grid=about.grid,
        source=source,
        notes=about.notes,
        b_values=about.b_values,
        n_not_finite=int(data.size - np.count_nonzero(np.isfinite(data))),
        n_negative=int(np.count_nonzero(data < 0)),
    )


def _information(path: Path) -> Any:
    """SimpleITK's reader after it has read the header."""
    try:
        import SimpleITK as sitk  # noqa: N813
    except ImportError as err:
        raise missing_extra("NRRD and MHA files", path) from err
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.LoadPrivateTagsOff()
    try:
        reader.ReadImageInformation()
    except RuntimeError as err:
        raise _damaged(path, err) from err
    return reader


def _damaged(path: Path, err: Exception) -> BadInputError:
    # ITK's own words come last, after the place in its sources.
    words = str(err).strip().splitlines()
    return BadInputError(
        "this NRRD or MHA file cannot be read",
        file=path,
        found=words[-1].strip() if words else type(err).__name__,
        remedy="Copy it again from its source.",
    )


def _described(path: Path, reader: Any, allow: Collection[Allowance]) -> FileHeader:
    n_axes, n_components = int(reader.GetDimension()), int(reader.GetNumberOfComponents())
    sizes = [int(n) for n in reader.GetSize()]
    if n_axes == 2:
        sizes.append(1)
    shape = image_shape(path, [*sizes, n_components] if n_components > 1 else sizes)
    said = _nrrd_key_values(path) if not path.name.lower().endswith((".mha", ".mhd")) else {}
    gradients = _gradients(said)
    if n_components in (3, 4) and gradients is None and "8-bit" in _pixel_type(reader):
        raise BadInputError(
            "voxels must be plain numbers",
            file=path,
            expected="integers or real numbers",
            found="colours",
            remedy="Export the image without colours.",
        )
    if "complex" in _pixel_type(reader):
        raise BadInputError(
            "voxels must be plain numbers",
            file=path,
            expected="integers or real numbers",
            found="complex numbers",
            remedy="Export the magnitude image.",
        )
    grid, notes = _grid_of(path, reader, (shape[0], shape[1], shape[2]), allow)
    if gradients is None:
        return FileHeader(shape, grid, notes)
    b_values, directions_ras = gradients
    if len(shape) != 4 or shape[3] != b_values.size:
        n_volumes = shape[3] if len(shape) == 4 else 1
        note = f"its header holds {b_values.size} gradients for {n_volumes} volumes: not used"
        return FileHeader(shape, grid, (*notes, note))
    own = BValues(b_values, in_voxel_axes(directions_ras, grid), origin="DWMRI keys of the NRRD header")
    return FileHeader(shape, grid, notes, own)


def _pixel_type(reader: Any) -> str:
    import SimpleITK as sitk  # noqa: N813

    return str(sitk.GetPixelIDValueAsString(reader.GetPixelID())).lower()


def _grid_of(
    path: Path, reader: Any, shape: tuple[int, int, int], allow: Collection[Allowance]
) -> tuple[Grid, tuple[str, ...]]:
    n_axes = int(reader.GetDimension())
    direction = np.eye(max(3, n_axes))
    direction[:n_axes, :n_axes] = np.reshape(reader.GetDirection(), (n_axes, n_axes))
    spacing, origin = np.ones(max(3, n_axes)), np.zeros(max(3, n_axes))
    spacing[:n_axes], origin[:n_axes] = reader.GetSpacing(), reader.GetOrigin()
    affine = np.eye(4)
    affine[:3, :3] = _LPS_TO_RAS @ direction[:3, :3] * spacing[:3]
    affine[:3, 3] = _LPS_TO_RAS @ origin[:3]
    notes = () if n_axes > 2 else ("a picture of one slice: its thickness is not known",)
    try:
        return Grid(shape, affine, "NRRD or MHA"), notes
    except BadInputError as err:
        if "voxel-sizes" in allow and np.isfinite(spacing).all() and (spacing > 0).all():
            note = f"orientation unknown: the voxel sizes were used, because {err.what}"
            return Grid.from_spacing(shape, spacing[:3]), (*notes, note)
        raise BadInputError(err.what, file=path, found=err.found, offers=("voxel-sizes",)) from err


def _nrrd_key_values(path: Path) -> dict[str, str]:
    """Fields and keys of a NRRD header, which is text up to its first empty line."""
    with open_bytes(path) as stream:
        text = stream.read(_LARGEST_HEADER_BYTES).replace(b"\r\n", b"\n")
    said = {}
    for line in text.partition(b"\n\n")[0].decode("utf-8", "replace").splitlines():
        for sign in (":=", ": "):
            key, found, value = line.partition(sign)
            if found:
                said[key.strip()] = value.strip()
                break
    return said


def _gradients(said: dict[str, str]) -> tuple[np.ndarray, np.ndarray] | None:
    """b-values (s/mm2) and directions (RAS) of the keys that NA-MIC defined for diffusion images.

    The longest gradient has the b-value named; others scale it by the square of their length.
    """
    keys = sorted(key for key in said if key.startswith("DWMRI_gradient_"))
    try:
        largest_b = float(said["DWMRI_b-value"])
        table = np.array([[float(word) for word in said[key].split()] for key in keys])
        frame = np.array(
            [
                [float(word) for word in vector.strip("() ").split(",")]
                for vector in said.get("measurement frame", "(1,0,0) (0,1,0) (0,0,1)").split()
            ]
        ).T
        if table.ndim != 2 or table.shape[1] != 3 or frame.shape != (3, 3):
            return None
    except (KeyError, ValueError):
        return None
    lengths = np.linalg.norm(table, axis=1)
    longest = lengths.max()
    if not np.isfinite(longest) or not (np.isfinite(largest_b) and largest_b >= 0):
        return None
    b_values = largest_b * (lengths / longest) ** 2 if longest > 0 else np.zeros(len(table))
    is_ras = said.get("space", "").lower() in ("right-anterior-superior", "ras")
    directions = table @ frame.T
    return b_values, directions if is_ras else directions @ _LPS_TO_RAS


FORMAT = Format("NRRD or MHA", _SUFFIXES, _claims, _read_header, _read)
