"""Scans whose every voxel is known, and the ways in which their files go wrong."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import nibabel as nib
import numpy as np

from napari_dwi.scan import BValues, DwiSeries, Grid, Volume

OBLIQUE_DEG = (20.0, -15.0, 10.0)


def _orientations() -> dict[str, np.ndarray]:
    letters = ("RL", "AP", "SI")
    found = {}
    for axes in itertools.permutations(range(3)):
        for backwards in itertools.product((0, 1), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[axes, range(3)] = 1 - 2 * np.array(backwards)
            found["".join(letters[axis][end] for axis, end in zip(axes, backwards, strict=True))] = matrix
    return found


# The 48 ways to lay out an array in the patient: where its axes point, and the directions as columns.
ORIENTATIONS = _orientations()


def affine_of(matrix: np.ndarray, origin_mm: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = matrix
    affine[:3, 3] = origin_mm
    return affine


def rotation(degrees: tuple[float, float, float] = OBLIQUE_DEG) -> np.ndarray:
    x, y, z = np.radians(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def las_grid(shape: tuple[int, int, int] = (6, 5, 4)) -> Grid:
    return Grid(shape, affine_of(np.diag([-2.0, 2.5, 5.0]), (11, -7, 3)), "sform")


def oblique_grid(shape: tuple[int, int, int] = (6, 5, 4)) -> Grid:
    return Grid(shape, affine_of(rotation() @ np.diag([-2.0, 2.5, 5.0]), (11, -7, 3)), "sform")


def random_volume(shape: tuple[int, int, int] = (6, 5, 4)) -> Volume:
    data = np.random.default_rng(1).normal(100, 20, shape).astype(np.float32)
    return Volume(data, las_grid(shape))


def random_series(b_values: tuple[float, ...] = (0, 100, 800)) -> DwiSeries:
    signal = np.random.default_rng(2).uniform(1, 900, (6, 5, 4, len(b_values))).astype(np.float32)
    return DwiSeries(signal, oblique_grid(), BValues(np.array(b_values)))


def write_nifti(
    path: Path,
    array: np.ndarray | None = None,
    affine: np.ndarray | None = None,
    *,
    big_endian: bool = False,
    **fields: object,
) -> Path:
    """Write a NIfTI-1 file voxel by voxel as given, whatever the header fields then say of it."""
    array = random_volume().data if array is None else array
    header = nib.Nifti1Header(endianness=">" if big_endian else "<")
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    affine = las_grid().affine if affine is None else affine
    header.set_zooms((*np.linalg.norm(affine[:3, :3], axis=0), *[1.0] * (array.ndim - 3))[: array.ndim])
    header.set_sform(affine, 1)
    header.set_xyzt_units("mm")
    header["vox_offset"] = 352
    header["scl_slope"] = 1
    header["scl_inter"] = 0
    for field, value in fields.items():
        header[field] = value
    stored = array.astype(header.get_data_dtype())
    write_bytes(path, header.binaryblock + bytes(4) + stored.tobytes(order="F"))
    return path


def write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix == ".gz" else content)


def write_series(path: Path, b_values: str | None = "0 100 800\n") -> Path:
    write_nifti(path, random_series().signal)
    if b_values is not None:
        path.with_name(path.name.split(".")[0] + ".bval").write_text(b_values)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())
