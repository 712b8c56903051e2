"""Bruker ParaVision reconstructions: a folder with 2dseq and visu_pars, below its scan with method.

The extra ``formats`` brings brukerapi, which parses the parameter files; the voxels are read with the
same checks as those of every other format.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.byte_stream import open_bytes
from napari_dwi.scan.formats._extra import missing_extra
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.memory import check_memory
from napari_dwi.scan.voxels import Scaling, read_voxels

_VOXELS, _PARAMETERS, _METHOD = "2dseq", "visu_pars", "method"
_DTYPES = {"_8BIT_UNSGN_INT": "u1", "_16BIT_SGN_INT": "i2", "_32BIT_SGN_INT": "i4", "_32BIT_FLOAT": "f4"}
_SLICE_GROUP, _DIFFUSION_GROUP, _COMPLEX_GROUP = "FG_SLICE", "FG_DIFFUSION", "FG_COMPLEX"
# Slices further from even than this share of their distance leave a hole in the patient.
_UNEVEN_SHARE = 0.01
_LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
_LARGEST_PARAMETER_BYTES = 64 * 1024 * 1024


def _claims(path: Path, _start: bytes) -> bool:
    folder = path if path.is_dir() else path.parent
    if not path.is_dir() and path.name != _VOXELS:
        return False
    return (folder / _VOXELS).is_file() and (folder / _PARAMETERS).is_file()


def _read_header(path: Path, _allow: Collection[Allowance]) -> FileHeader:
    return _Reconstruction(path if path.is_dir() else path.parent).header


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    folder = path if path.is_dir() else path.parent
    made = _Reconstruction(folder)
    about = made.header
    n_values = int(np.prod(about.shape, dtype=object))
    # Frames are sorted into a second array.
    check_memory(folder / _VOXELS, 2 * 4 * n_values, allow)
    with open_bytes(folder / _VOXELS, check) as stream:
        stream.check_holds(n_values * made.dtype.itemsize)
        voxels = read_voxels(stream, n_values, made.dtype, Scaling())
        source, doubts = stream.finish(allow)
    values = made.sorted_frames(voxels.values)
    return FileImage(
        data=values,
        grid=about.grid,
        source=source,
        notes=(*about.notes, *doubts),
        b_values=about.b_values,
        n_not_finite=int(values.size - np.count_nonzero(np.isfinite(values))),
        n_negative=int(np.count_nonzero(values < 0)),
    )


class _Reconstruction:
    """What the parameter files say, checked."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _PARAMETERS
        self._said = _parameters(self._file)
        self._matrix = tuple(int(n) for n in self._array("VisuCoreSize"))
        self._n_frames = int(self._array("VisuCoreFrameCount")[0])
        self._groups = self._frame_groups()
        self.dtype = self._dtype()
        n_slices = self._groups.get(_SLICE_GROUP, 1) if len(self._matrix) == 2 else self._matrix[2]
        n_volumes = self._n_frames // (n_slices if len(self._matrix) == 2 else 1)
        volume = (self._matrix[0], self._matrix[1], n_slices)
        notes: list[str] = []
        b_values = _b_values(folder.parent.parent / _METHOD, self._groups, n_volumes, notes)
        self.header = FileHeader(
            shape=volume if n_volumes == 1 else (*volume, n_volumes),
            grid=self._grid(volume),
            notes=tuple(notes),
            b_values=b_values,
            description=str(self._said.get("VisuAcquisitionProtocol", "")),
        )

    def sorted_frames(self, values: np.ndarray) -> np.ndarray:
        """Scaled values with the slices third and everything else fourth."""
        frames = values.reshape((*self._matrix, self._n_frames), order="F")
        frames *= self._per_frame("VisuCoreDataSlope").astype(np.float32)
        frames += self._per_frame("VisuCoreDataOffs").astype(np.float32)
        if len(self._matrix) == 3:
            return frames.reshape(self.header.shape, order="F")
        sizes = tuple(self._groups.values())
        frames = frames.reshape((*self._matrix, *sizes), order="F")
        if _SLICE_GROUP in self._groups:
            frames = np.moveaxis(frames, 2 + list(self._groups).index(_SLICE_GROUP), 2)
        in_order: np.ndarray = np.asfortranarray(frames.reshape(self.header.shape, order="F"))
        return in_order

    def _array(self, name: str) -> np.ndarray:
        try:
            return np.atleast_1d(np.asarray(self._said[name]))
        except KeyError:
            raise self._bad("the parameters are not complete", expected=name) from None

    def _bad(self, what: str, *, expected: object = None, found: object = None) -> BadInputError:
        return BadInputError(what, file=self._file, expected=expected, found=found)

    def _per_frame(self, name: str) -> np.ndarray:
        factors = self._array(name).astype(float)
        if factors.size not in (1, self._n_frames):
            raise self._bad(
                "the scaling does not fit the frames", expected=self._n_frames, found=factors.size
            )
        return np.broadcast_to(factors, self._n_frames)

    def _frame_groups(self) -> dict[str, int]:
        """Size of every group of frames, the one that changes fastest first."""
        if len(self._matrix) not in (2, 3) or min((*self._matrix, self._n_frames)) < 1:
            raise self._bad(
                "not an image", expected="two or three axes", found=(*self._matrix, self._n_frames)
            )
        if any(word != "spatial" for word in self._array("VisuCoreDimDesc")):
            raise self._bad("not an image", expected="spatial axes", found=self._said["VisuCoreDimDesc"])
        said = self._said.get("VisuFGOrderDesc", [])
        listed = said if said and isinstance(said[0], (list, tuple)) else [said] if said else []
        groups: dict[str, int] = {}
        for size, name, *_ in listed:
            groups[name if name not in groups else f"{name} {len(groups)}"] = int(size)
        if _COMPLEX_GROUP in groups:
            raise self._bad(
                "voxels must be plain numbers", expected="magnitude images", found="complex numbers"
            )
        if not groups and self._n_frames > 1:
            groups = {"frames": self._n_frames}
        if int(np.prod(list(groups.values()), dtype=object)) != self._n_frames:
            raise self._bad(
                "the groups of frames do not fit their number", expected=self._n_frames, found=groups
            )
        return groups

    def _dtype(self) -> np.dtype[Any]:
        word, order = self._array("VisuCoreWordType")[0], self._array("VisuCoreByteOrder")[0]
        if word not in _DTYPES:
            raise self._bad("an unknown kind of number", expected=", ".join(_DTYPES), found=word)
        return np.dtype(("<" if order == "littleEndian" else ">") + _DTYPES[str(word)])

    def _grid(self, shape: tuple[int, int, int]) -> Grid:
        try:
            return Grid(shape, self._affine(shape[2]), "ParaVision")
        except BadInputError as err:
            raise self._bad(err.what, expected=err.expected, found=err.found) from err

    def _affine(self, n_slices: int) -> np.ndarray:
        """Voxel index to mm, RAS+.

        VisuCorePosition is the corner of the field of view in the plane of the image, and the middle
        of the slice across it: scans of one field of view and different matrices share it.
        """
        extent = self._array("VisuCoreExtent").astype(float)
        orientation = self._array("VisuCoreOrientation").astype(float).reshape(-1, 3, 3)
        positions = self._array("VisuCorePosition").astype(float).reshape(-1, 3)
        if len(extent) != len(self._matrix) or not np.allclose(orientation, orientation[0], atol=1e-4):
            raise self._bad(
                "the slices do not all have the same direction",
                expected="one stack of parallel slices",
                found="a localiser, or several packages of slices",
            )
        spacing = extent / self._matrix
        axes = orientation[0].T
        if len(self._matrix) == 3:
            step = axes[:, 2] * spacing[2]
        elif n_slices == 1:
            step = axes[:, 2] * float(self._array("VisuCoreFrameThickness")[0])
        else:
            step = self._slice_step(positions, n_slices)
        matrix = np.stack([axes[:, 0] * spacing[0], axes[:, 1] * spacing[1], step], axis=1)
        affine = np.eye(4)
        affine[:3, :3] = matrix * _LPS_TO_RAS[:, None]
        affine[:3, 3] = (positions[0] + (matrix[:, 0] + matrix[:, 1]) / 2) * _LPS_TO_RAS
        return affine

    def _slice_step(self, positions: np.ndarray, n_slices: int) -> np.ndarray:
        if len(positions) not in (n_slices, self._n_frames):
            raise self._bad("slice positions are missing", expected=n_slices, found=len(positions))
        if len(positions) == self._n_frames > n_slices:
            # Listed frame by frame: the first of every group but that of the slices will do.
            by_group = positions.reshape((*self._groups.values(), 3), order="F")
            is_slice = [slice(None) if name == _SLICE_GROUP else 0 for name in self._groups]
            positions = by_group[tuple(is_slice)]
        steps = np.diff(positions, axis=0)
        mean = steps.mean(axis=0)
        if not np.abs(steps - mean).max() <= _UNEVEN_SHARE * np.linalg.norm(mean):
            distances = np.linalg.norm(steps, axis=1)
            raise self._bad(
                "the slices are not evenly spaced",
                expected="one distance",
                found=f"{distances.min():.4g} to {distances.max():.4g} mm",
            )
        middle: np.ndarray = mean
        return middle


def _parameters(file: Path) -> dict[str, Any]:
    """The parameters of a JCAMP-DX file by name."""
    try:
        from brukerapi.exceptions import InvalidJcampdxFile, JcampdxFileError, JcampdxVersionError
        from brukerapi.jcampdx import JCAMPDX
    except ImportError as err:
        raise missing_extra("Bruker ParaVision", file) from err
    try:
        if file.stat().st_size > _LARGEST_PARAMETER_BYTES:
            raise BadInputError("too large for a parameter file", file=file)
        parameters = JCAMPDX(file).params
        return {name: parameter.value for name, parameter in parameters.items()}
    except OSError as err:
        raise BadInputError("cannot be read", file=file, found=err.strerror) from err
    except (
        InvalidJcampdxFile,
        JcampdxFileError,
        JcampdxVersionError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
    ) as err:
        if isinstance(err, BadInputError):
            raise
        raise BadInputError(
            "this is not a parameter file of ParaVision", file=file, found=str(err) or type(err).__name__
        ) from err


def _b_values(method: Path, groups: dict[str, int], n_volumes: int, notes: list[str]) -> BValues | None:
    """The effective b-values of the method, one for every volume."""
    if n_volumes == 1 or not method.is_file():
        return None
    said = _parameters(method).get("PVM_DwEffBval")
    if said is None:
        return None
    effective = np.atleast_1d(np.asarray(said, dtype=float))
    volume_groups = {name: size for name, size in groups.items() if name != _SLICE_GROUP}
    if volume_groups.get(_DIFFUSION_GROUP) == effective.size:
        # Every other group, such as repetitions, has all of them.
        shape = [size if name == _DIFFUSION_GROUP else 1 for name, size in volume_groups.items()]
        every = np.broadcast_to(effective.reshape(shape), tuple(volume_groups.values()))
        effective = every.reshape(-1, order="F")
    if effective.size != n_volumes:
        notes.append(f"{method.name} holds {effective.size} b-values for {n_volumes} volumes: not used")
        return None
    return BValues(effective, origin="PVM_DwEffBval of ParaVision")


FORMAT = Format("Bruker ParaVision", (), _claims, _read_header, _read)
